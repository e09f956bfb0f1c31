"""What types cannot say about a value: sizes, addresses, names that must fit each other."""

from __future__ import annotations

import re
from ipaddress import ip_network

from relay.config.outgoing import Dkim
from relay.config.schema import Config, Limits, Platform, Policy
from relay.config.section import octets, seconds
from relay.mail.address import Address, AddressError, ascii_domain, parse_address

PERIODS = ("keep_bodies", "keep_messages", "own_server_patience", "delay_notice")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class ConfigError(Exception):
    """A configuration that cannot be used; the text says where, what was wrong and what to do."""


def check_values(config: Config, where: str) -> None:
    """Raise ConfigError for the first value that cannot be used; ``where`` is the file it came from."""
    try:
        check_policy(config.policy)
        check_documents(config)
        check_limits(config.limits)
        check_dkim(config.dkim, check_platform(config.platform))
        check_host_port("delivery.smarthost", config.delivery.smarthost)
        check_smarthosts(config)
        check_oauth(config)
        for server in config.dns.nameservers:
            check_host_port("dns.nameservers", server)
        check_listeners(config)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def check_listeners(config: Config) -> None:
    """At least one, or nobody can hand in mail; networks that are some."""
    if not config.listener:
        raise ConfigError("listener: there must be at least one [[listener]]")
    for number, each in enumerate(config.listener):
        where = f"listener[{number}]"
        for network in (*each.proxies, *(one.network for one in each.networks)):
            check_network(where, network)
        if (each.auth == "network") != bool(each.networks):
            raise ConfigError(f'{where}: auth = "network" and networks belong together: give both or neither')


def check_smarthosts(config: Config) -> None:
    """A login is whole, and its password leaves over verified TLS only."""
    for number, each in enumerate(config.smarthost):
        where = f"smarthost[{number}]"
        if bool(each.username) != bool(each.password_file):
            raise ConfigError(f"{where}: username and password_file belong together: give both or neither")
        if each.username and each.tls not in {"require", "implicit"}:
            raise bad(f"{where}.tls", each.tls, "a login needs verified TLS: require (587) or implicit (465)")
    if config.smarthost and config.delivery.via != "smarthost":
        raise ConfigError(f'smarthost: is not used while delivery.via = "{config.delivery.via}"; set it to "smarthost"')


def check_oauth(config: Config) -> None:
    """Names that tell them apart, and endpoints that secrets may go to."""
    names = [each.name for each in config.oauth]
    for number, each in enumerate(config.oauth):
        where = f"oauth[{number}]"
        if not NAME.fullmatch(each.name) or names.count(each.name) > 1:
            raise bad(f"{where}.name", each.name, "must be one of its own: small letters, digits and hyphens")
        if each.provider == "custom" and not (each.authorize and each.token):
            raise ConfigError(f'{where}: provider = "custom" needs the endpoints: give authorize and token')
        for key in ("authorize", "token", "device"):
            value = getattr(each, key)
            if value and not re.match(r"https://[^/]|http://(127\.0\.0\.1|localhost|\[::1\])[:/]", value):
                raise bad(f"{where}.{key}", value, "must begin with https:// (http:// for this machine only)")


def check_network(where: str, text: str) -> None:
    """A network in CIDR notation."""
    try:
        ip_network(text)
    except ValueError as error:
        raise bad(f"{where}.networks", text, f"{error}; write 192.168.1.0/24") from None


def check_limits(limits: Limits) -> None:
    """Sizes and periods."""
    checks = (("header_size", octets), ("idle", seconds), ("session", seconds))
    for key, read in (*checks, *((("disk_reserve", octets),) if limits.disk_reserve != "" else ())):
        value = getattr(limits, key)
        try:
            read(value)
        except ValueError as error:
            raise bad(f"limits.{key}", value, str(error)) from None


def check_policy(policy: Policy) -> None:
    """Sizes and periods."""
    for key, read in (("message_size", octets), *((key, seconds) for key in PERIODS)):
        value = getattr(policy, key)
        try:
            read(value)
        except ValueError as error:
            raise bad(f"policy.{key}", value, str(error)) from None


def check_documents(config: Config) -> None:
    """Names of types, and that the default is one."""
    for each in config.document:
        if not NAME.fullmatch(each.name):
            raise bad("document.name", each.name, "must be small letters, digits and hyphens, such as delivery-note")
    if config.policy.document not in config.document_types:
        known = ", ".join(config.document_types)
        raise bad("policy.document", config.policy.document, f"is not a document type; known are {known}")


def check_platform(platform: Platform) -> Address:
    """The platform's address, links and bounce domain; the address with a tenant filled in."""
    if not re.match(r"https?://[^/]", platform.base_url):
        raise bad("platform.base_url", platform.base_url, "must begin with https:// and name a host")
    if "{tenant}" in platform.address.rpartition("@")[2]:
        raise bad("platform.address", platform.address, "{tenant} may stand before the @ only")
    check_domain("platform.bounce_domain", platform.bounce_domain)
    if platform.postmaster:
        check_address("platform.postmaster", platform.postmaster)
    try:
        return parse_address(platform.address.replace("{tenant}", "tenant"))
    except AddressError:
        raise bad(
            "platform.address", platform.address, "must be a mail address, such as mail@platform.example"
        ) from None


def check_dkim(dkim: Dkim, address: Address) -> None:
    """The signing domain must be aligned with the From, or DMARC does not pass (RFC 9989 4.4). Where the organisation
    begins is only known to DNS; two names that do not even share their last two labels are never aligned."""
    if dkim.domain and last_labels(dkim.domain) != last_labels(address.domain):
        reason = f"must belong to the same organisation as platform.address ({address.domain}), else DMARC fails"
        raise bad("dkim.domain", dkim.domain, reason)


def last_labels(domain: str) -> list[str]:
    """The last two labels of a domain."""
    return domain.lower().removesuffix(".").split(".")[-2:]


def check_address(path: str, text: str) -> None:
    """A mail address."""
    try:
        parse_address(text)
    except AddressError:
        raise bad(path, text, "must be a mail address, such as postmaster@platform.example") from None


def check_domain(path: str, domain: str) -> None:
    """A domain name."""
    try:
        ascii_domain(domain)
    except AddressError:
        raise bad(path, domain, "must be a domain, such as bounce.platform.example") from None


def check_host_port(path: str, text: str) -> None:
    """host:port."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= 65535:
        raise bad(path, text, 'must be host:port, such as "127.0.0.1:25"')


def bad(path: str, value: object, reason: str) -> ConfigError:
    """The error for one value."""
    return ConfigError(f"{path} = {value!r}: {reason}")

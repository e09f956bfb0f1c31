"""What the checks are asked about, read from the command line: domains, addresses, how mail is sent."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from relay.checks.spf.macro import Ip

MODES = ("rewritten", "own-domain", "own-server")


class IpType(click.ParamType["Ip"]):
    """An IPv4 or IPv6 address."""

    name = "ip"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Ip:
        try:
            return ip_address(str(value))
        except ValueError:
            self.fail(f"{value!r} is not an IP address", param, ctx)


def a_label(domain: str) -> str:
    """An internationalised name as DNS has it; what is no name stays as it is."""
    if domain.isascii():
        return domain
    import idna

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain


def domain_name(text: str) -> str:
    """A domain as DNS has it; what is none ends the command."""
    from relay.checks.spf.evaluate import is_domain, is_literal
    from relay.net.dns import plain_name

    name = plain_name(a_label(text))
    if not is_domain(name) or is_literal(name):
        raise click.UsageError(f"{text!r} is not a domain name.")
    return name

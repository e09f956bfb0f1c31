"""Does a domain take mail? Asked of DNS as a sending server would (RFC 5321 5.1), and nothing is probed by SMTP."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

from relay.checks.address.mail import DomainMail, Mail
from relay.net.dns import Lookup, Mx, NoData, NoName, Records, Resolver, Unknown, Value

MOST_HOSTS = 5  # mail exchangers looked at, by preference


async def domain_mail(domain: str, resolver: Resolver) -> DomainMail:
    """Whether mail for ``domain`` (A-labels) can be delivered, by its MX, else by its own address."""
    answer = await resolver.lookup(domain, "MX")
    match answer:
        case Unknown(reason):
            return DomainMail(Mail.UNKNOWN, (f"{domain} MX: {reason}",))
        case NoName():
            return DomainMail(Mail.NO_NAME)
        case NoData():
            return await own_mail(domain, resolver)
        case Records(values):
            exchangers = sorted(
                ((mx.preference, mx.exchange) for mx in values if isinstance(mx, Mx)), key=lambda mx: mx[0]
            )
            hosts = [exchange for _, exchange in exchangers if exchange]
            return await explicit_mail(hosts, resolver) if hosts else DomainMail(Mail.NULL_MX)  # RFC 7505 3


async def own_mail(domain: str, resolver: Resolver) -> DomainMail:
    """The same for a domain without MX: it is its own mail host (RFC 5321 5.1), unless it looks as if it had none."""
    found, texts = await asyncio.gather(implicit_mail(domain, resolver), resolver.lookup(domain, "TXT"))
    silent = found.mail is Mail.TAKEN and isinstance(texts, Records) and any(map(sends_nothing, texts.values))
    return DomainMail(Mail.SILENT, found.evidence) if silent else found


def sends_nothing(text: Value) -> bool:
    """True for an SPF record that is exactly ``-all``."""
    return isinstance(text, bytes) and text.lower().split() == [b"v=spf1", b"-all"]  # RFC 7208 4.6.1: in any case


async def explicit_mail(hosts: list[str], resolver: Resolver) -> DomainMail:
    """Whether any of the mail exchangers can be reached."""
    found = await asyncio.gather(*(host_mail(host, resolver) for host in hosts[:MOST_HOSTS]))
    best = best_of(found)
    return DomainMail(Mail.DEAD_HOST, tuple(hosts)) if best.mail is Mail.NO_HOST else best


async def implicit_mail(domain: str, resolver: Resolver) -> DomainMail:
    """Whether the domain has an address itself."""
    return await host_mail(domain, resolver)


async def host_mail(host: str, resolver: Resolver) -> DomainMail:
    """Whether a host has an address that the internet reaches."""
    answers = await asyncio.gather(*(resolver.lookup(host, rdtype) for rdtype in ("A", "AAAA")))
    return best_of([address_mail(host, answer) for answer in answers])


def address_mail(host: str, answer: Lookup) -> DomainMail:
    """What one answer about a host's addresses says."""
    if isinstance(answer, Unknown):
        return DomainMail(Mail.UNKNOWN, (f"{host}: {answer.reason}",))
    if not isinstance(answer, Records):
        return DomainMail(Mail.NO_HOST)
    addresses = tuple(str(value) for value in answer.values)
    reached = any(is_reachable(address) for address in addresses)
    return DomainMail(Mail.TAKEN if reached else Mail.PRIVATE, tuple(f"{host}: {address}" for address in addresses))


def best_of(found: list[DomainMail]) -> DomainMail:
    """The answer that counts when there are several: one way in is enough, and one unknown forbids a no."""
    for mail in (Mail.TAKEN, Mail.UNKNOWN, Mail.PRIVATE):
        if same := [each for each in found if each.mail is mail]:
            return DomainMail(mail, tuple(line for each in same for line in each.evidence))
    return DomainMail(Mail.NO_HOST)


def is_reachable(address: str) -> bool:
    """False for addresses of no use across the internet: private, loopback, link-local, unspecified. Networks that are
    only for documentation count as reachable: they stand for real ones (RFC 5737)."""
    parsed = ip_address(address)
    documentation = any(address.startswith(start) for start in ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"))
    return documentation or parsed.is_global

"""The name that a server greets with in EHLO (RFC 5321 4.1.1.1, 4.1.4), as receivers look at it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from relay.checks.asking import Asking
from relay.checks.model import Finding, Fix, Severity
from relay.checks.publish import record_fix
from relay.net.dns import Lookup, Records, Unknown, plain_name

Ip = IPv4Address | IPv6Address

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123 2.1
INSIDE = frozenset({"local", "localhost", "localdomain", "lan", "internal"})  # names that nobody outside can look up


@dataclass(frozen=True, slots=True)
class Helo:
    """A host name with the answers to its A and AAAA; "" stands for a name that nobody told."""

    name: str
    answers: tuple[Lookup, ...] = ()

    @property
    def ips(self) -> tuple[Ip, ...]:
        """Its addresses, IPv4 first."""
        values = (str(value) for each in self.answers if isinstance(each, Records) for value in each.values)
        return tuple(map(ip_address, values))

    @property
    def reason(self) -> str:
        """Why its addresses are not known; empty when they are."""
        return "; ".join(dict.fromkeys(each.reason for each in self.answers if isinstance(each, Unknown)))


async def read_helo(asking: Asking, name: str) -> Helo:
    """The addresses of a name; a name that cannot be one is not asked for."""
    plain = plain_name(name)
    if not is_host_name(plain):
        return Helo(plain)
    return Helo(plain, tuple(await asyncio.gather(*(asking.lookup(plain, family) for family in ("A", "AAAA")))))


def is_host_name(name: str) -> bool:
    """True for a fully-qualified name of letters, digits and hyphens that others can look up (RFC 5321 2.3.5)."""
    labels = name.split(".")
    well_formed = len(name) <= 253 and len(labels) > 1 and all(LABEL.fullmatch(label) for label in labels)
    return well_formed and labels[-1] not in INSIDE and not labels[-1].isdigit()


def judge_helo(helo: Helo, names: Mapping[Ip, Sequence[str]]) -> Iterator[Finding]:
    """The name, and how it stands to the addresses that mail leaves from and their PTR names."""
    if not helo.name:
        return
    if not is_host_name(helo.name):
        yield Finding("helo.invalid", Severity.ERROR, helo.name, {"helo": helo.name}, rfc="RFC 5321 4.1.4")
        return
    if not helo.ips:
        yield unresolved(helo, names)
    for ip, pointers in names.items():
        if pointers and helo.name not in pointers:
            facts = {"helo": helo.name, "address": str(ip), "names": ", ".join(pointers)}
            fix = record_fix(ip.reverse_pointer, "PTR", helo.name, pointers) if ip in helo.ips else None
            yield Finding("ptr.helo", Severity.WARNING, str(ip), facts, fix, tuple(pointers), "RFC 5321 4.1.4")


def unresolved(helo: Helo, names: Mapping[Ip, Sequence[str]]) -> Finding:
    """A name without an address, or one whose addresses nobody could tell."""
    facts = {"helo": helo.name, "reason": helo.reason}
    if helo.reason:
        return Finding("helo.unknown", Severity.UNKNOWN, helo.name, facts, rfc="RFC 5321 4.1.4")
    return Finding(
        "helo.unresolved", Severity.WARNING, helo.name, facts, address_fix(helo, names), (), "RFC 5321 4.1.4"
    )


def address_fix(helo: Helo, names: Mapping[Ip, Sequence[str]]) -> Fix | None:
    """The address record for the name, where an address is known."""
    ip = next(iter(names), None)
    return record_fix(helo.name, "A" if ip.version == 4 else "AAAA", str(ip)) if ip is not None else None

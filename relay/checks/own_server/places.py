"""Where a host is: its addresses, by DNS, or as the system knows them."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from relay.checks.asking import Asking
from relay.checks.own_server.question import Question
from relay.net.dns import Lookup, NoName, Records, Unknown

LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Places:
    """One address of each family, IPv4 first. Without any: whether the name exists, and why nobody could say.
    ``published`` False: DNS does not name them, so a family that nothing listens at misleads nobody."""

    addresses: tuple[str, ...]
    exists: bool = True
    unknown: str = ""
    published: bool = True


async def find_places(asking: Asking, question: Question) -> Places:
    """The addresses of the host."""
    host = question.host
    if literal := as_address(host):
        return Places((str(literal),))
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 6.3: never asked of DNS
        return Places(LOOPBACK, published=False)
    places = judged(*await asyncio.gather(asking.lookup(host, "A"), asking.lookup(host, "AAAA")))
    if not places.addresses and question.system_names and (known := await system_addresses(host)):
        return Places(known, published=False)
    return places


def as_address(host: str) -> IPv4Address | IPv6Address | None:
    """The host as an IP address, if it is one."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def judged(*answers: Lookup) -> Places:
    """The first address of each family."""
    found = tuple(str(answer.values[0]) for answer in answers if isinstance(answer, Records))
    unknown = next((answer.reason for answer in answers if isinstance(answer, Unknown)), "")
    return Places(found, not any(isinstance(answer, NoName) for answer in answers), unknown)


async def system_addresses(host: str) -> tuple[str, ...]:
    """What the system knows of a name (its hosts file), the first of each family."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    first = {family: str(place[0]) for family, _, _, _, place in reversed(found)}
    return tuple(first[family] for family in (socket.AF_INET, socket.AF_INET6) if family in first)

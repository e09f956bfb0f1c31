"""Where a stranger's DNS may send us: never to this machine or into a private network."""

from __future__ import annotations

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052 2.1


def is_public(address: str) -> bool:
    """True for a unicast address on the public Internet that is not one of this machine's."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = embedded(parsed)
    return all(each.is_global and not each.is_multicast for each in (parsed, inner) if each) and not is_ours(parsed)


def embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, if it is of such a kind."""
    if isinstance(address, IPv4Address):
        return None
    if address in NAT64:
        return IPv4Address(address.packed[12:])
    return address.ipv4_mapped or address.sixtofour


def is_ours(address: IPv4Address | IPv6Address) -> bool:
    """True for an address of this machine: only to such a one can a socket be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True

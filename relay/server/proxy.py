"""The PROXY protocol, versions 1 and 2 (the HAProxy specification of 2020): who really connects, said by a balancer.

Only believed of peers in the listener's list: from anybody else it would be a way to claim an address.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

LONGEST_V1 = 107  # octets with CRLF: section 2.1
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # section 2.2
LONGEST_V2 = 16 + 2048
LOCAL, PROXIED = 0x20, 0x21
FAMILIES = {0x11: (IPv4Address, 4), 0x21: (IPv6Address, 16)}  # TCP over IPv4, over IPv6


class ProxyError(ValueError):
    """What a balancer sent is no such header."""


@dataclass(frozen=True, slots=True)
class Introduced:
    """The client's address ("": the balancer speaks for itself), and how many octets the header took."""

    address: str
    octets: int


def is_trusted(address: str, networks: tuple[str, ...]) -> bool:
    """True for a peer in one of the networks."""
    if not networks or not address:
        return False
    peer = ip_address(address.partition("%")[0])
    return any(peer in ip_network(network) for network in networks)


def introduction(data: bytes) -> Introduced | None:
    """The header at the start of ``data``; None while it is not complete. Raises `ProxyError`."""
    if data.startswith(SIGNATURE):
        return version_2(data)
    if SIGNATURE.startswith(data[: len(SIGNATURE)]):
        return None
    if data.startswith(b"PROXY "):
        return version_1(data)
    if b"PROXY ".startswith(data[:6]):
        return None
    raise ProxyError("not a PROXY header")


def version_1(data: bytes) -> Introduced | None:
    """The header in words (section 2.1)."""
    end = data.find(b"\r\n", 0, LONGEST_V1)
    if end < 0:
        if len(data) >= LONGEST_V1:
            raise ProxyError("a PROXY line without end")
        return None
    words = data[:end].split(b" ")
    if words[1] == b"UNKNOWN":
        return Introduced("", end + 2)
    versions = {b"TCP4": 4, b"TCP6": 6}
    try:
        source = ip_address(words[2].decode("ascii"))
        ports = [int(word) for word in words[4:]]
    except (ValueError, IndexError):
        raise ProxyError("a PROXY line that cannot be read") from None
    if versions.get(words[1]) != source.version or len(ports) != 2 or not all(0 <= port < 65536 for port in ports):
        raise ProxyError("a PROXY line that cannot be read")
    return Introduced(str(source), end + 2)


def version_2(data: bytes) -> Introduced | None:
    """The header in octets (section 2.2); what follows the addresses is passed over."""
    if len(data) < 16:
        return None
    command, family, length = struct.unpack("!BBH", data[12:16])
    if command not in {LOCAL, PROXIED} or 16 + length > LONGEST_V2:
        raise ProxyError("a PROXY header that cannot be read")
    if len(data) < 16 + length:
        return None
    if command == LOCAL or family not in FAMILIES:
        return Introduced("", 16 + length)
    kind, size = FAMILIES[family]
    if length < 2 * size + 4:
        raise ProxyError("a PROXY header that cannot be read")
    return Introduced(str(kind(data[16 : 16 + size])), 16 + length)

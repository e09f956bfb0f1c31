"""Does a PTR name look like one that a provider gives to every customer? Receivers then take the host for a home."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

WORDS = (
    r"dyn|dynamic|dynip|dhcp|pool|ppp|pppoe|dsl|adsl|vdsl|xdsl|cable|catv|client|cust|customer|broadband|dialup|dial"
)
HOME = re.compile(rf"(?:^|[.\-_\d])(?:{WORDS})(?=$|[.\-_\d])")
NOT_A_HOST = 2  # the last two labels are the provider's own name


def is_generic(name: str, ip: IPv4Address | IPv6Address) -> bool:
    """True for a name that has its address in it, or a part of it beside a word such as ``dsl``."""
    host = ".".join(name.lower().split(".")[:-NOT_A_HOST])
    if ip.version == 6:
        return has_address6(host, ip)
    octets = str(ip).split(".")
    return has_octets(host, octets) or (bool(HOME.search(host)) and octets[3] in re.findall(r"\d+", host))


def has_octets(host: str, octets: list[str]) -> bool:
    """True when all four octets stand in a name, in either order, padded or in hexadecimal."""
    numbers = [str(int(number)) for number in re.findall(r"\d{1,9}", host)]
    for wanted in (octets, octets[::-1]):
        if any(numbers[place : place + 4] == wanted for place in range(len(numbers))):
            return True
    packed = ("".join(f"{int(octet):03d}" for octet in octets), "".join(f"{int(octet):02x}" for octet in octets))
    return any(text in host for text in packed)


def has_address6(host: str, ip: IPv4Address | IPv6Address) -> bool:
    """True when the last half of an IPv6 address stands in a name, with or without its zeros."""
    groups = ip.exploded.split(":")[4:]
    written = ["".join(groups), "-".join(groups), ".".join(groups), "-".join(f"{int(group, 16):x}" for group in groups)]
    reversed_nibbles = ".".join(reversed("".join(groups)))
    return any(text in host for text in (*written, reversed_nibbles)) or str(ip).replace(":", "-") in host

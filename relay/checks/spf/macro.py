"""SPF macros (RFC 7208 7): their syntax, and what they expand to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

Ip = IPv4Address | IPv6Address

LONGEST_NAME = 253
EXPAND = re.compile(r"%\{([A-Za-z])([0-9]*)(r?)([.\-+,/_=]*)\}|%([%_\-])", re.IGNORECASE)
LITERAL = re.compile(r"[\x21-\x24\x26-\x7e]*")
TOP_LABEL = re.compile(r"\.(?:[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9])\.?")
IN_NAMES = "slodiphv"
IN_EXPLANATIONS = IN_NAMES + "crt"  # RFC 7208 7.2
ESCAPED = {"%": "%", "_": " ", "-": "%20"}


def is_macro_string(text: str, letters: str = IN_EXPLANATIONS) -> bool:
    """True for a text whose macros are well-formed and use only ``letters`` (RFC 7208 7.1)."""
    at = 0
    while at < len(text):
        found = EXPAND.match(text, at)
        if found is None:
            end = LITERAL.match(text, at)
            if end is None or end.end() == at:
                return False
            at = end.end()
            continue
        letter, digits = found[1], found[2]
        if letter and (letter.lower() not in letters or (digits and not int(digits[:9]))):
            return False
        at = found.end()
    return True


def is_domain_spec(text: str) -> bool:
    """True for what may stand as a name in a record (RFC 7208 7.1): it ends in a macro or in a real top label."""
    if not text or not is_macro_string(text, IN_NAMES):
        return False
    end = max((found.end() for found in EXPAND.finditer(text)), default=0)
    if end == len(text):
        return True
    tail = text[end:]
    dot = tail.removesuffix(".").rfind(".")
    return dot >= 0 and TOP_LABEL.fullmatch(tail[dot:]) is not None


def has_macro(text: str) -> bool:
    """True when a name cannot be known without a message."""
    return "%" in text


def needs_validated_name(text: str) -> bool:
    """True when ``%{p}`` is in it, which costs look-ups of its own."""
    return any((found[1] or "").lower() == "p" for found in EXPAND.finditer(text))


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with its macros filled in; ``values`` holds one a letter."""
    return EXPAND.sub(lambda found: expanded(found, values), text)


def expanded(found: re.Match[str], values: Mapping[str, str]) -> str:
    """One macro (RFC 7208 7.3): split, reverse, keep the right-hand parts, join with dots, escape if upper case."""
    if found[5]:
        return ESCAPED[found[5]]
    letter, digits, reverse, delimiters = found[1], found[2], found[3], found[4] or "."
    parts = re.split(f"[{re.escape(delimiters)}]", values[letter.lower()])
    if reverse:
        parts.reverse()
    if digits:
        parts = parts[-int(digits[:9]) :]
    value = ".".join(parts)
    return quote(value, safe="~") if letter.isupper() else value


def expand_name(text: str, values: Mapping[str, str]) -> str:
    """A name to look up: without final dot, labels taken from its left while it is too long (RFC 7208 7.3)."""
    name = expand(text, values).removesuffix(".")
    while len(name) > LONGEST_NAME and "." in name:
        name = name.partition(".")[2]
    return name


def dotted(ip: Ip) -> str:
    """``%{i}``: an IPv4 address as it is, an IPv6 address as its nibbles with dots."""
    return str(ip) if isinstance(ip, IPv4Address) else ".".join(f"{int(ip):032X}")


def reverse_name(ip: Ip) -> str:
    """Where the PTR records of an address are."""
    zone = "in-addr.arpa" if isinstance(ip, IPv4Address) else "ip6.arpa"
    return f"{'.'.join(reversed(dotted(ip).split('.')))}.{zone}"

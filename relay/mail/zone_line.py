"""A DNS record as a line of a zone file (RFC 1035 5.1)."""

from __future__ import annotations

TXT_STRING = 255  # RFC 1035 3.3: the longest <character-string>


def zone_line(name: str, rdtype: str, value: str) -> str:
    """The line that publishes ``value`` at an absolute name."""
    return f"{name}. IN {rdtype} {zone_value(rdtype, value)}"


def zone_value(rdtype: str, value: str) -> str:
    """The value: text in quoted strings of at most 255 octets, addresses as they are, names absolute."""
    if rdtype in {"A", "AAAA"}:
        return value
    if rdtype != "TXT":
        return f"{value.rstrip('.')}."
    strings = [f'"{"".join(map(escaped, text))}"' for text in txt_strings(value)]
    return strings[0] if len(strings) == 1 else f"( {' '.join(strings)} )"


def txt_strings(value: str) -> tuple[str, ...]:
    """A TXT value in strings of at most 255 octets; readers join them without a space (RFC 6376 3.6.2.2)."""
    return tuple(value[start : start + TXT_STRING] for start in range(0, len(value), TXT_STRING)) or ("",)


def escaped(char: str) -> str:
    """One octet, read as latin-1, inside quotes."""
    if char in '"\\':
        return f"\\{char}"
    return char if " " <= char <= "~" else f"\\{ord(char):03d}"

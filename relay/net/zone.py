"""A zone as a literal: DNS for tests, where failures are data and what was asked is recorded.

Zone({
    "example.nl": {"MX": ["10 mx.example.nl"], "TXT": ["v=spf1 -all"]},
    "mx.example.nl": {"A": ["192.0.2.1"], "AAAA": "SERVFAIL"},
    "broken.example": "timeout",
})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from relay.net.dns import Lookup, Mx, NoData, NoName, Records, Unknown, Value, plain_name

TTL = 300
LONGEST_CHAIN = 8

Rows = Mapping[str, Sequence[str | bytes] | str]


class Zone:
    """A `Resolver` over a table: name -> type -> values. A text in place of a list, or of the whole table of a name, is
    a failure with that reason. A name that is not there does not exist, unless it has names below it (RFC 8020).
    ``servers`` are authoritative servers by their addresses; ``signed`` marks answers as authenticated by DNSSEC."""

    def __init__(
        self,
        names: Mapping[str, Rows | str],
        ttl: int = TTL,
        *,
        servers: Mapping[str, Zone] = MappingProxyType({}),
        signed: bool = False,
    ) -> None:
        self.names = {plain_name(name): rows for name, rows in names.items()}
        self.ttl = ttl
        self.servers = servers
        self.signed = signed
        self.asked: list[tuple[str, str]] = []

    def at(self, address: str) -> Zone | None:
        """The authoritative server at an address."""
        return self.servers.get(address)

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        """Answer from the table, following CNAMEs."""
        self.asked.append((plain_name(name), rdtype))
        return self.find(plain_name(name), rdtype, LONGEST_CHAIN)

    def find(self, name: str, rdtype: str, hops: int) -> Lookup:
        """The answer for a plain name after at most ``hops`` aliases."""
        rows = self.names.get(name)
        if rows is None:
            return NoData() if any(other.endswith(f".{name}") for other in self.names) else NoName()
        if isinstance(rows, str):
            return Unknown(rows)
        alias = rows.get("CNAME")
        if alias and rdtype != "CNAME" and rdtype not in rows:
            if isinstance(alias, str):
                return Unknown(alias)
            return self.find(plain_name(str(alias[0])), rdtype, hops - 1) if hops else Unknown("CNAME loop")
        values = rows.get(rdtype)
        if isinstance(values, str):
            return Unknown(values)
        if not values:
            return NoData()
        return Records(tuple(read_value(rdtype, text) for text in values), self.ttl, name, self.signed)


def read_value(rdtype: str, text: str | bytes) -> Value:
    """A value as it is written in the table: ``10 mx.example.nl`` for an MX, text or octets for a TXT."""
    if isinstance(text, bytes):
        return text
    match rdtype:
        case "MX":
            preference, exchange = text.split()
            return Mx(int(preference), plain_name(exchange))
        case "TXT" | "SPF":
            return text.encode("utf-8")
        case "CNAME" | "NS" | "PTR":
            return plain_name(text)
        case _:
            return text

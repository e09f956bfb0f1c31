"""DNS: the `Resolver` port, its answers, and the adapter that asks real nameservers.

An answer is a value. "No such name" and "no such record" differ and are answers; a server failure or a time-out is
`Unknown` and decides nothing. Tests use `relay.net.zone.Zone`. dnspython, which reads the answers, is imported at the
first question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Protocol

from relay.net.exchange import exchange, head_of, make_query

PORT = 53
CONCURRENCY = 32  # three hundred questions at once overflow a UDP socket's buffer
SECONDS = 5.0
SECONDS_A_TRY = 2.0


@dataclass(frozen=True, slots=True)
class Mx:
    """A mail exchanger (RFC 1035 3.3.9): lower-case name without the final dot, empty for the null MX (RFC 7505)."""

    preference: int
    exchange: str


Value = str | bytes | Mx


@dataclass(frozen=True, slots=True)
class Records:
    """What there is: MX as `Mx`, TXT as the joined octets of each record (RFC 7208 3.3), names without the final dot,
    other types in their presentation form. ``ttl`` is in seconds. ``canonical`` is the name they are at, where aliases
    end (RFC 1034 3.6.2). ``authenticated`` is what the nameserver says of DNSSEC (the AD bit, RFC 4035 3.2.3): worth
    something only when that server is trusted and near."""

    values: tuple[Value, ...]
    ttl: int
    canonical: str = field(default="", compare=False)
    authenticated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists, but has no record of this type (RFC 2308 2.2)."""


@dataclass(frozen=True, slots=True)
class NoName:
    """The name does not exist (RFC 2308 2.1), nor anything below it (RFC 8020)."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody could say: ``SERVFAIL``, ``timeout``, an answer that makes no sense."""

    reason: str


Lookup = Records | NoData | NoName | Unknown


class Resolver(Protocol):
    """Whoever answers questions about DNS."""

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        """The records of type ``rdtype`` ("MX", "TXT", ...) at an absolute name (A-labels, final dot optional)."""
        ...


class Directed(Resolver, Protocol):
    """A resolver that can also ask one server of choice: the authoritative servers of a zone, one by one."""

    def at(self, address: str) -> Resolver | None:
        """Who asks the server at an IP address; None where that address must not be asked."""
        ...


class DnsResolver:
    """Asks nameservers given as ``HOST:PORT`` (addresses, IPv6 in brackets; the system's when there are none).

    A question may take ``seconds``, one try of it ``seconds_a_try``; the next try asks the next nameserver.
    Authoritative servers are asked at ``authority_port``; ``private`` ones too, by default where nameservers are given.
    """

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        seconds: float = SECONDS,
        seconds_a_try: float = SECONDS_A_TRY,
        authority_port: int = PORT,
        *,
        private: bool | None = None,
    ) -> None:
        self.nameservers = tuple(host_port(server) for server in nameservers)
        self.seconds = seconds
        self.seconds_a_try = seconds_a_try
        self.authority_port = authority_port
        self.private = bool(nameservers) if private is None else private
        self.slots = asyncio.Semaphore(CONCURRENCY)

    def at(self, address: str) -> DnsResolver | None:
        """Who asks one server. A zone may name any address as its server, one inside our network too."""
        ip = ip_address(address)
        if not self.private and not ip.is_global:
            return None
        host = f"[{ip}]" if ip.version == 6 else str(ip)
        return DnsResolver((f"{host}:{self.authority_port}",), self.seconds, self.seconds_a_try)

    @cached_property
    def servers(self) -> tuple[tuple[str, int], ...]:
        """Whom to ask, in turn; none where the system has no nameserver."""
        return self.nameservers or system_nameservers()

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        """Ask, within ``seconds``; never raises for what a nameserver or the network does."""
        import dns.exception  # noqa: PLC0415
        import dns.name  # noqa: PLC0415
        import dns.rdatatype  # noqa: PLC0415

        try:
            absolute = dns.name.from_text(name, dns.name.root).to_wire() or b""
        except (dns.exception.DNSException, UnicodeError):
            return NoName()  # a label of 64 octets, an empty label: no such name can exist
        query = make_query(absolute, dns.rdatatype.from_text(rdtype))
        try:
            async with self.slots, asyncio.timeout(self.seconds):
                return await self.tried(query)
        except TimeoutError:
            return Unknown("timeout")

    async def tried(self, query: bytes) -> Lookup:
        """Ask one nameserver after the other, round and round. One that does not know is not asked again; what the last
        of them said is the reason."""
        servers, reason = list(self.servers), "no nameserver"
        while servers:
            for server in tuple(servers):
                try:
                    async with asyncio.timeout(self.seconds_a_try):
                        found = read_reply(await exchange(server, query))
                except TimeoutError:
                    continue
                except (OSError, EOFError) as error:
                    found = Unknown(type(error).__name__)
                if not isinstance(found, Unknown):
                    return found
                reason = found.reason
                servers.remove(server)
        return Unknown(reason)


def read_reply(octets: bytes) -> Lookup:
    """What a nameserver says, aliases followed (RFC 1034 3.6.2)."""
    import dns.exception  # noqa: PLC0415
    import dns.flags  # noqa: PLC0415
    import dns.message  # noqa: PLC0415
    import dns.rcode  # noqa: PLC0415

    rcode, answers = head_of(octets)
    if rcode == dns.rcode.NXDOMAIN:
        return NoName()
    if rcode == dns.rcode.NOERROR and not answers:
        return NoData()
    try:
        message = dns.message.from_wire(octets, ignore_trailing=True)
        if message.rcode() != dns.rcode.NOERROR or not isinstance(message, dns.message.QueryMessage):
            return Unknown(dns.rcode.to_text(message.rcode()))
        chain = message.resolve_chaining()
    except dns.exception.DNSException as error:
        return Unknown(type(error).__name__)
    if chain.answer is None:
        return NoData()
    canonical, authenticated = plain_name(chain.canonical_name.to_text()), bool(message.flags & dns.flags.AD)
    return Records(tuple(value_of(record) for record in chain.answer), chain.answer.ttl, canonical, authenticated)


def system_nameservers() -> tuple[tuple[str, int], ...]:
    """Those of the machine; none where it has none."""
    import dns.resolver  # noqa: PLC0415

    try:
        return tuple((str(server), PORT) for server in dns.resolver.Resolver().nameservers)
    except dns.resolver.NoResolverConfiguration:
        return ()


def host_port(text: str) -> tuple[str, int]:
    """Address and port of ``192.0.2.1:5353``, ``[2001:db8::1]:53`` or a bare address."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest.removeprefix(":") or PORT)
    if text.count(":") != 1:
        return text, PORT
    host, _, port = text.partition(":")
    return host, int(port)


def value_of(record: Any) -> Value:
    """A dnspython record as a value of ours."""
    match record.rdtype.name:
        case "MX":
            return Mx(record.preference, plain_name(record.exchange.to_text()))
        case "TXT" | "SPF":
            return joined(record.strings)
        case "CNAME" | "NS" | "PTR" | "DNAME":
            return plain_name(record.target.to_text())
        case _:
            return str(record.to_text())


def joined(strings: Iterable[bytes]) -> bytes:
    """The character-strings of one TXT record as one text (RFC 7208 3.3, RFC 6376 3.6.2.2)."""
    return b"".join(strings)


def plain_name(name: str) -> str:
    """A name as we compare it: lower case, no final dot."""
    return name.lower().rstrip(".")

"""What was asked about DANE, and what follows from it without judging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relay.checks.model import Fix
from relay.mail.tlsa import Tlsa, read_tlsa, record_of
from relay.net.dns import Lookup, Mx, NoData, Records, Unknown


@dataclass(frozen=True, slots=True)
class Seen:
    """What a mail server presented at one address: its chain of certificates, empty without TLS. ``reason`` says why
    nothing could be seen."""

    address: str
    chain: tuple[bytes, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server with its answers. ``base`` is the name that its TLSA records are below: where its aliases end when
    there are records there, else its own (RFC 7672 2.2.2, 2.2.3)."""

    host: str
    base: str
    addresses: tuple[Lookup, ...]
    tlsa: Lookup
    seen: tuple[Seen, ...] = ()

    @property
    def place(self) -> str:
        """Where its TLSA records are."""
        return place_of(self.base)

    @property
    def texts(self) -> tuple[str, ...]:
        """Its TLSA records as they are written."""
        return tuple(str(value) for value in self.tlsa.values) if isinstance(self.tlsa, Records) else ()

    @property
    def records(self) -> tuple[Tlsa, ...]:
        """Those of them that mail servers take."""
        read = (read_tlsa(text) for text in self.texts)
        return tuple(record for record in read if record is not None and record.is_usable)

    @property
    def is_signed(self) -> bool:
        """True when DNSSEC vouches for the records and for the addresses (RFC 7672 2.2.2)."""
        answers = [answer for answer in (self.tlsa, *self.addresses) if isinstance(answer, Records)]
        return all(answer.authenticated for answer in answers)

    @property
    def matches(self) -> bool | None:
        """Whether every certificate that was seen is in the records; None where none was seen."""
        chains = [seen.chain for seen in self.seen if seen.chain]
        return all(is_matched(self.records, chain) for chain in chains) if chains and self.records else None


@dataclass(frozen=True, slots=True)
class Dane:
    """The answers for one domain. ``root`` says whether the nameserver checks DNSSEC: the root zone is signed."""

    domain: str
    root: Lookup
    mx: Lookup
    servers: tuple[Server, ...] = ()

    @property
    def is_validated(self) -> bool:
        """True when the nameserver checks signatures."""
        return isinstance(self.root, Records) and self.root.authenticated


def hosts_of(domain: str, mx: Lookup, most: int) -> tuple[str, ...]:
    """The mail servers, best first: those of MX, else the domain itself (RFC 5321 5.1)."""
    if isinstance(mx, Records):
        exchanges = sorted((value for value in mx.values if isinstance(value, Mx)), key=lambda value: value.preference)
        return tuple(dict.fromkeys(value.exchange for value in exchanges if value.exchange))[:most]
    return (domain,) if isinstance(mx, NoData) else ()


def place_of(base: str) -> str:
    """Where the TLSA records of a mail server are (RFC 7672 2.2.3)."""
    return f"_25._tcp.{base}"


def is_matched(records: Sequence[Tlsa], chain: Sequence[bytes]) -> bool:
    """True when one of the records stands for a chain: one is enough (RFC 7672 3.1)."""
    return any(record.matches(chain) for record in records)


def present_fix(server: Server, removes: Sequence[str] = ()) -> Fix | None:
    """The record for the key that the server has now; None where it was not seen."""
    chains = [seen.chain for seen in server.seen if seen.chain]
    record = record_of(chains[0][0]) if chains else None
    return tlsa_fix(server, record, removes) if record else None


def tlsa_fix(server: Server, record: Tlsa, removes: Sequence[str] = ()) -> Fix:
    """A TLSA record to publish."""
    value = str(record)
    return Fix(server.place, "TLSA", value, f"{server.place}. IN TLSA {value}", tuple(removes))


def unknowns(dane: Dane) -> list[tuple[str, Unknown]]:
    """What DNS did not say, by name, each name once."""
    asked = [(dane.domain, dane.mx)]
    for server in dane.servers:
        asked += [(server.place, server.tlsa), *((server.host, answer) for answer in server.addresses)]
    return list({name: (name, answer) for name, answer in asked if isinstance(answer, Unknown)}.values())

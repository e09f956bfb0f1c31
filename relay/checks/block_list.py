"""A DNS list (RFC 5782) as ``data/dnsbl.toml`` describes it, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

from relay.checks.dated import table
from relay.checks.model import Severity
from relay.net.dns import Lookup, Records, Unknown

ANSWERS = IPv4Network("127.0.0.0/8")  # RFC 5782 2.3: nothing else is an answer of a list
REFUSALS = IPv4Network("127.255.255.0/24")  # typing error, public resolver, too many questions


class State(StrEnum):
    """What a list says of an entry. UNBELIEVABLE: an answer that cannot come from a list."""

    LISTED = "listed"
    NOT_LISTED = "not listed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNBELIEVABLE = "unbelievable"


@dataclass(frozen=True, slots=True)
class BlockList:
    """``zone`` is how it is known, ``asked`` where it is asked: the same but for lists with a key in their name."""

    zone: str
    asked: str
    name: str
    kind: str
    severity: Severity
    delist: str
    codes: Mapping[str, str]
    refused: frozenset[str]
    test: str
    clean: str
    bits: bool = False
    needs_key: bool = False

    def state(self, answer: Lookup) -> State:
        """What an answer about an entry means."""
        if isinstance(answer, Unknown):
            return State.UNKNOWN
        if not isinstance(answer, Records):
            return State.NOT_LISTED
        addresses = [ip_address(str(value)) for value in answer.values]
        if not all(isinstance(address, IPv4Address) and address in ANSWERS for address in addresses):
            return State.UNBELIEVABLE
        if any(address in REFUSALS or str(address) in self.refused for address in addresses):
            return State.REFUSED
        return State.LISTED

    def meanings(self, answer: Lookup) -> str:
        """What the codes of an answer stand for, as far as it is known."""
        given = [str(value) for value in answer.values] if isinstance(answer, Records) else []
        words = [word for code in given for word in self.words_of(code)]
        return ", ".join(dict.fromkeys(words))

    def words_of(self, code: str) -> Sequence[str]:
        """One code in words: itself where nothing is known about it."""
        if self.bits:
            sum_of = int(code.rpartition(".")[2])
            found = [word for each, word in self.codes.items() if sum_of & int(each.rpartition(".")[2])]
            return found or [code]
        return [self.codes.get(code, code)]

    def trust(self, test: Lookup, clean: Lookup) -> State:
        """LISTED when the list answers as it must (RFC 5782 5): the test entry is there, the clean one is not."""
        states = (self.state(test), self.state(clean))
        for doubt in (State.REFUSED, State.UNKNOWN):
            if doubt in states:
                return doubt
        return State.LISTED if states == (State.LISTED, State.NOT_LISTED) else State.UNBELIEVABLE


def block_lists(kind: str, named: Sequence[str] = ()) -> list[BlockList]:
    """The lists of a kind: those that were named, else all that need no key."""
    every = [list_of(zone, zone, entry) for zone, entry in table("dnsbl")["lists"].items() if entry["kind"] == kind]
    if not named:
        return [each for each in every if not each.needs_key]
    return [found for name in named if (found := named_list(name, every)) is not None]


def named_list(name: str, known: Sequence[BlockList]) -> BlockList | None:
    """The list with that name, or with that name behind a key (``KEY.zen.dq.spamhaus.net``)."""
    for each in known:
        if name == each.zone or (each.needs_key and name.endswith(f".{each.zone}")):
            return list_of(each.zone, name, table("dnsbl")["lists"][each.zone])
    return None


def list_of(zone: str, asked: str, entry: Mapping[str, object]) -> BlockList:
    """One entry of the data file."""
    given = dict(entry)
    kind = str(given["kind"])
    test, clean = ("127.0.0.2", "127.0.0.1") if kind == "ip" else ("test", "invalid")  # RFC 5782 5
    codes, refused = given.get("codes", {}), given.get("refused", ())
    assert isinstance(codes, Mapping)
    assert isinstance(refused, Sequence)
    return BlockList(
        zone,
        asked,
        str(given["name"]),
        kind,
        Severity(str(given["severity"])),
        str(given["delist"]),
        {str(code): str(word) for code, word in codes.items()},
        frozenset(map(str, refused)),
        str(given.get("test", test)),
        str(given.get("clean", clean)),
        bits=bool(given.get("bits")),
        needs_key=bool(given.get("needs_key")),
    )


def entry_name(entry: str, zone: str) -> str:
    """Where an entry is in a list: octets or nibbles reversed, names as they are (RFC 5782 2.1, 2.4, 3.1)."""
    try:
        address: IPv4Address | IPv6Address = ip_address(entry)
    except ValueError:
        return f"{entry}.{zone}"
    return f"{address.reverse_pointer.removesuffix('.arpa').removesuffix('.in-addr').removesuffix('.ip6')}.{zone}"

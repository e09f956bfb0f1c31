"""``relay check dnsbl``: is an address or a domain on a list that receivers refuse mail by?

1. Every list is asked for its two test entries (RFC 5782 5) and for all subjects at once.
2. A list that fails its test, or refuses to answer, is not believed: *unknown*, never "listed".
3. What is listed is asked for once more, for the reason that the list gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from relay.checks.asking import Asking
from relay.checks.block_list import BlockList, State, block_lists, entry_name
from relay.checks.model import Finding, Part, Severity
from relay.checks.report import shown
from relay.net.dns import Lookup, NoData, Records, Unknown, plain_name

WORST_FIRST = (State.LISTED, State.REFUSED, State.UNKNOWN, State.NOT_LISTED)
QUERIES_A_SUBJECT = 8
QUERIES_AT_LEAST = 40

# What a list is, if it cannot be believed -> the finding.
DOUBTS = {State.REFUSED: "dnsbl.refused", State.UNKNOWN: "dnsbl.unknown", State.UNBELIEVABLE: "dnsbl.resolver"}


@dataclass(frozen=True, slots=True)
class Listing:
    """What one list answered: about itself, and about each subject. ``reasons`` are its texts about those it lists."""

    list: BlockList
    test: Lookup
    clean: Lookup
    entries: Mapping[str, Lookup]
    reasons: Mapping[str, Lookup]

    @property
    def trust(self) -> State:
        """LISTED when the list can be believed."""
        return self.list.trust(self.test, self.clean)

    def state(self, subject: str) -> State:
        """What the list says of a subject; never LISTED where it is not to be believed."""
        found = self.list.state(self.entries[subject]) if self.trust is State.LISTED else self.trust
        return State.UNKNOWN if found is State.UNBELIEVABLE else found

    @property
    def doubt(self) -> State | None:
        """Why something could not be determined; the list's own test comes first."""
        if self.trust is not State.LISTED:
            return self.trust
        found = {self.list.state(answer) for answer in self.entries.values()}
        return next((state for state in DOUBTS if state in found), None)

    @property
    def answers(self) -> tuple[Lookup, ...]:
        """Everything it said."""
        return (self.test, self.clean, *self.entries.values())


async def check_dnsbl(asking: Asking, subjects: Sequence[str], named: Sequence[str] = ()) -> Part:
    """Ask for addresses and domains; ``named`` are the lists to ask instead of those that answer everybody."""
    chosen = list(dict.fromkeys(plain_name(subject) for subject in subjects))
    addresses = [subject for subject in chosen if is_address(subject)]
    domains = [subject for subject in chosen if subject not in addresses]
    pairs = [(each, addresses) for each in block_lists("ip", named) if addresses]
    pairs += [(each, domains) for each in block_lists("domain", named) if domains]
    listings = await asyncio.gather(*(ask_list(asking, each, those) for each, those in pairs))
    return Part("dnsbl", ", ".join(chosen), facts_of(chosen, listings), tuple(judge(listings)))


def queries_for(subjects: int) -> int:
    """How many questions so many subjects may take."""
    return QUERIES_AT_LEAST + QUERIES_A_SUBJECT * subjects


def is_address(subject: str) -> bool:
    """True for an IP address."""
    try:
        ip_address(subject)
    except ValueError:
        return False
    return True


async def ask_list(asking: Asking, block_list: BlockList, subjects: Sequence[str]) -> Listing:
    """The answers of one list; the reasons only for what it lists."""
    names = [entry_name(entry, block_list.asked) for entry in (block_list.test, block_list.clean, *subjects)]
    test, clean, *answers = await asyncio.gather(*(asking.lookup(name, "A") for name in names))
    listing = Listing(block_list, test, clean, dict(zip(subjects, answers, strict=True)), {})
    listed = [subject for subject in subjects if listing.state(subject) is State.LISTED]
    texts = await asyncio.gather(*(asking.lookup(entry_name(subject, block_list.asked), "TXT") for subject in listed))
    return Listing(block_list, test, clean, listing.entries, dict(zip(listed, texts, strict=True)))


def judge(listings: Sequence[Listing]) -> Iterator[Finding]:
    """What the lists say; of those that are not believed, one finding for each reason."""
    for doubt, found in DOUBTS.items():
        doubtful = [listing for listing in listings if listing.doubt is doubt]
        if doubtful:
            zones = ", ".join(listing.list.zone for listing in doubtful)
            evidence = tuple(f"{listing.list.zone}: {said(listing)}" for listing in doubtful)
            yield Finding(found, Severity.UNKNOWN, zones, {"lists": zones}, None, evidence, "RFC 5782 5")
    for listing in listings:
        yield from judge_entries(listing)


def judge_entries(listing: Listing) -> Iterator[Finding]:
    """What is on a list that is believed."""
    block_list = listing.list
    facts = {"list": block_list.zone, "owner": block_list.name, "delist": block_list.delist}
    for subject, answer in listing.entries.items():
        if listing.state(subject) is State.LISTED:
            found = "dnsbl.listed" if block_list.kind == "ip" else "dbl.domain"
            given = {**facts, "subject": subject, "meaning": block_list.meanings(answer)}
            evidence = (*texts_of(answer), *texts_of(listing.reasons.get(subject, NoData())))
            yield Finding(found, block_list.severity, subject, given, None, evidence, "RFC 5782 2.3")


def said(listing: Listing) -> str:
    """What a list that is not believed answered."""
    answers = [", ".join(texts_of(each)) for each in listing.answers if isinstance(each, Records)]
    reasons = [each.reason for each in listing.answers if isinstance(each, Unknown)]
    return "; ".join(dict.fromkeys(answers + reasons)) or "nothing is listed"


def texts_of(answer: Lookup) -> tuple[str, ...]:
    """The records of an answer as text."""
    if not isinstance(answer, Records):
        return ()
    return tuple(value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in answer.values)


def facts_of(subjects: Sequence[str], listings: Sequence[Listing]) -> dict[str, object]:
    """The names are stable. ``lists`` has the worst state of each list, ``subjects`` every state; ``found`` is for
    people."""
    worst = {
        listing.list.zone: min((listing.state(each) for each in listing.entries), key=WORST_FIRST.index)
        for listing in listings
    }
    states = {
        shown(subject): {each.list.zone: each.state(subject).value for each in listings if subject in each.entries}
        for subject in subjects
    }
    return {
        "found": ", ".join(f"{zone} {state}" for zone, state in worst.items()),
        "lists": {zone: state.value for zone, state in worst.items()},
        "subjects": states,
    }

"""``relay check dkim``: the keys of a domain, by their selectors or by a guess at them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from relay.checks.address.known import registrable
from relay.checks.asking import Asking
from relay.checks.dated import names
from relay.checks.dkim.findings import Seen, judge_guesses, judge_selector, judge_types, judge_wildcard
from relay.checks.dkim.record import Fault, KeyRecord
from relay.checks.model import Finding, Part
from relay.net.dns import Lookup, NoData, Records, plain_name

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DkimQuestion:
    """What is asked. ``wanted`` is the record that belongs at a selector, where the private key is known. Without
    ``selectors`` those of ``wanted`` are meant, and without these common ones are guessed. ``probe`` is a selector that
    nobody uses: an answer to it comes from a wildcard."""

    domain: str
    selectors: tuple[str, ...] = ()
    wanted: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    probe: str = field(default_factory=lambda: f"probe-{secrets.token_hex(6)}")

    @property
    def known(self) -> tuple[str, ...]:
        """The selectors that somebody named."""
        return tuple(dict.fromkeys(self.selectors or self.wanted))


async def check_dkim(
    asking: Asking, domain: str, selectors: Sequence[str] = (), wanted: Mapping[str, str] = NOTHING
) -> Part:
    """Ask for the keys of a domain and judge them. ``wanted``: selector -> the record that publishes our key."""
    return await answer_dkim(asking, DkimQuestion(plain_name(domain), tuple(selectors), wanted))


async def answer_dkim(asking: Asking, question: DkimQuestion) -> Part:
    """Everything in one gather, then judged."""
    probe = asking.lookup(record_name(question.probe, question.domain), "TXT")
    if question.known:
        asked = asyncio.gather(*(look(asking, question, selector) for selector in question.known))
    else:
        guesses = sorted_names()
        asked = asyncio.gather(*(guess(asking, question.domain, selector) for selector in guesses))
    seen, by_wildcard = await asyncio.gather(asked, probe)
    shown = [without_wildcard(each, by_wildcard) for each in seen]
    findings = judge(question, shown) if question.known else judge_guesses(question.domain, shown)
    wildcard = judge_wildcard(question.domain, by_wildcard)
    return Part("dkim", question.domain, facts_of(question, shown), (*findings, *wildcard))


def sorted_names() -> list[str]:
    """The selectors to guess, in alphabetical order."""
    return sorted(names("selectors", "selectors"))


def record_name(selector: str, domain: str) -> str:
    """Where the key of a selector is (RFC 6376 3.6.2.1)."""
    return f"{plain_name(selector)}._domainkey.{domain}"


async def look(asking: Asking, question: DkimQuestion, selector: str) -> Seen:
    """A selector that somebody named: its record, its alias, and whether a panel put the zone behind it again."""
    domain, name = question.domain, record_name(selector, question.domain)
    doubled = tuple(dict.fromkeys(f"{name}.{zone}" for zone in (domain, registrable(domain))))
    answer, alias, *twice = await asyncio.gather(
        asking.lookup(name, "TXT"),
        asking.lookup(name, "CNAME"),
        *(asking.lookup(each, "TXT") for each in doubled),
    )
    target = str(alias.values[0]) if isinstance(alias, Records) else ""
    wanted = question.wanted.get(selector, "")
    return Seen(selector, name, answer, target, dict(zip(doubled, twice, strict=True)), wanted)


async def guess(asking: Asking, domain: str, selector: str) -> Seen:
    """A selector that is only tried."""
    name = record_name(selector, domain)
    return Seen(selector, name, await asking.lookup(name, "TXT"))


def without_wildcard(seen: Seen, by_wildcard: Lookup) -> Seen:
    """A selector without an answer that comes from a wildcard and is no key."""
    is_same = isinstance(seen.answer, Records) and isinstance(by_wildcard, Records)
    if is_same and seen.answer == by_wildcard and not any(record.octets for record in seen.records):
        return replace(seen, answer=NoData())
    return seen


def judge(question: DkimQuestion, seen: Sequence[Seen]) -> list[Finding]:
    """Selectors that are used, or are meant to be."""
    found = [finding for each in seen for finding in judge_selector(each)]
    return [*found, *judge_types(question.domain, seen, question.wanted.values())]


def facts_of(question: DkimQuestion, seen: Sequence[Seen]) -> dict[str, object]:
    """``found`` is for people: each selector with its kind of key."""
    present = [each for each in seen if question.known or each.records]
    sound = [(each.selector, each.sound) for each in present]
    return {
        "found": ", ".join(f"{selector} ({record.kind})" for selector, record in sound if record is not None),
        "guessed": not question.known,
        "selectors": [selector_json(each, each.sound) for each in present],
    }


def selector_json(seen: Seen, sound: KeyRecord | None) -> dict[str, object]:
    """One selector for ``--json``; ``state`` is ``found``, ``none``, ``unknown``, ``multiple`` or what is wrong."""
    records = seen.records
    fault = records[0].fault if len(records) == 1 else Fault.NONE
    state = "found" if sound else fault.value or ("multiple" if records else seen.absence)
    return {
        "selector": seen.selector,
        "name": seen.name,
        "state": state,
        "type": sound.type if sound else None,
        "bits": sound.bits if sound else None,
        "alias": seen.alias or None,
        "records": [record.text for record in records],
    }

"""The DNS tree walk of RFC 9989 4.10: which record holds for a domain, and which is its organizational domain.

All names are known beforehand, at most eight, and are asked at once; `choose` then decides, without DNS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from relay.checks.asking import Asking
from relay.checks.dmarc.record import DmarcRecord, is_dmarc, read_dmarc, texts_of
from relay.net.dns import Lookup, Records, Unknown

LONGEST_WALKED = 7  # RFC 9989 4.10 step 4: of eight labels or more, seven remain after the first question


@dataclass(frozen=True, slots=True)
class Step:
    """What stands at ``_dmarc`` of one name: ``texts`` of all TXT records, the record where there is exactly one."""

    name: str
    state: str  # record, none, multiple, unknown
    record: DmarcRecord | None = None
    texts: tuple[str, ...] = ()
    reason: str = ""
    canonical: str = ""

    @property
    def psd(self) -> str:
        """``psd=`` of the record; ``u`` where it says nothing."""
        return (self.record and self.record.value("psd")) or "u"

    @property
    def records(self) -> tuple[str, ...]:
        """The texts that are DMARC records."""
        return tuple(text for text in self.texts if is_dmarc(text))


@dataclass(frozen=True, slots=True)
class Discovery:
    """What the walk from ``domain`` found. ``applied`` is where the record that holds stands; ``org_domain`` is None
    where it could not be determined; ``unknown`` are the steps without an answer that something hangs on."""

    domain: str
    steps: tuple[Step, ...]
    applied: Step | None
    org_domain: str | None
    unknown: tuple[Step, ...] = ()

    @property
    def own(self) -> Step:
        """The domain's own name."""
        return self.steps[0]

    @property
    def is_known(self) -> bool:
        """True when the record that holds is known, or that there is none."""
        return self.applied is not None or not self.unknown

    @property
    def is_own(self) -> bool:
        """True when the domain's own record holds."""
        return self.applied is self.own


def names_to_ask(domain: str) -> tuple[str, ...]:
    """The domain and its ancestors, as the walk visits them."""
    labels = domain.split(".")
    start = max(1, len(labels) - LONGEST_WALKED)
    return (domain, *(".".join(labels[place:]) for place in range(start, len(labels))))


async def discover(asking: Asking, domain: str) -> Discovery:
    """Walk up from a domain."""
    names = names_to_ask(domain)
    answers = await asyncio.gather(*(asking.lookup(f"_dmarc.{name}", "TXT") for name in names))
    return choose(domain, [read_step(name, answer) for name, answer in zip(names, answers, strict=True)])


def read_step(name: str, answer: Lookup) -> Step:
    """What an answer comes to: other TXT records are ignored, several DMARC records all discarded (4.10 step 2)."""
    if isinstance(answer, Unknown):
        return Step(name, "unknown", reason=answer.reason)
    if not isinstance(answer, Records):
        return Step(name, "none")
    texts = texts_of(answer.values)
    records = [text for text in texts if is_dmarc(text)]
    record = read_dmarc(records[0]) if len(records) == 1 else None
    return Step(name, "record" if record else "multiple" if records else "none", record, texts, "", answer.canonical)


def choose(domain: str, steps: Sequence[Step]) -> Discovery:
    """Which record holds, and the organizational domain (RFC 9989 4.10.1, 4.10.2)."""
    walked = until_stop(steps)
    unknown = tuple(step for step in walked if step.state == "unknown")
    org_domain = None if unknown else organizational(domain, walked)
    own = walked[0]
    if own.record is not None:
        applied: Step | None = own
    elif unknown:
        applied = None
    else:
        found = [step for step in walked if step.record is not None]
        applied = next((step for step in found if step.name == org_domain), found[-1] if found else None)
    return Discovery(domain, tuple(walked), applied, org_domain, unknown)


def until_stop(steps: Sequence[Step]) -> list[Step]:
    """The steps up to the first record that says ``psd=n`` or ``psd=y`` (4.10 steps 2 and 6)."""
    walked = []
    for step in steps:
        walked.append(step)
        if step.psd != "u":
            break
    return walked


def organizational(domain: str, walked: Sequence[Step]) -> str:
    """The organizational domain: named by psd=n, one label below psd=y, else the record with the fewest labels."""
    found = [step for step in walked if step.record is not None]
    for step in found:
        if step.psd == "n":
            return step.name
        if step.psd == "y" and step is not walked[0]:
            return ".".join(domain.split(".")[-step.name.count(".") - 2 :])
    return found[-1].name if found else domain

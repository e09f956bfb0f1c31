"""``relay check domain``: all that the checks can say about one domain, asked in one gather on shared answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from relay.checks.asking import Asking
from relay.checks.bimi import check_bimi
from relay.checks.bulk import bulk, known_from
from relay.checks.dane.check import check_dane
from relay.checks.dkim.check import check_dkim
from relay.checks.dmarc.check import check_dmarc
from relay.checks.dnsbl import check_dnsbl
from relay.checks.model import NO_FACTS, Part
from relay.checks.mta_sts.check import check_mta_sts
from relay.checks.mx import check_mx
from relay.checks.report import parts_json
from relay.checks.sending import Mode, Sending
from relay.checks.spf.check import SpfAnswer, SpfQuestion, check_spf
from relay.checks.spf.include import Included
from relay.checks.spf.part import include_json, spf_part
from relay.checks.tls_rpt import check_tls_rpt
from relay.locales import Catalog
from relay.net.https import HttpsClient

MOST_QUERIES = 300  # of all parts together
MOST_OF_A_PART = 80


@dataclass(frozen=True, slots=True)
class DomainQuestion:
    """What is asked: the domain, how its mail is sent, whether ``include`` is in its SPF record ("": not asked), the
    DKIM records that belong there (selector -> value), where the private keys are known, and how files are fetched."""

    domain: str
    sending: Sending
    include: str = ""
    wanted_keys: Mapping[str, str] = field(default_factory=lambda: NO_FACTS)
    client: HttpsClient = field(default_factory=HttpsClient)

    @property
    def spf(self) -> SpfQuestion:
        """The question about SPF. Who asks for an include wants the domain as the reverse-path too, unless mail is
        rewritten."""
        is_reverse_path = self.include and self.sending.mode is not Mode.REWRITTEN
        sending = None if is_reverse_path else self.sending
        return SpfQuestion(self.domain, self.sending.ips, include=self.include, sending=sending)


@dataclass(frozen=True, slots=True)
class DomainReport:
    """All parts, and how long it took in milliseconds."""

    domain: str
    mode: Mode
    parts: tuple[Part, ...]
    included: Included | None
    elapsed_ms: int


Probe = Callable[[Asking, DomainQuestion], Awaitable[Part]]

PROBES: tuple[Probe, ...] = (
    lambda asking, asked: check_dkim(asking, asked.domain, asked.sending.selectors, asked.wanted_keys),
    lambda asking, asked: check_dmarc(asking, asked.domain, asked.sending),
    lambda asking, asked: check_mx(asking, asked.domain),
    lambda asking, asked: check_mta_sts(asking, asked.domain, asked.client),
    lambda asking, asked: check_tls_rpt(asking, asked.domain),
    lambda asking, asked: check_dane(asking, asked.domain),
    lambda asking, asked: check_dnsbl(asking, [asked.domain, *map(str, asked.sending.ips)]),
    lambda asking, asked: check_bimi(asking, asked.domain),
)


async def check_domain(asking: Asking, question: DomainQuestion) -> DomainReport:
    """Every part at once, each within limits of its own; then what follows from them together."""
    started_at = time.monotonic()
    answer, *parts = await asyncio.gather(
        check_spf(Asking(asking), question.spf),
        *(probe(Asking(asking, most=MOST_OF_A_PART), question) for probe in PROBES),
    )
    assert isinstance(answer, SpfAnswer)
    found = [spf_part(answer), *(part for part in parts if isinstance(part, Part))]
    if question.sending.from_domain == question.domain:
        found.append(bulk_part(question, found))
    elapsed_ms = round((time.monotonic() - started_at) * 1000)
    return DomainReport(question.domain, question.sending.mode, tuple(found), answer.include, elapsed_ms)


def bulk_part(question: DomainQuestion, found: list[Part]) -> Part:
    """What large receivers ask of bulk senders, of what the other parts found."""
    known = known_from(found, question.sending)
    return Part("bulk", question.domain, NO_FACTS, bulk(question.domain, known))


def domain_json(report: DomainReport, language: Catalog, queries: int) -> dict[str, object]:
    """The whole report as JSON; its names are stable."""
    included = include_json(report.included, language) if report.included else None
    parts = parts_json(report.parts, language, report.elapsed_ms, queries)
    return {"domain": report.domain, "mode": report.mode.value, "include": included, **parts}

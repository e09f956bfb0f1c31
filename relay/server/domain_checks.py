"""Checks of domains for whoever opens the page: few at once, a fresh answer shared by those who ask together."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.checks.asking import Asking
from relay.checks.domain import MOST_QUERIES, DomainReport, check_domain
from relay.checks.from_config import own_domain_question
from relay.checks.page import Asked
from relay.net.dns import DnsResolver
from relay.net.https import HttpsClient

if TYPE_CHECKING:
    from relay.config import Config

AT_ONCE = 4
FRESH_FOR = 20.0  # seconds: the page, its file and its letter say the same
MOST_KEPT = 100
SECONDS_A_NAME = 2.5
SECONDS_A_TRY = 1.0


@dataclass(frozen=True, slots=True)
class Checked:
    """A report, and how it was got; ``at`` is by the monotonic clock."""

    report: DomainReport
    asked: Asked
    at: float


class DomainChecks:
    """Asks the configured nameservers; whatever a zone says, only public addresses are asked or fetched from."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.slots = asyncio.Semaphore(AT_ONCE)
        self.kept: OrderedDict[str, asyncio.Task[Checked]] = OrderedDict()

    async def check(self, domain: str) -> Checked:
        """The report on a domain (lower-case A-labels), at most twenty seconds old."""
        kept = self.kept.get(domain)
        if kept is None or (kept.done() and (kept.exception() or time.monotonic() - kept.result().at > FRESH_FOR)):
            kept = self.kept[domain] = asyncio.create_task(self.ask(domain))
            self.kept.move_to_end(domain)
            while len(self.kept) > MOST_KEPT:
                self.kept.popitem(last=False)
        return await asyncio.shield(kept)

    async def ask(self, domain: str) -> Checked:
        """Ask everything."""
        async with self.slots:
            nameservers = self.config.dns.nameservers
            resolver = DnsResolver(nameservers, SECONDS_A_NAME, SECONDS_A_TRY, private=False)
            asking = Asking(resolver, most=MOST_QUERIES)
            report = await check_domain(asking, own_domain_question(self.config, domain, {}, HttpsClient()))
        asked = Asked(time.time(), tuple(nameservers), report.elapsed_ms, asking.queries, asking.failed)
        return Checked(report, asked, time.monotonic())

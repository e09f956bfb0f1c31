"""Reports about TLS (RFC 8460): once a day, to each domain that has mail servers we met and that asks for them.

1. Every minute `TlsDesk.run` writes down what was counted, and looks at some of the days that are over.
2. `TlsDesk.report` asks DNS where the domain wants its reports; if nowhere, the counts are forgotten.
3. Whoever takes a day's counts out of the store reports it: mails are queued in the same transaction. Where the only
   place is one on the web and it takes nothing, the counts go back, for two days.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from relay.checks.tls_rpt import TlsRpt, is_destination
from relay.mail.address import AddressError, parse_address
from relay.mail.delivery import DAY, MINUTE
from relay.mail.tls_report import Reporter, TlsResult, day_of, file_name, report_json
from relay.mail.tls_report_mail import MEDIA_TYPE, Report, packed, report_mail
from relay.net.dns import Resolver, Unknown
from relay.net.https import HttpsClient
from relay.net.https_post import post
from relay.store.database import StoreError
from relay.store.model import MessageKind, Queued

if TYPE_CHECKING:
    from relay.server.office import Office
    from relay.server.tls_ledger import TlsLedger
    from relay.store.group import CommitGroup
    from relay.store.store import Store

log = logging.getLogger("relay.tls")

EVERY = 60.0  # seconds
AT_ONCE = 50  # domains a minute, so that nobody gets all reports of the world at midnight (RFC 8460 4.1)
GRACE = 10 * MINUTE  # after midnight, for processes that count
TRIED_FOR = 2 * DAY
MOST_PLACES = 5  # that one domain gets its report at


@dataclass(slots=True)
class TlsDesk:
    """One per process. ``reports`` says whether any are sent; ``wake`` is called when something was queued."""

    group: CommitGroup
    office: Office
    ledger: TlsLedger
    resolver: Resolver
    https: HttpsClient
    wake: Callable[[], None]
    now: Callable[[], float]
    reports: bool = True
    after: tuple[str, str] = ("", "")  # the place in the order of all domains and days

    async def run(self) -> None:
        """Count and report until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.round()
            except StoreError as error:
                log.error("TLS reports failed: %s", error)  # noqa: TRY400 - the next round tries again

    async def round(self) -> None:
        """Write down what was counted, forget what is over, and report some of what is due. Raises StoreError."""
        now = self.now()
        if not self.reports:
            self.ledger.counts.clear()
        await self.ledger.write(self.group)
        await self.group.write(lambda store: store.purge_sts_policies(now))
        today, after = day_of(now - GRACE), self.after
        due = await self.group.read(lambda store: store.tls_days(today, after, AT_ONCE))
        self.after = due[-1] if len(due) == AT_ONCE else ("", "")
        for domain, day in due:
            await self.report(domain, day)

    async def report(self, domain: str, day: str) -> None:
        """Report a day to a domain. Raises StoreError."""
        answer = await self.resolver.lookup(f"_smtp._tls.{domain}", "TXT")
        is_old = day < day_of(self.now() - TRIED_FOR)
        if isinstance(answer, Unknown) and not is_old:
            return
        places = [uri for uri in TlsRpt(domain, answer).uris if is_destination(uri)][:MOST_PLACES]
        mailto = mail_addresses(places) if self.office.signer.keys else []  # RFC 8460 5.3: only signed ones count
        web = [uri for uri in places if uri.lower().startswith("https:")]
        taken = await self.group.write(lambda store: self.taken(store, domain, day, mailto))
        if not taken or not (mailto or web):
            return
        if mailto:
            self.wake()
        went = await self.posted(self.made(taken, domain, day), web)
        if not (mailto or went or is_old):
            await self.group.write(lambda store: store.add_tls_results(taken))

    def taken(self, store: Store, domain: str, day: str, mailto: Sequence[str]) -> dict[TlsResult, int]:
        """Take the counts of a day, and queue the mails that tell them."""
        results = store.take_tls_results(domain, day)
        if results and mailto:
            report = self.made(results, domain, day)
            for recipient in mailto:
                store.enqueue(self.mail(report, recipient))
        return results

    def made(self, results: dict[TlsResult, int], domain: str, day: str) -> Report:
        """The report of a day."""
        platform, submitter = self.office.config.platform, self.office.hostname
        own = platform.address.rpartition("@")[2]
        report_id = f"{day}.{domain}@{own}"
        document = report_json(results, day, Reporter(submitter, f"postmaster@{own}", platform.name), report_id)
        return Report(domain, day, submitter, report_id, packed(document), file_name(domain, day, submitter))

    def mail(self, report: Report, recipient: str) -> Queued:
        """The mail that brings a report, signed, from an address that takes no answers."""
        now = self.now()
        sender = f"noreply@{self.office.config.platform.address.rpartition('@')[2]}"
        mail = report_mail(report, sender, recipient, now, self.office.message_id(now))
        return self.office.own_mail(mail, MessageKind.TLS_REPORT, None, recipient, now)

    async def posted(self, report: Report, urls: Sequence[str]) -> bool:
        """Hand a report in on the web (RFC 8460 5.4); True when anybody took it."""
        went = False
        for url in urls:
            refusal = await post(self.resolver, self.https, url, report.content, MEDIA_TYPE)
            log.info("TLS report domain=%s day=%s to=%s outcome=%r", report.domain, report.day, url, refusal or "taken")
            went = went or not refusal
        return went

    async def close(self) -> None:
        """Write down what was counted last."""
        if self.reports:
            try:
                await self.ledger.write(self.group)
            except StoreError as error:
                log.error("TLS results not written: %s", error)  # noqa: TRY400 - the store logged it


def mail_addresses(uris: Sequence[str]) -> list[str]:
    """The addresses of ``mailto:`` URIs (RFC 6068 2), those that a mail can go to."""
    found: list[str] = []
    for uri in uris:
        parts = urlsplit(uri)
        if parts.scheme == "mailto":
            try:
                found.append(str(parse_address(unquote(parts.path))))
            except AddressError:
                continue
    return found

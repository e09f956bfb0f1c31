"""MTA-STS policies of recipients' domains (RFC 8461): looked up, fetched, kept.

1. `StsPolicies.of` answers from memory for `LOOK_AFTER`; after that it asks DNS for the id of the policy.
2. Another id, or a policy fetched more than a day ago, is a reason to fetch it (RFC 8461 3.3, 10.2). What is fetched is
   kept in the store, and counts until its own ``max_age`` is over, whatever DNS and the web server say meanwhile: else
   whoever can disturb them could switch it off.
3. Where nothing could be fetched and nothing is kept there is no policy, and mail goes as it would go without.

Each step has its limit in time, and a domain is looked up once at a time, whoever waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.mail.delivery import DAY, HOUR, MINUTE
from relay.mail.mta_sts import Mode, Policy, read_policy, read_record, sts_texts
from relay.mail.tls_report import TlsFault
from relay.net.dns import Records, Resolver, Unknown
from relay.net.https import Fault, Fetched, HttpsClient, fetch
from relay.store.database import StoreError
from relay.store.tls_policy import KeptPolicy

if TYPE_CHECKING:
    from relay.store.group import CommitGroup

log = logging.getLogger("relay.tls")

PATH = "/.well-known/mta-sts.txt"  # RFC 8461 3.3
LOOK_AFTER = 1 * HOUR
LOOK_SOON = 5 * MINUTE  # after something went wrong (RFC 8461 3.3)
MOST_KNOWN = 20_000  # domains in memory


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a domain until it is looked up again: its policy, and what is wrong with the present one."""

    kept: KeptPolicy | None
    look_at: float
    fault: TlsFault | None = None

    def policy(self, now: float) -> KeptPolicy | None:
        """The policy to keep to, if there is one."""
        kept = self.kept
        return kept if kept and kept.counts(now) and kept.policy.mode is not Mode.NONE else None


class StsPolicies:
    """One per process."""

    def __init__(
        self,
        group: CommitGroup,
        resolver: Resolver,
        https: HttpsClient,
        now: Callable[[], float],
        most_known: int = MOST_KNOWN,
    ) -> None:
        self.group = group
        self.resolver = resolver
        self.https = https
        self.now = now
        self.most_known = most_known
        self.known: dict[str, Known] = {}
        self.lookups: dict[str, asyncio.Task[Known]] = {}

    async def of(self, domain: str) -> Known:
        """What is known of a domain. Raises StoreError."""
        known = self.known.get(domain)
        if known and self.now() < known.look_at:
            return known
        lookup = self.lookups.get(domain)
        if lookup is None:
            lookup = self.lookups[domain] = asyncio.create_task(self.look(domain, known))
            lookup.add_done_callback(lambda _: self.lookups.pop(domain, None))
        return await asyncio.shield(lookup)

    async def look(self, domain: str, before: Known | None) -> Known:
        """Look a domain up and remember it. Raises StoreError."""
        kept = before.kept if before else await self.group.read(lambda store: store.sts_policy(domain))
        known = await self.refreshed(domain, kept if kept and kept.counts(self.now()) else None)
        if len(self.known) >= self.most_known:
            del self.known[next(iter(self.known))]
        self.known[domain] = known
        return known

    async def refreshed(self, domain: str, kept: KeptPolicy | None) -> Known:
        """What is known after asking, given what counted until now."""
        now = self.now()
        answer = await self.resolver.lookup(f"_mta-sts.{domain}", "TXT")
        if isinstance(answer, Unknown):
            return Known(kept, now + LOOK_SOON)
        texts = answer.values if isinstance(answer, Records) else ()
        records = sts_texts([text.decode("latin-1") for text in texts if isinstance(text, bytes)])
        policy_id = read_record(records[0])[0] if len(records) == 1 else None
        if policy_id is None:  # RFC 8461 3.1: as if there were none, which ends no policy that is kept
            return Known(kept, now + LOOK_AFTER)
        if kept and kept.id == policy_id and now < kept.fetched_at + DAY:
            return Known(kept, now + LOOK_AFTER)
        fetched = await self.fetch(domain)
        if isinstance(fetched, TlsFault):
            log.warning("no MTA-STS policy domain=%s: %s; kept=%s", domain, fetched, kept is not None)
            return Known(kept, now + LOOK_SOON, fetched)
        return Known(await self.keep(domain, KeptPolicy(policy_id, fetched, now)), now + LOOK_AFTER)

    async def fetch(self, domain: str) -> Policy | TlsFault:
        """The policy that a domain serves, or what is wrong with it."""
        fetched = await fetch(self.resolver, self.https, f"mta-sts.{domain}", PATH)
        if not isinstance(fetched, Fetched):
            is_tls = fetched.fault in {Fault.CERTIFICATE, Fault.TLS}
            return TlsFault.STS_WEBPKI if is_tls else TlsFault.STS_FETCH
        policy = read_policy(fetched.body).policy if fetched.media_type == "text/plain" else None  # RFC 8461 3.2
        return policy or TlsFault.STS_INVALID

    async def keep(self, domain: str, kept: KeptPolicy) -> KeptPolicy:
        """Keep a policy in the store; one that cannot be written counts all the same."""
        try:
            await self.group.write(lambda store: store.put_sts_policy(domain, kept))
        except StoreError as error:
            log.error("MTA-STS policy not kept domain=%s: %s", domain, error)  # noqa: TRY400 - the store logged it
        return kept

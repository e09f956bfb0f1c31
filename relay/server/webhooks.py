"""Webhooks: what becomes of mail, told by HTTP to whom the operator named.

1. What happens is noted in the transaction in which it happens (`relay.store.webhooks.add_webhook_event`).
2. `Webhooks.run` looks once a second which of them have something to tell; several processes share the work by leases.
3. `Webhooks.serve` sends the oldest events of one, several at once. 2xx means taken. Anything else, or no answer, is a
   failure: the webhook as a whole waits, longer each time, and one event alone finds out whether somebody listens.
4. After three days an event is given up; 410 pauses the webhook at once. The log says both, and `relay webhook list`.

An event can be told twice, when the answer got lost; its id is the same then. The order is that of time, more or less.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from relay.mail.delivery import DAY, HOUR, MINUTE
from relay.net.post import Posted, Poster, Unposted
from relay.server.webhook_event import body_of, headers_of, test_body
from relay.store.database import StoreError
from relay.store.vault import VaultError, open_vault

if TYPE_CHECKING:
    from relay.store.group import CommitGroup
    from relay.store.store import Store
    from relay.store.webhooks import Event, Webhook

log = logging.getLogger("relay.webhooks")

POLL = 1.0  # seconds
AT_ONCE = 10  # events of one webhook
LEASE_FOR = 2 * MINUTE
PAUSES = (10.0, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR)  # the last one stays
GIVEN_UP_AFTER = 3 * DAY
GONE = 410  # RFC 9110 15.5.11
PURPOSE = "webhook secret"


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Tells. ``files`` are those that open secrets (`relay.server.own_route.key_files`)."""

    group: CommitGroup
    files: Sequence[Path]
    poster: Poster
    now: Callable[[], float]

    async def run(self) -> None:
        """Tell until cancelled."""
        try:
            while True:
                await self.round()
                await asyncio.sleep(POLL)
        finally:
            await self.poster.close()

    async def round(self) -> None:
        """Tell what there is to tell now."""
        try:
            due = await self.group.read(lambda store: store.webhooks_due(self.now()))
            if due:
                webhooks = {each.id: each for each in await self.group.read(lambda store: store.webhooks())}
                await asyncio.gather(*(self.serve(webhooks[each]) for each in due if each in webhooks))
        except StoreError as error:
            log.error("webhooks not looked at: %s", error)  # noqa: TRY400 - the next round tries again

    async def serve(self, webhook: Webhook) -> None:
        """Send events of one until none is left or one is not taken. Raises StoreError."""
        try:
            secret = await asyncio.to_thread(open_secret, self.files, webhook)
        except VaultError as error:
            await self.failed(webhook, str(error), pause=False)
            return
        while events := await self.lease(webhook):
            results = await asyncio.gather(*(self.tell(webhook, secret, event) for event in events))
            taken = [event for event, problem in zip(events, results, strict=True) if problem is None]
            problems = [problem for problem in results if problem is not None]
            if taken:
                await self.group.write(partial(took, webhook.id, taken, self.now()))
            if problems:
                await self.failed(webhook, text_of(problems[0]), pause=any(map(is_gone, problems)))
                return

    async def lease(self, webhook: Webhook) -> list[Event]:
        """The next events to tell. Raises StoreError."""
        now = self.now()
        return await self.group.write(
            lambda store: store.lease_webhook_events(webhook.id, now, now + LEASE_FOR, AT_ONCE)
        )

    async def tell(self, webhook: Webhook, secret: str, event: Event) -> Posted | Unposted | None:
        """Send one event; None when it was taken, or is about nothing any more. Raises StoreError."""
        body = await self.group.read(lambda store: body_of(store, event))
        if body is None:
            return None
        answer = await self.poster.post(webhook.url, body, headers_of(event.id, body, secret, self.now()))
        return None if isinstance(answer, Posted) and 200 <= answer.status < 300 else answer

    async def failed(self, webhook: Webhook, error: str, *, pause: bool) -> None:
        """Wait before the next try, or until somebody resumes it. Raises StoreError."""
        now = self.now()
        retry_at = now + PAUSES[min(webhook.failures, len(PAUSES) - 1)]
        given_up = await self.group.write(
            lambda store: store.webhook_fails(
                webhook.id, error, now, retry_at, pause=pause, before=now - GIVEN_UP_AFTER
            )
        )
        log.warning(
            "webhook failed id=%s url=%s paused=%s given_up=%d: %s", webhook.id, webhook.url, pause, given_up, error
        )


async def post_test(files: Sequence[Path], webhook: Webhook, ca_file: str, now: float) -> Posted | Unposted:
    """Tell a webhook that this is a test. Raises `VaultError`."""
    secret = open_secret(files, webhook)
    event_id = f"test-{int(now)}"
    body = test_body(event_id, now)
    poster = Poster(ca_file)
    try:
        return await poster.post(webhook.url, body, headers_of(event_id, body, secret, now))
    finally:
        await poster.close()


def took(webhook_id: str, events: Sequence[Event], now: float, store: Store) -> None:
    """These events were taken."""
    store.webhook_took(webhook_id, events, now)


def open_secret(files: Sequence[Path], webhook: Webhook) -> str:
    """What signs. Raises `VaultError`."""
    return open_vault(files).open(webhook.secret, tenant_id=webhook.tenant_id or "", purpose=PURPOSE)


def is_gone(answer: Posted | Unposted) -> bool:
    """True when the other side asks for no more."""
    return isinstance(answer, Posted) and answer.status == GONE


def text_of(answer: Posted | Unposted) -> str:
    """Why an event was not taken."""
    return f"HTTP {answer.status} {answer.text}".strip() if isinstance(answer, Posted) else answer.reason

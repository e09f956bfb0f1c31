"""What an attempt came to, written down: the result and, when the delivery failed, the notice to the tenant."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Delivery, State
from relay.mail.wish import wants
from relay.store.database import StoreError
from relay.store.messages import CHUNK_SIZE
from relay.store.model import Queued, Settlement, Work

if TYPE_CHECKING:
    from relay.store.group import CommitGroup
    from relay.store.store import Store

log = logging.getLogger("relay.worker")

EVENTS = {State.FAILED: "FAILURE", State.DELIVERED: "SUCCESS"}
FIRST_PAUSE = 0.5  # seconds until a result that could not be written is tried again
LONGEST_PAUSE = 30.0

Notice = Callable[[Work, Delivery, Answer, float], Queued | None]
AfterOwn = Callable[[Work, Settlement], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Clerk:
    """Writes results. ``wake`` is called when something was queued; ``after_own`` sees to what a result means for a
    tenant's own server, and says whether it queued something."""

    group: CommitGroup
    notice: Notice
    wake: Callable[[], None]
    now: Callable[[], float]
    after_own: AfterOwn

    async def settle(self, work: Work, settlement: Settlement) -> None:
        """Write a result, however long it takes: a disk that is full is no reason to send the message once more."""
        notice = self.notice_of(await self.with_body(work, settlement), settlement)
        pause = FIRST_PAUSE
        while True:
            try:
                counted = await self.group.write_soon(lambda store: record(store, settlement, notice))
                break
            except StoreError as error:
                log.error("result not written id=%s: %s", work.delivery.id, error)  # noqa: TRY400 - the store logged it
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        report(work, settlement, counted)
        queued = counted and settlement.own is not None and await self.after_own(work, settlement)
        if queued or (counted and notice):
            self.wake()

    async def with_body(self, work: Work, settlement: Settlement) -> Work:
        """The work with its body where that is wanted back (RFC 3461 4.3) and no larger than a chunk (6.2 there)."""
        message = work.message
        if settlement.after.state is not State.FAILED or message.ret != "FULL" or message.body_size > CHUNK_SIZE:
            return work
        try:
            body = work.body or await self.group.read(lambda store: store.read_chunk(message.id, 0))
        except StoreError as error:
            log.error("body not read id=%s: %s", work.delivery.id, error)  # noqa: TRY400 - the store logged it
            return work
        return replace(work, body=body)

    def notice_of(self, work: Work, settlement: Settlement) -> Queued | None:
        """The mail about a delivery that has just ended, where one is wanted (RFC 3461 4.1). Without one, if writing it
        fails: the result must stand."""
        after = settlement.after
        wanted = EVENTS.get(after.state)
        if wanted is None or not wants(after.notify, wanted) or settlement.reports:
            return None
        try:
            return self.notice(work, after, settlement.attempt.answer, self.now())
        except Exception:
            log.exception("no notice id=%s reference=%s", after.id, secrets.token_hex(4))
            return None


def record(store: Store, settlement: Settlement, notice: Queued | None) -> bool:
    """One transaction: the result, and the notice only if the result still counts."""
    counted = store.settle(settlement)
    if counted and notice:
        store.enqueue(notice)
    return counted


def report(work: Work, settlement: Settlement, counted: bool) -> None:
    """One line an attempt, and a warning when its result came too late."""
    delivery, attempt, answer = settlement.after, settlement.attempt, settlement.attempt.answer
    log.info(
        "attempt id=%s message=%s tenant=%s to=%s number=%d outcome=%s state=%s remote=%s tls=%r took=%.3f reply=%r",
        *(delivery.id, delivery.message_id, work.message.tenant_id, delivery.recipient, attempt.number),
        *(attempt.outcome, delivery.state.value, answer.remote, answer.tls, attempt.took_for, str(answer)),
    )
    if not counted:
        log.warning("possible duplicate id=%s attempt=%d outcome=%s", delivery.id, attempt.number, attempt.outcome)

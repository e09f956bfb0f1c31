"""What an attempt came to, written down: the result, and what the author of the message is to be told of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.mail.suppression import means_no_mailbox
from relay.server.suppressing import suppress_mailbox
from relay.store.database import StoreError
from relay.store.model import MessageKind, Settlement, Work

if TYPE_CHECKING:
    from relay.store.group import CommitGroup
    from relay.store.store import Store

log = logging.getLogger("relay.worker")

FIRST_PAUSE = 0.5  # seconds until a result that could not be written is tried again
LONGEST_PAUSE = 30.0

AfterOwn = Callable[[Work, Settlement], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Clerk:
    """Writes results. ``wake`` is called when something was queued; ``after_own`` sees to what a result means for a
    tenant's own server, and says whether it queued something."""

    group: CommitGroup
    wake: Callable[[], None]
    now: Callable[[], float]
    after_own: AfterOwn

    async def settle(self, work: Work, settlement: Settlement) -> None:
        """Write a result, however long it takes: a disk that is full is no reason to send the message once more."""
        pause = FIRST_PAUSE
        while True:
            try:
                counted = await self.group.write_soon(lambda store: self.record(store, work, settlement))
                break
            except StoreError as error:
                log.error("result not written id=%s: %s", work.delivery.id, error)  # noqa: TRY400 - the store logged it
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        report(work, settlement, counted)
        if counted and settlement.own is not None and await self.after_own(work, settlement):
            self.wake()

    def record(self, store: Store, work: Work, settlement: Settlement) -> bool:
        """One transaction: the result, and what is to be told if it still counts. Nobody is told about mail of our own
        (never a bounce of a bounce)."""
        counted = store.settle(settlement)
        message = work.message
        if counted and settlement.conversation:
            store.keep_conversation(settlement)
        if counted and message.kind is MessageKind.SUBMISSION and message.tenant_id:
            if settlement.of_recipient and means_no_mailbox(settlement.attempt.answer.enhanced):
                suppress_mailbox(store, message, settlement.after, settlement.attempt.answer, self.now())
            store.note_untold(settlement, self.now())
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

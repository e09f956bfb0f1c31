"""Tells the authors of messages what became of them: one mail for all recipients of a message.

What failed was written down with the result (`relay.store.notices.note_untold`) and waits for what becomes of the other
recipients, a minute at most; what is late is looked for once a minute. The mail, and the end of what was to be told,
are one transaction, so that nothing is lost or told twice, whenever a process dies.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Delivery, State
from relay.mail.wish import wants
from relay.server.delays import delay_notice, recovered_notice
from relay.server.reports import failure_notice, success_notice
from relay.store.database import StoreError
from relay.store.messages import CHUNK_SIZE
from relay.store.model import MessageKind, Queued, StoredMessage, Untold

if TYPE_CHECKING:
    from relay.mail.message import Message
    from relay.mail.tenant import Tenant
    from relay.server.office import Office
    from relay.store.group import CommitGroup
    from relay.store.store import Store

log = logging.getLogger("relay.telling")

EVERY = 1.0  # seconds
LATE_EVERY = 60.0  # seconds between looks for what is late, at most
AT_ONCE = 500  # messages

Result = tuple[Delivery, Answer]


@dataclass(frozen=True, slots=True)
class Story:
    """A message, whose it is, what became of each recipient, and what of that is to be told. ``body`` is there where
    the author wants the message back (RFC 3461 4.3), ``reports`` are mails of other servers that said so later."""

    message: StoredMessage
    tenant: Tenant
    results: list[Result]
    untold: list[Untold] = field(default_factory=list)
    body: bytes | None = None
    reports: tuple[bytes, ...] = ()

    def those(self, state: State, event: str) -> list[Result]:
        """The results in a state of which that is to be told."""
        told = {each.delivery_id for each in self.untold if each.event == event}
        return [result for result in self.results if result[0].state is state and result[0].id in told]

    def late(self) -> list[Result]:
        """What still waits, where the author wants to know."""
        waiting = [result for result in self.results if result[0].state is State.QUEUED]
        return [result for result in waiting if wants(result[0].notify, "DELAY")]


@dataclass(slots=True)
class Teller:
    """``wake`` is called when a mail was queued; ``late_after`` is the age in seconds of a message that is late (0:
    none ever is)."""

    group: CommitGroup
    office: Office
    wake: Callable[[], None]
    now: Callable[[], float]
    late_after: float
    looked_at: float = 0.0  # when, for what is late

    async def watch(self) -> None:
        """Tell until cancelled."""
        while True:
            try:
                while await self.tell() >= AT_ONCE:
                    pass
            except StoreError as error:
                log.error("nothing told: %s", error)  # noqa: TRY400 - the next round tries again
            await asyncio.sleep(EVERY)

    async def tell(self) -> int:
        """Tell what there is to tell now, of a number of messages at most; of how many. Raises StoreError."""
        now = self.now()
        found = await self.group.read(lambda store: store.tellable(now, AT_ONCE))
        for message_id in found:
            await self.tell_of(message_id, now)
        late = await self.late(now)
        for message_id in late:
            await self.tell_late(message_id, now)
        return max(len(found), len(late))

    async def late(self, now: float) -> list[str]:
        """What is late and was not told yet, where it is time to look for that. Raises StoreError."""
        if not self.late_after or abs(now - self.looked_at) < min(LATE_EVERY, self.late_after):
            return []
        found = await self.group.read(lambda store: store.late(now - self.late_after, AT_ONCE))
        if len(found) < AT_ONCE:
            self.looked_at = now
        return found

    async def tell_of(self, message_id: str, now: float) -> None:
        """Tell what became of a message. Raises StoreError."""
        story = await self.group.read(partial(story_of, message_id, now))
        if story:
            mails = self.written(story, lambda: list(self.ends(story, now)))
            if await self.group.write(partial(send, story, mails, now)):
                self.wake()

    async def tell_late(self, message_id: str, now: float) -> None:
        """Tell that a message is late. Raises StoreError."""
        story = await self.group.read(partial(story_of, message_id, now))
        if story and (late := story.late()):
            mails = self.written(story, lambda: [self.queued(story, delay_notice, late, MessageKind.DELAY, now)])
            if await self.group.write(partial(send_late, story, mails, now)):
                self.wake()

    def written(self, story: Story, write: Callable[[], list[Queued]]) -> list[Queued]:
        """The mails; none, where writing them shows a defect: that would only repeat itself."""
        try:
            return write()
        except Exception:
            log.exception("no notice message=%s reference=%s", story.message.id, secrets.token_hex(4))
            return []

    def ends(self, story: Story, now: float) -> Iterator[Queued]:
        """The mails about what came to its end."""
        if failed := story.those(State.FAILED, "FAILURE"):
            write = partial(failure_notice, body=story.body, reports=story.reports)
            yield self.queued(story, write, failed, MessageKind.FAILURE, now)
        if delivered := story.those(State.DELIVERED, "SUCCESS"):
            yield self.queued(story, success_notice, delivered, MessageKind.SUCCESS, now)
        if story.those(State.DELIVERED, "RECOVERED"):
            yield self.queued(story, recovered_notice, story.results, MessageKind.RECOVERED, now)

    def queued(
        self, story: Story, write: Callable[..., Message], results: list[Result], kind: MessageKind, now: float
    ) -> Queued:
        """One mail to the author, ready to be queued."""
        office = self.office
        mail = write(
            office.config.platform,
            story.tenant,
            story.message,
            results,
            hostname=office.hostname,
            now=now,
            message_id=office.message_id(now),
        )
        return office.own_mail(mail, kind, story.tenant, story.message.author, now)


def story_of(message_id: str, now: float, store: Store) -> Story | None:
    """What there is to tell of a message; None when there is no such message of a tenant any more."""
    message = store.message(message_id)
    tenant = store.tenant(message.tenant_id) if message and message.tenant_id else None
    if message is None or tenant is None:
        return None
    results = [(each, store.last_answer(each.id) or untried(each)) for each in store.deliveries(message_id)]
    wanted = message.ret == "FULL" and message.body_size <= CHUNK_SIZE  # RFC 3461 6.2
    body = store.read_chunk(message_id, 0) if wanted else None
    untold = store.untold(message_id, now)
    reports = (store.returned_mail(each.delivery_id) for each in untold if each.event == "FAILURE")
    return Story(message, tenant, results, untold, body, tuple(each for each in reports if each))


def untried(delivery: Delivery) -> Answer:
    """What is said of a delivery that waits behind others because nobody is there."""
    return Answer(f"the mail servers of {delivery.domain} cannot be reached", 0, "4.4.1")


def send(story: Story, mails: list[Queued], now: float, store: Store) -> bool:
    """One transaction: the mails are queued, and what they tell is told. False, and nothing happens, when what is to be
    told is not what it was: another process was first, or another recipient failed."""
    if store.untold(story.message.id, now) != story.untold:
        return False  # the next round tells it, with what is new
    store.drop_untold(story.untold)
    for mail in mails:
        store.enqueue(mail)
    return bool(mails)


def send_late(story: Story, mails: list[Queued], now: float, store: Store) -> bool:
    """One transaction: the mails are queued, and the author knows. False where the author knew."""
    if not store.tell_late(story.message.id, now):
        return False
    for mail in mails:
        store.enqueue(mail)
    return bool(mails)

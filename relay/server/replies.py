"""Mail that comes to the platform's address: answers, from programs that ignore Reply-To or that answer by themselves.

1. `ReplyDesk.take`: refused when it passed here before; else read (`relay.mail.bounce`), matched (`relay.server.sent`).
2. What a program answered, such as an out-of-office answer, is counted with the message it answers, and goes nowhere.
3. Anything else that answers a message goes on to where its answers were meant to go (`relay.mail.forward`).
4. A person whose mail answers nothing is told so, once a day (`relay.server.hint`); the second time by refusing.
5. What cannot be matched and must not be answered is held in the queue, for the operator to look at.

Nothing is accepted that is not on disk as one of these before the 250, and what is not accepted is the sender's still.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from relay.locales import catalog
from relay.mail.bounce import AutoReply, Bounce, Complaint, Report, Unreadable, read_report
from relay.mail.delivery import DAY, State
from relay.mail.forward import writer_of
from relay.mail.loop import own_hops
from relay.mail.message_id import answered_ids
from relay.mail.reply import Reply
from relay.mail.text import decode_raw
from relay.server.bounces import beginning
from relay.server.forwarding import Arrival, Forwarding, postmaster
from relay.server.hint import hint, may_hint
from relay.server.office import fresh_id
from relay.server.sent import Clues, SentMessages, Target
from relay.store.database import StoreError
from relay.store.model import MessageKind, Queued
from relay.store.replies import Answered, Outcome
from relay.store.webhooks import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from relay.mail.address import Address
    from relay.mail.mailbox import Mailbox
    from relay.mail.tenant import Tenant
    from relay.server.office import Office
    from relay.store.group import CommitGroup
    from relay.store.store import Store

log = logging.getLogger("relay.replies")

EVERY = 60.0  # seconds
MOST_HINTS = 500  # a day: more are the work of somebody who forges addresses
MOST_KEPT = 200  # a day
PERSON = "person"
COUNTED = frozenset({"away", "receipt", "notice", "complaint"})


class ReplyDesk:
    """Where mail to the platform's address is taken."""

    def __init__(
        self,
        group: CommitGroup,
        office: Office,
        wake: Callable[[], None],
        now: Callable[[], float],
        loop_secret: bytes,
    ) -> None:
        """``wake`` is called when something was queued; ``loop_secret`` marks what has passed here."""
        self.group = group
        self.office = office
        self.wake = wake
        self.now = now
        self.loop_secret = loop_secret
        self.forwarding = Forwarding(group, office, now, loop_secret)
        self.sent = SentMessages(group, now, office.config.policy.messages_kept_for)

    async def watch(self) -> None:
        """Let new messages be found, and forget what is old, until cancelled."""
        while True:
            try:
                await self.sent.fill()
                before = self.now() - self.office.config.policy.messages_kept_for
                await self.group.write(lambda store, before=before: store.purge_answers(before))  # type: ignore[misc]
            except StoreError as error:
                log.error("answers not looked after: %s", error)  # noqa: TRY400 - the next round tries again
            await asyncio.sleep(EVERY)

    async def take(self, arrival: Arrival) -> Reply:
        """Take responsibility for a mail, or say why not. Raises StoreError."""
        message = arrival.message
        if own_hops(message, self.loop_secret):
            return self.refuse(554, "5.4.6", "answer.loop")
        writer = writer_of(message, arrival.reverse_path, smtputf8=arrival.smtputf8)
        report = await asyncio.to_thread(read_report, message.header, beginning(message.body))
        kind = kind_of(report)
        target = await self.sent.target(clues_of(arrival, report, writer))
        if kind in COUNTED:
            return await self.count(arrival, kind, writer, target)
        if writer is None:
            return self.refuse(550, "5.6.0", "answer.writer")
        if target is not None:
            return await self.send_on(arrival, kind, writer, target)
        if arrival.tenant_id or arrival.delivery_id:  # the tenant, or the message, is there no more
            return self.refuse(550, "5.1.1", "answer.unread")
        return await self.unmatched(arrival, kind, writer)

    async def count(self, arrival: Arrival, kind: str, writer: Mailbox | None, target: Target | None) -> Reply:
        """An automatic answer: it is written down, and that is all."""
        answered = self.answered(kind, "counted", writer, target)
        await self.group.write(lambda store: store.add_answer(answered))
        self.say(answered, arrival, target.tenant if target else None)
        return Reply(250, "2.0.0", ("counted",))

    async def send_on(self, arrival: Arrival, kind: str, writer: Mailbox, target: Target) -> Reply:
        """An answer goes to the author of what it answers. A bounce of it is recorded, and answers nobody."""
        queued = await self.forwarding.queued(arrival, writer, target.to, target.tenant)
        answered = self.answered(kind, "forwarded", writer, target)
        await self.group.write(partial(put, queued, answered))
        self.say(answered, arrival, target.tenant, queued.message.id)
        self.wake()
        return Reply(250, "2.0.0", (f"queued as {queued.message.id}",))

    async def unmatched(self, arrival: Arrival, kind: str, writer: Mailbox) -> Reply:
        """A mail that answers nothing we know: a person is told, anything else is kept."""
        own = {arrival.recipient.domain, self.office.config.platform.bounce_domain}
        if kind == PERSON and may_hint(arrival.message, arrival.recipient, arrival.reverse_path, own):
            assert arrival.reverse_path is not None  # may_hint
            outcome = await self.tell(arrival, arrival.reverse_path)
            if outcome is not None:
                return outcome
        return await self.keep(arrival, kind, writer)

    async def tell(self, arrival: Arrival, to: Address) -> Reply | None:
        """Tell a person where to write; refuse when that was said today; None when too many were told today."""
        now = self.now()
        mail = hint(
            self.office.config.platform,
            arrival.recipient,
            to,
            arrival.message,
            now=now,
            message_id=self.office.message_id(now),
        )
        queued = self.office.own_mail(mail, MessageKind.HINT, None, str(to), now)
        answered = Answered(fresh_id(now), PERSON, "hinted", to.key)
        told = await self.group.write(partial(put_hint, queued, answered, now - DAY))
        if told == "hinted":
            self.say(answered, arrival, None, queued.message.id)
            self.wake()
            return Reply(250, "2.0.0", (f"answered as {queued.message.id}",))
        return self.refuse(550, "5.1.1", "answer.unread") if told == "told" else None

    async def keep(self, arrival: Arrival, kind: str, writer: Mailbox) -> Reply:
        """Hold a mail in the queue, addressed to the platform's postmaster, for the operator to look at."""
        now = self.now()
        to = postmaster(self.office.config.platform, arrival.recipient)
        queued = await self.forwarding.queued(arrival, writer, [to], None)
        answered = self.answered(kind, "kept", writer, None)
        if not await self.group.write(partial(put_kept, queued, answered, now - DAY)):
            return self.refuse(550, "5.1.1", "answer.unread")
        self.say(answered, arrival, None, queued.message.id)
        return Reply(250, "2.0.0", (f"held as {queued.message.id}",))

    def answered(self, kind: str, outcome: Outcome, writer: Mailbox | None, target: Target | None) -> Answered:
        """What is written down about a mail."""
        about = target.message.id if target and target.message else None
        return Answered(fresh_id(self.now()), kind, outcome, writer.address.key if writer else "", about)

    def refuse(self, code: int, enhanced: str, topic: str) -> Reply:
        """A refusal, in the language of the platform."""
        text = catalog(self.office.config.platform.locale).text(f"reply.{topic}")
        log.info("answer refused topic=%s", topic)
        return Reply(code, enhanced, tuple(text.split("\n")[:3]))

    def say(self, answered: Answered, arrival: Arrival, tenant: Tenant | None, queued_as: str = "") -> None:
        """One line for every mail; a warning for what somebody has to look at."""
        log.log(
            logging.WARNING if answered.outcome == "kept" else logging.INFO,
            "answer %s kind=%s about=%s tenant=%s from=%r peer=%s queued=%s",
            *(answered.outcome, answered.kind, answered.about, tenant.id if tenant else None),
            *(answered.writer_key[:100], arrival.peer.address, queued_as),
        )


def kind_of(report: Report) -> str:
    """What came, in a word."""
    match report:
        case Bounce():
            return "bounce"
        case Complaint():
            return "complaint"
        case AutoReply():
            return report.kind
        case Unreadable():
            return "report" if report.is_report else PERSON


def clues_of(arrival: Arrival, report: Report, writer: Mailbox | None) -> Clues:
    """What says which message a mail is about."""
    message = arrival.message
    in_reply_to, references = (
        " ".join(decode_raw(field.value) for field in message.all(key)) for key in ("in-reply-to", "references")
    )
    reported = "" if isinstance(report, Unreadable) else report.original_message_id
    message_ids = [*([reported] if reported else []), *answered_ids(in_reply_to, references)]
    return Clues(
        arrival.delivery_id, arrival.tenant_id, tuple(dict.fromkeys(message_ids)), writer.address.key if writer else ""
    )


def put(queued: Queued, answered: Answered, store: Store) -> None:
    """Queue a mail and write down what it was about; programs that want to know are told of a person's answer."""
    store.enqueue(queued)
    store.add_answer(answered)
    if answered.about and answered.kind == PERSON:
        now = queued.message.received_at
        store.add_webhook_event(Event(answered.id, "replied", answered.about, "", 0, now))


def put_hint(queued: Queued, answered: Answered, since: float, store: Store) -> str:
    """Queue a hint, unless one went there since then (``told``) or too many went out (``full``)."""
    if store.was_hinted(answered.writer_key, since):
        return "told"
    if store.answers_since("hinted", since) >= MOST_HINTS:
        return "full"
    put(queued, answered, store)
    return "hinted"


def put_kept(queued: Queued, answered: Answered, since: float, store: Store) -> bool:
    """Hold a mail, unless too many were held since then."""
    if store.answers_since("kept", since) >= MOST_KEPT:
        return False
    held = tuple(replace(delivery, state=State.HELD) for delivery in queued.deliveries)
    put(replace(queued, deliveries=held), answered, store)
    return True

"""Reports that come back to the reverse-path of a delivery: read, kept, and acted upon once.

1. `BounceDesk.take` reads a report (`relay.mail.bounce`); what is none goes to the desk for answers.
2. `BounceDesk.file` keeps it, as a message of kind BOUNCE, and does what it means (`relay.mail.returned`), in one
   transaction: before the 250 all of it is on disk, or nothing.
3. A failure ends the delivery, if it was not ended before; its author is told as of any other (`relay.server.telling`),
   and a mailbox that does not exist is suppressed. A delay is only kept. An arrival is told where that was asked for. A
   complaint suppresses the recipient for this tenant.

Nothing that comes in here is ever answered: the one who is told is the author of our message, by a mail that cannot
bounce. What is not a tenant's message (a notice, an answer that was passed on) is kept, and told nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from relay.mail.bounce import LONGEST_READ, AutoReply, Unreadable, read_report
from relay.mail.delivery import Attempt, Delivery, State
from relay.mail.dsn import one_line
from relay.mail.message import BytesBody, Message, MessageError
from relay.mail.reply import Reply
from relay.mail.returned import Meaning, Returned, after_return, meaning_of
from relay.mail.route import RouteKind
from relay.mail.suppression import means_no_mailbox
from relay.mail.wish import wants
from relay.server.office import fresh_id, subject_of
from relay.server.suppressing import suppress_complainer, suppress_mailbox
from relay.store.bounces import BounceRow
from relay.store.model import MessageKind, Queued, Settlement, StoredMessage
from relay.store.webhooks import Event

if TYPE_CHECKING:
    from relay.mail.envelope import Incoming
    from relay.mail.message import Body
    from relay.mail.report import Report
    from relay.store.group import CommitGroup
    from relay.store.store import Store

log = logging.getLogger("relay.bounces")

KEPT = Reply(250, "2.0.0", ("thank you",))
UNKNOWN = Reply(550, "5.1.1", ("nothing is known of that message any more",))
UNDER_WAY = Reply(451, "4.3.0", ("that message is being sent at this moment, come back later",))
LONGEST_WORDS = 500  # characters of a report's words that are kept in a row


class BounceDesk:
    """One per process."""

    def __init__(self, group: CommitGroup, now: Callable[[], float]) -> None:
        self.group = group
        self.now = now

    async def take(self, incoming: Incoming, delivery_id: str) -> Reply | None:
        """Take responsibility for a report, or say why not; None for what is no report. Raises StoreError."""
        body = beginning(incoming.body)
        report = await asyncio.to_thread(read_report, incoming.header, body)
        if is_answer(report):
            return None
        return await self.group.write(lambda store: self.file(store, incoming, body, report, delivery_id))

    def file(self, store: Store, incoming: Incoming, body: bytes, report: Report, delivery_id: str) -> Reply:
        """Keep a report and do what it means. Call inside a write."""
        now = self.now()
        delivery = store.delivery(delivery_id)
        message = store.message(delivery.message_id) if delivery else None
        if delivery is None or message is None:
            return UNKNOWN
        returned = meaning_of(report, delivery.recipient)
        if returned.meaning is Meaning.FAILED and not self.fail(store, message, delivery, returned, now):
            return UNDER_WAY
        if returned.meaning is Meaning.DELIVERED:
            tell_arrival(store, message, delivery, returned, now)
        row = BounceRow(fresh_id(now), delivery.id, returned.meaning.value, now, words_of(returned))
        store.enqueue(Queued(kept(incoming, body, row.report_id, message.tenant_id, now), (), body))
        store.add_bounce(row)
        if returned.meaning is Meaning.COMPLAINT and is_ours(message):
            suppress_complainer(store, message, delivery, returned.answer.text, now)
            store.add_webhook_event(Event(row.report_id, "complained", message.id, delivery.id, 0, now))
        log.info(
            "report id=%s delivery=%s message=%s tenant=%s to=%s meaning=%s status=%s peer=%s reply=%r",
            *(row.report_id, delivery.id, message.id, message.tenant_id, delivery.recipient, row.meaning),
            *(returned.answer.enhanced, incoming.peer.address, row.reply),
        )
        return KEPT

    def fail(self, store: Store, message: StoredMessage, delivery: Delivery, returned: Returned, now: float) -> bool:
        """A delivery came back: end it, if it has not ended, and note what its author is to be told. False when it is
        being sent at this moment: what comes of that is not known yet."""
        after, answer = after_return(delivery, returned.answer), returned.answer
        if after is not delivery:
            attempt = Attempt(after.attempt, now, 0.0, State.FAILED.value, answer)
            settlement = Settlement(delivery, after, attempt)
            if not store.return_delivery(settlement, now):
                return False
            if is_ours(message):
                store.note_untold(settlement, now)
        if is_ours(message) and returned.names_recipient and means_no_mailbox(answer.enhanced):
            suppress_mailbox(store, message, delivery, answer, now)
        return True


def tell_arrival(store: Store, message: StoredMessage, delivery: Delivery, returned: Returned, now: float) -> None:
    """A server says that the message arrived: tell its author, who asked for that, the first time (RFC 3461 4.1)."""
    told = any(each.meaning == Meaning.DELIVERED for each in store.bounces(delivery.id))
    if told or not is_ours(message) or delivery.state is not State.DELIVERED or not wants(delivery.notify, "SUCCESS"):
        return
    attempt = Attempt(delivery.attempt, now, 0.0, State.DELIVERED.value, returned.answer)
    store.note_untold(Settlement(delivery, delivery, attempt), now)


def is_ours(message: StoredMessage) -> bool:
    """True for what a tenant handed in."""
    return message.kind is MessageKind.SUBMISSION and message.tenant_id is not None


def is_answer(report: Report) -> bool:
    """True for what somebody, or a program, wrote back."""
    return isinstance(report, AutoReply) or (isinstance(report, Unreadable) and not report.is_report)


def words_of(returned: Returned) -> str:
    """What the writer of a report said, on one line."""
    return one_line(str(returned.answer), LONGEST_WORDS)


def beginning(body: Body) -> bytes:
    """The octets of a body that are read and kept: the parts of a report that count come first (RFC 6522 3)."""
    found = bytearray()
    for chunk in body.chunks():
        found += chunk[: LONGEST_READ - len(found)]
        if len(found) >= LONGEST_READ:
            break
    return bytes(found)


def kept(incoming: Incoming, body: bytes, report_id: str, tenant_id: str | None, now: float) -> StoredMessage:
    """A report as it is kept: whose message it is about, and when it came from where."""
    envelope = incoming.envelope
    return StoredMessage(
        id=report_id,
        kind=MessageKind.BOUNCE,
        tenant_id=tenant_id,
        login="",
        author=str(envelope.reverse_path or ""),
        subject=subject_in(incoming.header),
        document="",
        original_header=incoming.header,
        header=incoming.header,
        body_size=len(body),
        body_sha256=hashlib.sha256(body).digest(),
        changes=(),
        events=(),
        route=RouteKind.PLATFORM,
        reverse_path="null",
        smtputf8=envelope.smtputf8,
        eightbit=envelope.eightbit,
        received_at=now,
        peer=incoming.peer.address,
    )


def subject_in(header: bytes) -> str:
    """The subject of a header block that may be anything."""
    try:
        return subject_of(Message.parse(header, BytesBody(b"")))
    except MessageError:
        return ""

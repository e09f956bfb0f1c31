"""Reports that came back, and what they did. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.mail.delivery import State
from relay.store.messages import CHUNK_SIZE, message, read_chunk
from relay.store.queue import add_attempt
from relay.store.webhooks import Event, add_webhook_event

if TYPE_CHECKING:
    from relay.store.model import Settlement
    from relay.store.session import Session


@dataclass(frozen=True, slots=True)
class BounceRow:
    """A report: ``report_id`` is the message that holds it, ``meaning`` a `relay.mail.returned.Meaning`, ``reply`` what
    its writer said."""

    report_id: str
    delivery_id: str
    meaning: str
    came_at: float
    reply: str


def reports_of(store: Session, delivery_id: str) -> int | None:
    """How many reports came about a delivery; None when there is no such delivery."""
    row = store.database.one("reports_of", delivery_id=delivery_id)
    return row[0] if row else None


def bounces(store: Session, delivery_id: str) -> list[BounceRow]:
    """The reports about a delivery, the first one first."""
    return [BounceRow(*row) for row in store.database.all("bounces", delivery_id=delivery_id)]


def add_bounce(store: Session, bounce: BounceRow) -> None:
    """Note a report, after its message."""
    store.database.run(
        "add_bounce",
        report_id=bounce.report_id,
        delivery_id=bounce.delivery_id,
        meaning=bounce.meaning,
        came_at=bounce.came_at,
        reply=bounce.reply,
    )


def return_delivery(store: Session, settlement: Settlement, now: float) -> bool:
    """A delivery failed after all, which counts as an attempt. False, and nothing is written, when it is being sent at
    this moment."""
    before, after, attempt = settlement.before, settlement.after, settlement.attempt
    changed = store.database.run(
        "return_delivery",
        id=before.id,
        before=before.attempt,
        attempt=after.attempt,
        last_reply=after.last_reply,
        now=now,
    )
    if not changed:
        return False
    add_attempt(store, after.id, attempt)
    identifier = f"{after.id}.{after.attempt}"
    add_webhook_event(store, Event(identifier, "bounced", after.message_id, after.id, after.attempt, now))
    return True


def returned_mail(store: Session, delivery_id: str) -> bytes | None:
    """The mail by which a delivery came back, to go along with the notice; None where none did, or it is large."""
    failed = [each for each in bounces(store, delivery_id) if each.meaning == State.FAILED]
    found = message(store, failed[-1].report_id) if failed else None
    if found is None or found.body_size > CHUNK_SIZE:
        return None
    return found.header + b"\r\n" + (read_chunk(store, found.id, 0) or b"")


def purge_bounce_bodies(store: Session, came_before: float, limit: int = 500) -> int:
    """Delete the bodies of reports that came before then; how many there were, at most ``limit``."""
    ids = [
        {"message_id": row[0]} for row in store.database.all("bounce_bodies_to_purge", before=came_before, limit=limit)
    ]
    store.database.run_many("purge_body", ids)
    store.database.run_many("mark_bounce_purged", ids)
    return len(ids)

"""What authors of messages have yet to be told, and what was said in attempts. Every function is a method of
`relay.store.Store`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.mail.conversation import pack, unpack
from relay.mail.delivery import Answer, State
from relay.mail.ids import make_id
from relay.mail.wish import wants
from relay.store.messages import attempt_of
from relay.store.model import Settlement, Untold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from relay.mail.conversation import Said
    from relay.store.session import Session

EVENTS = {State.FAILED: "FAILURE", State.DELIVERED: "SUCCESS"}
PROMPT = 1.0  # seconds; nobody was told that what took no longer is late
WITHIN = 60.0  # seconds that the report on one recipient waits for what becomes of the others


def note_untold(store: Session, settlement: Settlement, now: float) -> None:
    """Write down what the author is to be told after a result that counts, in its transaction."""
    after = settlement.after
    event = EVENTS.get(after.state)
    if event and wants(after.notify, event) and not settlement.reports:
        values = {"message_id": after.message_id, "delivery_id": after.id}
        store.database.run("add_untold", **values, event=event, tell_at=now + WITHIN)
    elif event == "SUCCESS" and now - after.created_at >= PROMPT:
        store.database.run("add_untold_recovered", delivery_id=after.id, tell_at=now)


def tellable(store: Session, now: float, limit: int) -> list[str]:
    """Messages of which something is to be told now."""
    return [row[0] for row in store.database.all("tellable", now=now, limit=limit)]


def untold(store: Session, message_id: str, now: float) -> list[Untold]:
    """What is to be told of a message now."""
    return [Untold(message_id, *row) for row in store.database.all("untold", message_id=message_id, now=now)]


def drop_untold(store: Session, what: Iterable[Untold]) -> None:
    """It is being told."""
    rows = [{"message_id": each.message_id, "delivery_id": each.delivery_id, "event": each.event} for each in what]
    store.database.run_many("drop_untold", rows)


def late(store: Session, before: float, limit: int) -> list[str]:
    """Messages that came in before then, still wait, and whose author does not know that."""
    return [row[0] for row in store.database.all("late", oldest=make_id(before, 0), limit=limit)]


def tell_late(store: Session, message_id: str, now: float) -> bool:
    """The author is being told that a message is late. False when that happened before."""
    return store.database.run("add_told_late", message_id=message_id, now=now) > 0


def last_answer(store: Session, delivery_id: str) -> Answer | None:
    """What the latest attempt of a delivery came to; None before the first."""
    row = store.database.one("last_attempt", delivery_id=delivery_id)
    return attempt_of(row).answer if row else None


def keep_conversation(store: Session, settlement: Settlement) -> None:
    """Keep what was said in an attempt, once its result was written."""
    before, lines = settlement.before, pack(settlement.conversation)
    store.database.run("add_conversation", delivery_id=before.id, number=before.attempt, lines=lines)


def conversations(store: Session, delivery_id: str) -> dict[int, tuple[Said, ...]]:
    """What was said in the attempts of a delivery, by their number, where it was kept."""
    return {number: unpack(lines) for number, lines in store.database.all("conversations", delivery_id=delivery_id)}

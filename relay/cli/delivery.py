"""Deliveries and attempts as commands name, find and print them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import lasting, moment
from relay.cli.options import fail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relay.mail.conversation import Said
    from relay.mail.delivery import Attempt, Delivery
    from relay.store.model import QueueRow, StoredMessage
    from relay.store.store import Store


def find_message(store: Store, identifier: str) -> StoredMessage:
    """The message with that identifier, or that of the delivery with it; ends the command when there is none."""
    message = store.message(identifier)
    if message is None:
        delivery = store.delivery(identifier)
        message = store.message(delivery.message_id) if delivery else None
    return message or fail(f"there is no message or delivery {identifier}")


def find_rows(store: Store, identifier: str) -> list[QueueRow]:
    """The delivery with that identifier, or those of the message with it; ends the command when there is none."""
    message = find_message(store, identifier)
    rows = [queue_row(delivery, message) for delivery in store.deliveries(message.id)]
    return rows if message.id == identifier else [row for row in rows if row.id == identifier]


def queue_row(delivery: Delivery, message: StoredMessage) -> QueueRow:
    """A delivery as a line of the queue, whatever its state."""
    from relay.store.model import QueueRow

    return QueueRow(
        id=delivery.id,
        message_id=message.id,
        tenant=message.tenant_id or "",
        author=message.author,
        recipient=delivery.recipient,
        document=message.document,
        subject=message.subject,
        state=delivery.state.value,
        attempts=delivery.attempt,
        due_at=delivery.due_at,
        created_at=delivery.created_at,
        last_reply=delivery.last_reply,
    )


def row_json(row: QueueRow, now: float) -> dict[str, Any]:
    """A line of the queue as JSON; ``due_at`` (seconds since 1970) is null when nothing is due."""
    return {
        "id": row.id,
        "message_id": row.message_id,
        "tenant": row.tenant or None,
        "from": row.author,
        "to": row.recipient,
        "document": row.document,
        "subject": row.subject,
        "state": row.state,
        "attempts": row.attempts,
        "due_at": row.due_at if row.state == "queued" else None,
        "last_reply": row.last_reply,
        "age_s": round(now - row.created_at, 3),
    }


def attempt_json(attempt: Attempt, said: Sequence[Said] | None = None) -> dict[str, Any]:
    """An attempt as JSON; with ``said`` the conversation too, in seconds since the attempt began."""
    lines = [{"after_s": line.after, "side": line.side.name.lower(), "text": line.text} for line in said or ()]
    return {
        "number": attempt.number,
        "started_at": attempt.started_at,
        "took_s": round(attempt.took_for, 3),
        "outcome": attempt.outcome,
        "code": attempt.answer.code or None,
        "enhanced": attempt.answer.enhanced or None,
        "text": attempt.answer.text,
        "remote": attempt.answer.remote or None,
        "tls": attempt.answer.tls or None,
        **({} if said is None else {"conversation": lines}),
    }


def print_row(
    row: QueueRow, attempts: Sequence[Attempt], now: float, said: Mapping[int, Sequence[Said]] | None = None
) -> None:
    """A delivery and all its attempts, for people; under each the conversation where ``said`` has it by its number."""
    click.echo(
        f"{row.id}  to {row.recipient}: {row.state}, {lasting(now - row.created_at)} old, next try {due(row, now)}"
    )
    for attempt in attempts:
        where = f" by {attempt.answer.remote}" if attempt.answer.remote else ""
        tls = f", {attempt.answer.tls}" if attempt.answer.tls else ""
        began = moment(attempt.started_at)
        click.echo(f"  {attempt.number:>2}  {began}  {attempt.outcome}{where}{tls}, took {attempt.took_for:.1f} s")
        click.echo(f"      {shown(str(attempt.answer))}")
        for line in (said or {}).get(attempt.number, ()):
            click.echo(f"      {line.after:7.3f} {line.side.value} {shown(line.text)}")


def due(row: QueueRow, now: float) -> str:
    """When a delivery is tried next, for people."""
    if row.state != "queued":
        return "-"
    return f"in {lasting(row.due_at - now)}" if row.due_at > now else "now"


def shown(text: str) -> str:
    """Text of others with nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text.expandtabs())

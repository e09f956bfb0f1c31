"""Messages, their bodies and what became of them. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from relay.mail.delivery import Answer, Attempt, Delivery, State
from relay.mail.ids import make_id
from relay.mail.route import RouteKind
from relay.mail.search import Search
from relay.store.destinations import expect_destination
from relay.store.model import MessageKind, Queued, StoredMessage
from relay.store.webhooks import Event, add_webhook_event

if TYPE_CHECKING:
    from relay.mail.rewrite import Change
    from relay.store.database import Row
    from relay.store.session import Session

CHUNK_SIZE = 256 * 1024  # octets of a body in one row
PURGED_AT_ONCE = 4 * 1024 * 1024  # octets of bodies in one transaction, or one body
EVERYTHING = Search()
AFTER_ALL_IDS = "w"  # identifiers are written with the digits 0-9 and a-v

decode_events = msgspec.json.Decoder(tuple[str, ...]).decode
encode = msgspec.json.Encoder().encode


def enqueue(store: Session, queued: Queued) -> None:
    """Take a message with its deliveries. Deliveries may be leased already, when the caller sends them itself."""
    message = queued.message
    store.database.run("add_message", **message_values(message))
    body = queued.body or b""
    for number, start in enumerate(range(0, len(body), CHUNK_SIZE)):
        put_chunk(store, message.id, number, body[start : start + CHUNK_SIZE])
    for name in {each.waits_for for each in queued.deliveries if each.waits_for}:
        expect_destination(store, name)
    rows = [delivery_values(each, message.tenant_id) for each in queued.deliveries]
    if len(rows) == 1:
        store.database.run("add_delivery", **rows[0])
    else:
        store.database.run_many("add_delivery", rows)
    if message.kind is MessageKind.SUBMISSION:
        add_webhook_event(store, Event(message.id, "accepted", message.id, "", 0, message.received_at))


def put_chunk(store: Session, message_id: str, number: int, data: bytes) -> None:
    """Keep a piece of a body, numbered from 0; it may be there before its message is."""
    store.database.run("add_chunk", message_id=message_id, number=number, data=data)


def read_chunk(store: Session, message_id: str, number: int) -> bytes | None:
    """A piece of a body; None after the last one, and when the body was purged."""
    row = store.database.one("chunk", message_id=message_id, number=number)
    return row[0] if row else None


def message(store: Session, message_id: str) -> StoredMessage | None:
    """The message with that identifier."""
    row = store.database.one("message", id=message_id)
    return message_of(row) if row else None


def messages(
    store: Session, limit: int, before_id: str | None = None, search: Search = EVERYTHING
) -> list[StoredMessage]:
    """At most ``limit`` messages that fit a search, the newest first, older than ``before_id``. Whether one has an
    attachment is not looked at here."""
    latest = AFTER_ALL_IDS if search.before is None else make_id(max(search.before, 0.0), 0)
    rows = store.database.all(
        "messages",
        limit=limit,
        before=min(before_id or AFTER_ALL_IDS, latest),
        since="" if search.after is None else make_id(max(search.after, 0.0), 0),
        words=like(search.words),
        sender=like(search.sender),
        recipient=like(search.recipient),
        subject=like(search.subject),
        document=like(search.document),
        tenant=like(search.tenant),
        tenant_id=search.tenant,
    )
    return [message_of(row) for row in rows]


def delete_messages(store: Session, ids: Iterable[str]) -> int:
    """Delete messages with their bodies, deliveries and attempts, whatever state they are in; how many there were."""
    values = [{"message_id": each} for each in ids]
    store.database.run_many("purge_body", values)
    return store.database.run_many("purge_message", values)


def delivery(store: Session, delivery_id: str) -> Delivery | None:
    """The delivery with that identifier."""
    row = store.database.one("delivery", id=delivery_id)
    return delivery_of(row) if row else None


def deliveries(store: Session, message_id: str) -> list[Delivery]:
    """The deliveries of a message."""
    return [delivery_of(row) for row in store.database.all("deliveries", message_id=message_id)]


def attempts(store: Session, delivery_id: str) -> list[Attempt]:
    """What each attempt of a delivery came to, the first one first."""
    return [attempt_of(row) for row in store.database.all("attempts", delivery_id=delivery_id)]


def purge_bodies(store: Session, final_before: float, limit: int = 500) -> int:
    """Delete bodies of messages that came to their end before then; how many there were.

    At most ``limit``, and no more of large ones than others can wait for: repeat until none is left.
    """
    sizes: dict[str, int] = dict(store.database.all("bodies_to_purge", final_before=final_before, limit=limit))
    ids: list[dict[str, str]] = []
    room = PURGED_AT_ONCE
    for message_id, size in sizes.items():
        room -= size
        if room < 0 and ids:
            break
        ids.append({"message_id": message_id})
    store.database.run_many("purge_body", ids)
    store.database.run_many("mark_body_purged", ids)
    return len(ids)


def purge_messages(store: Session, final_before: float, limit: int = 500) -> int:
    """Delete at most ``limit`` messages that came to their end before then, with all that is known of them."""
    rows = store.database.all(
        "messages_to_purge", oldest=make_id(final_before, 0), final_before=final_before, limit=limit
    )
    ids = [{"message_id": row[0]} for row in rows]
    store.database.run_many("purge_body", ids)
    return store.database.run_many("purge_message", ids)


def purge_orphan_chunks(store: Session, before: float) -> int:
    """Delete pieces of bodies begun before then whose message never came; how many there were."""
    return store.database.run("purge_orphan_chunks", oldest=make_id(before, 0))


def like(search: str) -> str | None:
    """A LIKE pattern that finds the words of ``search`` anywhere, as they are; None for nothing."""
    if not search:
        return None
    escaped = search.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def message_of(row: Row) -> StoredMessage:
    """A message from its row, whose columns are its fields in order."""
    values = dict(zip(StoredMessage.__slots__, row, strict=True))
    values.update(
        kind=MessageKind(values["kind"]),
        changes=changes_decoder().decode(values["changes"]),
        events=decode_events(values["events"]),
        route=RouteKind(values["route"]),
        smtputf8=bool(values["smtputf8"]),
        eightbit=bool(values["eightbit"]),
        requires_tls=bool(values["requires_tls"]),
    )
    return StoredMessage(**values)


@cache
def changes_decoder() -> msgspec.json.Decoder[tuple[Change, ...]]:
    """Reads changes. Made when the first message is read: commands that read none need not know how to rewrite."""
    from relay.mail.rewrite import Change  # noqa: PLC0415

    return msgspec.json.Decoder(tuple[Change, ...])


def message_values(message: StoredMessage) -> dict[str, Any]:
    """A message as the values of its row."""
    return {
        "id": message.id,
        "kind": message.kind.value,
        "tenant_id": message.tenant_id,
        "login": message.login,
        "author": message.author,
        "subject": message.subject,
        "document": message.document,
        "original_header": message.original_header,
        "header": message.header,
        "body_size": message.body_size,
        "body_sha256": message.body_sha256,
        "changes": encode(message.changes).decode(),
        "events": encode(message.events).decode(),
        "route": message.route.value,
        "reverse_path": message.reverse_path,
        "smtputf8": message.smtputf8,
        "eightbit": message.eightbit,
        "received_at": message.received_at,
        "peer": message.peer,
        "ret": message.ret,
        "envid": message.envid,
        "requires_tls": message.requires_tls,
    }


def delivery_of(row: Row) -> Delivery:
    """A delivery from its row."""
    delivery_id, message_id, recipient, domain, state, *rest = row
    return Delivery(delivery_id, message_id, recipient, domain, State(state), *rest)


def delivery_values(delivery: Delivery, tenant_id: str | None) -> dict[str, Any]:
    """A delivery as the values of its row; mail of our own is nobody's."""
    return {
        "id": delivery.id,
        "message_id": delivery.message_id,
        "recipient": delivery.recipient,
        "domain": delivery.domain,
        "state": delivery.state.value,
        "attempt": delivery.attempt,
        "created_at": delivery.created_at,
        "due_at": delivery.due_at,
        "last_reply": delivery.last_reply,
        "leased_until": delivery.leased_until,
        "leased_by": delivery.leased_by,
        "notify": delivery.notify,
        "orcpt": delivery.orcpt,
        "tenant_id": tenant_id or "",
        "waits_for": delivery.waits_for,
    }


def attempt_of(row: Row) -> Attempt:
    """An attempt from its row."""
    number, started_at, took_for, outcome, *answer = row
    return Attempt(number, started_at, took_for, outcome, Answer(*answer))

"""What was caught, read from the store for the development inbox."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relay.mail.message import CRLF
from relay.server.web.compare import Row, compare, fields, readable
from relay.server.web.language import iso
from relay.server.web.parts import LARGEST

if TYPE_CHECKING:
    from relay.mail.delivery import Attempt, Delivery
    from relay.mail.search import Search
    from relay.store.model import StoredMessage
    from relay.store.store import Store


AT_ONCE = 500  # messages that are looked through at once
CONTENT_TYPE = re.compile(rb"^content-type[ \t]*:\s*([^;\s]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message with whose it is and where it goes."""

    message: StoredMessage
    tenant: str
    deliveries: tuple[Delivery, ...]

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses of the envelope."""
        return tuple(delivery.recipient for delivery in self.deliveries)

    @property
    def sender(self) -> tuple[str, str]:
        """The name and the address in the From that left; the name is empty when there is none."""
        field = next((field for field in fields(self.message.header) if field.key == "from"), None)
        name, opened, address = readable(field).rpartition("<") if field else ("", "", "")
        return (name.strip().strip('"').replace('\\"', '"'), address.rstrip("> ")) if opened else ("", address)


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry with everything that is known of it. ``body`` is None when it is not there or too large to be shown."""

    entry: Entry
    attempts: dict[str, tuple[Attempt, ...]]
    body: bytes | None

    @property
    def rows(self) -> list[Row]:
        """The header fields before and after."""
        return compare(self.entry.message)

    def source(self, *, original: bool = False) -> bytes:
        """The whole message: as sent, or as it was handed in."""
        message = self.entry.message
        return (message.original_header if original else message.header) + CRLF + (self.body or b"")


def list_entries(store: Store, limit: int, before: str | None, search: Search) -> list[Entry]:
    """The newest messages first, older than ``before``."""
    return [entry(store, message) for message in found(store, limit, before, search)]


def found(store: Store, limit: int, before: str | None, search: Search) -> list[StoredMessage]:
    """The messages that a search finds. Attachments show in the header only, so those are picked out here."""
    if not search.attachment:
        return store.messages(limit, before, search)
    picked: list[StoredMessage] = []
    while len(picked) < limit and (some := store.messages(AT_ONCE, before, search)):
        picked += [message for message in some if has_attachment(message.header)]
        before = some[-1].id
    return picked[:limit]


def has_attachment(header: bytes) -> bool:
    """True for a message of several parts that are not one text in several forms (RFC 2046 5.1.3)."""
    kind = CONTENT_TYPE.search(header)
    return kind is not None and not kind[1].lower().startswith((b"text/", b"multipart/alternative", b"multipart/rel"))


def entry(store: Store, message: StoredMessage) -> Entry:
    """A message with its tenant and deliveries."""
    tenant = store.tenant(message.tenant_id) if message.tenant_id else None
    return Entry(message, tenant.name if tenant else "", tuple(store.deliveries(message.id)))


def open_entry(store: Store, message_id: str) -> Opened | None:
    """A message with all that belongs to it."""
    message = store.message(message_id)
    if message is None:
        return None
    found = entry(store, message)
    attempts = {delivery.id: tuple(store.attempts(delivery.id)) for delivery in found.deliveries}
    return Opened(found, attempts, read_body(store, message))


def read_body(store: Store, message: StoredMessage) -> bytes | None:
    """The body; None when it is larger than what is shown, or was deleted when its time was over."""
    if message.body_size > LARGEST:
        return None
    chunks: list[bytes] = []
    while (chunk := store.read_chunk(message.id, len(chunks))) is not None:
        chunks.append(chunk)
    body = b"".join(chunks)
    return body if len(body) == message.body_size else None


def entry_json(found: Entry) -> dict[str, Any]:
    """A line of the list for programs. Times are RFC 3339, sizes octets."""
    message = found.message
    name, address = found.sender
    return {
        "id": message.id,
        "kind": message.kind.value,
        "tenant": found.tenant,
        "login": message.login,
        "author": message.author,
        "from": {"name": name, "address": address},
        "to": list(found.recipients),
        "subject": message.subject,
        "received_at": iso(message.received_at),
        "size": len(message.header) + len(CRLF) + message.body_size,
    }


def opened_json(opened: Opened) -> dict[str, Any]:
    """A whole message for programs; what it says has the names of ``relay message show --json``."""
    message = opened.entry.message
    return entry_json(opened.entry) | {
        "original": {"header": header_json(message.original_header)},
        "sent": {"header": header_json(message.header)},
        "changes": [
            {"field": change.field, "before": change.before, "after": change.after, "reason": change.reason}
            for change in message.changes
        ],
        "deliveries": [
            {
                "id": delivery.id,
                "to": delivery.recipient,
                "state": delivery.state.value,
                "last_reply": delivery.last_reply,
                "attempts": [attempt_json(attempt) for attempt in opened.attempts[delivery.id]],
            }
            for delivery in opened.entry.deliveries
        ],
    }


def header_json(header: bytes) -> list[dict[str, str]]:
    """The fields of a header block in order, decoded for reading."""
    return [{"name": field.name, "value": readable(field)} for field in fields(header)]


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """What an attempt came to."""
    return {
        "number": attempt.number,
        "started_at": iso(attempt.started_at),
        "took_s": round(attempt.took_for, 3),
        "outcome": attempt.outcome,
        "remote": attempt.answer.remote,
        "tls": attempt.answer.tls,
        "reply": str(attempt.answer),
    }

"""What a webhook tells, and how it is signed (the Standard Webhooks scheme: id, time and body by HMAC-SHA256)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from relay.mail.delivery import Attempt, Delivery
    from relay.mail.tenant import Tenant
    from relay.store.model import StoredMessage
    from relay.store.store import Store
    from relay.store.webhooks import Event

SECRET_PREFIX = "whsec_"  # noqa: S105 - what begins a secret, none itself


def body_of(store: Store, event: Event) -> bytes | None:
    """The JSON of an event; None when nothing is known of its message any more."""
    message = store.message(event.message_id)
    if message is None:
        return None
    tenant = store.tenant(message.tenant_id) if message.tenant_id else None
    delivery = store.delivery(event.delivery_id) if event.delivery_id else None
    attempt = store.webhook_attempt(event) if event.number else None
    document = {
        "id": event.id,
        "type": event.event,
        "timestamp": written(event.happened_at),
        "data": {
            "tenant": tenant_json(tenant) if tenant else None,
            "message": message_json(message),
            "delivery": delivery_json(delivery) if delivery else None,
            "attempt": attempt_json(attempt) if attempt else None,
        },
    }
    return msgspec.json.encode(document)


def test_body(event_id: str, now: float) -> bytes:
    """The JSON of an event that says nothing."""
    return msgspec.json.encode({"id": event_id, "type": "test", "timestamp": written(now), "data": {}})


def tenant_json(tenant: Tenant) -> dict[str, Any]:
    """Whose mail it is."""
    return {"id": tenant.id, "name": tenant.name}


def message_json(message: StoredMessage) -> dict[str, Any]:
    """Which message it is; nothing of what it says but its subject."""
    return {
        "id": message.id,
        "from": message.author,
        "subject": message.subject,
        "document": message.document,
        "accepted_at": written(message.received_at),
    }


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """To whom, and how it stands now, which may be later than what is told."""
    return {
        "id": delivery.id,
        "to": delivery.recipient,
        "state": delivery.state.value,
        "due_at": None if delivery.state.final else written(delivery.due_at),
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """What the other side said."""
    answer = attempt.answer
    return {
        "number": attempt.number,
        "outcome": attempt.outcome,
        "code": answer.code or None,
        "enhanced_code": answer.enhanced or None,
        "text": answer.text,
        "remote": answer.remote or None,
        "tls": answer.tls or None,
    }


def written(at: float) -> str:
    """A time by RFC 3339, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def headers_of(event_id: str, body: bytes, secret: str, now: float) -> dict[str, str]:
    """The headers that say which event it is and prove who sent it, and when."""
    sent_at = str(int(now))
    return {
        "Content-Type": "application/json",
        "User-Agent": "platform-relay",
        "Webhook-Id": event_id,
        "Webhook-Timestamp": sent_at,
        "Webhook-Signature": signature(event_id, sent_at, body, secret),
    }


def signature(event_id: str, sent_at: str, body: bytes, secret: str) -> str:
    """``v1,`` and the signature in base64. ``secret`` is ``whsec_`` and its octets in base64."""
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = b".".join((event_id.encode(), sent_at.encode(), body))
    return f"v1,{b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"

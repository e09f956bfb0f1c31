"""Who is told by HTTP what becomes of mail, and what waits to be told. Every function is a method of
`relay.store.Store`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Attempt

if TYPE_CHECKING:
    from relay.store.database import Row
    from relay.store.session import Session


EVENTS = ("accepted", "delivered", "deferred", "failed", "bounced", "complained", "replied")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to tell what. ``tenant_id`` None stands for all tenants; ``secret`` is encrypted; ``failures`` counts those
    in a row; ``waiting`` events have not been taken."""

    id: str
    tenant_id: str | None
    url: str
    events: tuple[str, ...]
    secret: bytes = field(repr=False)
    created_at: float
    failures: int = 0
    failing_since: float | None = None
    retry_at: float = 0.0
    last_error: str = ""
    last_success_at: float | None = None
    paused_at: float | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: ``id`` is the same whenever it is told again. ``delivery_id`` is empty and ``number`` 0 where no
    delivery or attempt is meant."""

    id: str
    event: str
    message_id: str
    delivery_id: str
    number: int
    happened_at: float


def add_webhook(store: Session, webhook: Webhook) -> None:
    """Keep a new webhook."""
    store.database.run(
        "add_webhook",
        id=webhook.id,
        tenant_id=webhook.tenant_id,
        url=webhook.url,
        events=words(webhook.events),
        secret=webhook.secret,
        created_at=webhook.created_at,
    )


def words(events: Iterable[str]) -> str:
    """Events as they are kept: a space around each."""
    return f" {' '.join(events)} "


def webhooks(store: Session) -> list[Webhook]:
    """All webhooks, the oldest first."""
    return [webhook_of(row) for row in store.database.all("webhooks")]


def webhook_of(row: Row) -> Webhook:
    """A webhook from its row."""
    webhook_id, tenant_id, url, events, *rest = row
    return Webhook(webhook_id, tenant_id, url, tuple(events.split()), *rest)


def drop_webhook(store: Session, webhook_id: str) -> bool:
    """Forget a webhook with what waits for it; False when there was none."""
    return store.database.run("drop_webhook", id=webhook_id) > 0


def seal_webhook(store: Session, webhook: Webhook, sealed: bytes) -> bool:
    """Keep the secret encrypted anew, unless somebody changed it meanwhile."""
    return store.database.run("seal_webhook", id=webhook.id, old=webhook.secret, secret=sealed) > 0


def resume_webhook(store: Session, webhook_id: str) -> bool:
    """Send again, at once; False when there is no such webhook."""
    return store.database.run("resume_webhook", id=webhook_id) > 0


def add_webhook_event(store: Session, event: Event) -> int:
    """Note what happened for every webhook that wants to know; how many there are. In the transaction in which it
    happens, so that neither is without the other."""
    return store.database.run(
        "add_webhook_event",
        id=event.id,
        event=event.event,
        word=words([event.event]),
        message_id=event.message_id,
        delivery_id=event.delivery_id,
        number=event.number,
        happened_at=event.happened_at,
    )


def webhooks_due(store: Session, now: float) -> list[str]:
    """The webhooks that have something to send."""
    return [row[0] for row in store.database.all("webhooks_due", now=now)]


def lease_webhook_events(store: Session, webhook_id: str, now: float, until: float, limit: int) -> list[Event]:
    """Take events to send; until then nobody else does. The oldest first, one alone after a failure."""
    rows = store.database.all("lease_webhook_events", webhook_id=webhook_id, now=now, until=until, limit=limit)
    return sorted((Event(*row) for row in rows), key=lambda each: (each.happened_at, each.id))


def webhook_attempt(store: Session, event: Event) -> Attempt | None:
    """The attempt that an event is about."""
    row = store.database.one("webhook_attempt", delivery_id=event.delivery_id, number=event.number)
    if row is None:
        return None
    number, started_at, took_for, outcome, *answer = row
    return Attempt(number, started_at, took_for, outcome, Answer(*answer))


def webhook_took(store: Session, webhook_id: str, events: Iterable[Event], now: float) -> None:
    """These were taken: they are done with."""
    for event in events:
        store.database.run("drop_webhook_event", webhook_id=webhook_id, id=event.id)
    store.database.run("webhook_works", id=webhook_id, now=now)


def webhook_fails(
    store: Session, webhook_id: str, error: str, now: float, retry_at: float, *, pause: bool, before: float
) -> int:
    """One was not taken: nothing is sent before ``retry_at``, or before somebody resumes it. What happened before
    ``before`` is given up; how many events that were."""
    paused_at = now if pause else None
    store.database.run("webhook_fails", id=webhook_id, error=error, now=now, retry_at=retry_at, paused_at=paused_at)
    store.database.run("release_webhook_events", webhook_id=webhook_id)
    return store.database.run("drop_old_webhook_events", webhook_id=webhook_id, before=before)

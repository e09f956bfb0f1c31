"""Deliveries on their way: leased, settled, and what people do with them. Every function is a method of
`relay.store.Store`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from relay.mail.delivery import State
from relay.store.directory import tenant
from relay.store.messages import delivery_of, message
from relay.store.model import QueueRow, Settlement, Work
from relay.store.webhooks import Event, add_webhook_event

if TYPE_CHECKING:
    from relay.mail.tenant import Tenant
    from relay.store.model import StoredMessage
    from relay.store.session import Session

NO_LIMIT = 2**62


def lease(
    store: Session,
    node: str,
    now: float,
    until: float,
    limit: int,
    except_domains: Iterable[str] = (),
    except_tenants: Iterable[str] = (),
) -> list[Work]:
    """Take at most ``limit`` deliveries that are due, the longest due first, none of them to ``except_domains`` nor by
    the own servers of ``except_tenants``; until then nobody else can."""
    skipped, busy = f" {' '.join(except_domains)} ", " ".join(except_tenants)
    rows = store.database.all("lease_due", node=node, now=now, until=until, limit=limit, skipped=skipped, busy=busy)
    leased = sorted(map(delivery_of, rows), key=lambda each: (each.due_at, each.id))
    messages: dict[str, tuple[StoredMessage, Tenant | None]] = {}
    for each in leased:
        if each.message_id not in messages:
            messages[each.message_id] = carried(store, each.message_id)
    return [Work(each, *messages[each.message_id]) for each in leased]


def carried(store: Session, message_id: str) -> tuple[StoredMessage, Tenant | None]:
    """The message of a delivery, and whose it is."""
    found = message(store, message_id)
    assert found is not None  # a foreign key says so
    return found, tenant(store, found.tenant_id) if found.tenant_id else None


def settle(store: Session, settlement: Settlement) -> bool:
    """Record the result of an attempt. False, and nothing is written, when it comes too late: another attempt has
    begun, or this one has its result already."""
    before, after, attempt = settlement.before, settlement.after, settlement.attempt
    changed = store.database.run(
        "settle_delivery",
        id=before.id,
        attempt=before.attempt,
        state=after.state.value,
        due_at=after.due_at,
        last_reply=after.last_reply,
        settled_at=attempt.started_at + attempt.took_for,
    )
    if not changed:
        return False
    store.database.run(
        "add_attempt",
        delivery_id=before.id,
        number=before.attempt,
        started_at=attempt.started_at,
        took_for=attempt.took_for,
        outcome=attempt.outcome,
        code=attempt.answer.code,
        enhanced=attempt.answer.enhanced,
        text=attempt.answer.text,
        remote=attempt.answer.remote,
        tls=attempt.answer.tls,
    )
    add_webhook_event(store, event_of(settlement))
    return True


def event_of(settlement: Settlement) -> Event:
    """What an attempt came to, as webhooks tell it."""
    before, attempt = settlement.before, settlement.attempt
    event = {State.DELIVERED: "delivered", State.FAILED: "failed"}.get(settlement.after.state, "deferred")
    happened_at = attempt.started_at + attempt.took_for
    return Event(f"{before.id}.{before.attempt}", event, before.message_id, before.id, before.attempt, happened_at)


def release(store: Session, delivery_ids: Iterable[str], node: str) -> int:
    """Give back leases of which no attempt was made; how many there were."""
    return store.database.run_many("release_lease", [{"id": each, "node": node} for each in delivery_ids])


def release_node(store: Session, node: str) -> int:
    """Give back all leases of a process that is gone; how many there were."""
    return store.database.run("release_node", node=node)


def lease_nodes(store: Session) -> set[str]:
    """The processes that hold leases."""
    return {row[0] for row in store.database.all("lease_nodes")}


def next_due_at(store: Session) -> float | None:
    """When the next delivery can be leased; None when nothing waits."""
    row = store.database.one("next_due_at")
    return row[0] if row else None


def queue(
    store: Session,
    *,
    tenant_id: str | None = None,
    domain: str | None = None,
    state: State | None = None,
    created_before: float | None = None,
    limit: int | None = None,
) -> list[QueueRow]:
    """What waits (queued and held), the oldest first; with a final ``state`` what came to that end, the newest first.

    ``domain`` is the recipient's.
    """
    rows = store.database.all(
        "finished" if state and state.final else "queue",
        tenant_id=tenant_id,
        domain=domain,
        state=state.value if state else None,
        created_before=NO_LIMIT if created_before is None else created_before,
        limit=NO_LIMIT if limit is None else limit,
    )
    return [QueueRow(*row) for row in rows]


def hold(store: Session, delivery_ids: Iterable[str], now: float) -> int:  # noqa: ARG001 - the four take the same
    """Keep queued deliveries back until they are released; how many there were."""
    return store.database.run_many("hold", [{"id": each} for each in delivery_ids])


def release_held(store: Session, delivery_ids: Iterable[str], now: float) -> int:
    """Let held deliveries go, at once; how many there were."""
    return store.database.run_many("release_held", [{"id": each, "now": now} for each in delivery_ids])


def cancel(store: Session, delivery_ids: Iterable[str], now: float) -> int:
    """End deliveries that wait; how many there were. One that is being sent at this moment may still arrive."""
    return store.database.run_many("cancel", [{"id": each, "now": now} for each in delivery_ids])


def retry(store: Session, delivery_ids: Iterable[str], now: float) -> int:
    """Make queued deliveries due at once; how many there were."""
    return store.database.run_many("retry", [{"id": each, "now": now} for each in delivery_ids])

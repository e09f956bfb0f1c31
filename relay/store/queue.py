"""Deliveries on their way: leased, settled, and what people do with them. Every function is a method of
`relay.store.Store`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from relay.mail.delivery import State
from relay.mail.destination import OWN
from relay.store.destinations import destination_failed, destination_up, expect_destination
from relay.store.model import QueueRow, Settlement
from relay.store.webhooks import Event, add_webhook_event

if TYPE_CHECKING:
    from relay.mail.delivery import Attempt
    from relay.store.session import Session

NO_LIMIT = 2**62


def settle(store: Session, settlement: Settlement) -> bool:
    """Record the result of an attempt. False, and nothing is written, when it comes too late: another attempt has
    begun, or this one has its result already."""
    before, after, attempt = settlement.before, settlement.after, settlement.attempt
    ended_at = attempt.started_at + attempt.took_for
    waits_for = after.waits_for if not diverts(store, after.waits_for) else ""
    if waits_for:
        expect_destination(store, waits_for)
    changed = store.database.run(
        "settle_delivery",
        id=before.id,
        attempt=before.attempt,
        state=after.state.value,
        due_at=ended_at if waits_for else after.due_at,
        last_reply=after.last_reply,
        settled_at=ended_at,
        waits_for=waits_for,
    )
    if not changed:
        return False
    if settlement.down and not diverts(store, settlement.down):
        destination_failed(store, settlement.down, ended_at, str(attempt.answer))
    if settlement.up:
        destination_up(store, settlement.up)
    add_attempt(store, before.id, attempt)
    add_webhook_event(store, event_of(settlement))
    return True


def add_attempt(store: Session, delivery_id: str, attempt: Attempt) -> None:
    """Note what an attempt came to."""
    store.database.run(
        "add_attempt",
        delivery_id=delivery_id,
        number=attempt.number,
        started_at=attempt.started_at,
        took_for=attempt.took_for,
        outcome=attempt.outcome,
        code=attempt.answer.code,
        enhanced=attempt.answer.enhanced,
        text=attempt.answer.text,
        remote=attempt.answer.remote,
        tls=attempt.answer.tls,
    )


def event_of(settlement: Settlement) -> Event:
    """What an attempt came to, as webhooks tell it."""
    before, attempt = settlement.before, settlement.attempt
    event = {State.DELIVERED: "delivered", State.FAILED: "failed"}.get(settlement.after.state, "deferred")
    happened_at = attempt.started_at + attempt.took_for
    return Event(f"{before.id}.{before.attempt}", event, before.message_id, before.id, before.attempt, happened_at)


def diverts(store: Session, destination: str) -> bool:
    """True for an own server whose mail goes by the platform once it was tried: it does not wait for the server."""
    tenant_id = destination.removeprefix(OWN)
    return tenant_id != destination and store.database.one("diverts", tenant_id=tenant_id) is not None


def release(store: Session, delivery_ids: Iterable[str], node: str) -> int:
    """Give back leases of which no attempt was made; how many there were."""
    return store.database.run_many("release_lease", [{"id": each, "node": node} for each in delivery_ids])


def release_node(store: Session, node: str) -> int:
    """Give back all leases of a process that is gone; how many there were."""
    store.database.run("release_probes", node=node)
    return store.database.run("release_node", node=node)


def lease_nodes(store: Session) -> set[str]:
    """The processes that hold leases."""
    return {row[0] for row in store.database.all("lease_nodes")}


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


def retry(store: Session, delivery_ids: Collection[str], now: float) -> int:
    """Make queued deliveries due at once, and the destinations that they wait for; how many there were."""
    store.database.run_many("destination_due", [{"id": each, "now": now} for each in delivery_ids])
    return store.database.run_many("retry", [{"id": each, "now": now} for each in delivery_ids])

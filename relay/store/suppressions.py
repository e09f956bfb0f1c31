"""Addresses to which nothing is sent. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from relay.mail.suppression import Reason, Suppression

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.store.database import Row
    from relay.store.session import Session


def suppressed(store: Session, tenant_id: str, recipients: Iterable[Address], now: float) -> dict[str, Suppression]:
    """Those of ``recipients`` to which nothing is sent for a tenant now, by `Address.key`."""
    found: dict[str, Suppression] = {}
    for key in {address.key for address in recipients}:
        in_force = [each for each in suppressions_of(store, tenant_id, key) if each.in_force(now)]
        if in_force:
            found[key] = in_force[-1]
    return found


def suppressions_of(store: Session, tenant_id: str, address_key: str) -> list[Suppression]:
    """What is kept of an address, in force or not: that of all tenants before that of one."""
    rows = store.database.all("suppression", tenant_id=tenant_id, address_key=address_key)
    return list(map(suppression_of, rows))


def suppression(store: Session, tenant_id: str, address: Address) -> Suppression | None:
    """What is kept of an address for one tenant, in force or not."""
    found = suppressions_of(store, tenant_id, address.key)
    return next((each for each in found if each.tenant_id == tenant_id), None)


def suppressions(store: Session, tenant_id: str | None = None) -> list[Suppression]:
    """All of them, or those that count for one tenant; the newest first."""
    return [suppression_of(row) for row in store.database.all("suppressions", tenant_id=tenant_id)]


def put_suppression(store: Session, address: Address, suppression: Suppression) -> None:
    """Send nothing there, in place of what was kept of it."""
    store.database.run(
        "put_suppression",
        tenant_id=suppression.tenant_id,
        address_key=address.key,
        address=suppression.address,
        reason=suppression.reason.value,
        detail=suppression.detail,
        since=suppression.since,
        until=suppression.until,
        times=suppression.times,
    )


def drop_suppression(store: Session, tenant_id: str | None, address: Address) -> bool:
    """Send there again; False when nothing was kept of it."""
    return store.database.run("drop_suppression", tenant_id=tenant_id or "", address_key=address.key) > 0


def purge_suppressions(store: Session, ended_before: float) -> int:
    """Forget those that ended before then; how many there were."""
    return store.database.run("purge_suppressions", before=ended_before)


def suppression_of(row: Row) -> Suppression:
    """A suppression from its row."""
    tenant_id, address, reason, *rest = row
    return Suppression(tenant_id, address, Reason(reason), *rest)

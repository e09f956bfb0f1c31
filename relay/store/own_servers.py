"""Own servers of tenants, and the mail that waits for them. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from relay.mail.destination import own_destination
from relay.mail.own_server import OnFailure, OwnServer, SignInBy
from relay.mail.route import TlsMode
from relay.store.destinations import forget_destination

if TYPE_CHECKING:
    from relay.mail.rewrite import Change
    from relay.store.database import Row
    from relay.store.session import Session

encode = msgspec.json.Encoder().encode


def put_own_server(store: Session, server: OwnServer) -> None:
    """Set the own server of a tenant, in place of another; what was seen of that one is forgotten."""
    store.database.run(
        "put_own_server",
        tenant_id=server.tenant_id,
        host=server.host,
        port=server.port,
        tls=server.tls.value,
        sign_in_by=server.sign_in_by.value,
        username=server.username,
        password=server.sealed,
        on_failure=server.on_failure.value,
        version=server.version,
        changed_at=server.changed_at,
    )


def drop_own_server(store: Session, tenant_id: str) -> bool:
    """Send by the platform from now on; False when there was no own server."""
    return store.database.run("drop_own_server", tenant_id=tenant_id) > 0


def own_server(store: Session, tenant_id: str) -> OwnServer | None:
    """The own server of a tenant."""
    row = store.database.one("own_server", tenant_id=tenant_id)
    return own_server_of(row) if row else None


def own_servers(store: Session) -> list[OwnServer]:
    """All own servers."""
    return [own_server_of(row) for row in store.database.all("own_servers")]


def own_server_of(row: Row) -> OwnServer:
    """An own server from its row."""
    tenant_id, host, port, tls, sign_in_by, username, sealed, on_failure, *rest = row
    return OwnServer(
        tenant_id, host, port, TlsMode(tls), SignInBy(sign_in_by), username, sealed, OnFailure(on_failure), *rest
    )


def seal_own_server(store: Session, tenant_id: str, version: str, sealed: bytes) -> bool:
    """Keep the same password under another key; False when it was changed meanwhile."""
    return store.database.run("seal_own_server", tenant_id=tenant_id, version=version, password=sealed) > 0


def refuse_login(store: Session, tenant_id: str, version: str, reply: str, now: float) -> bool:
    """The server refuses the login of these settings: hold the tenant's mail by it. True the first time, False when
    that was known; nothing happens when the settings are others by now."""
    whose = {"tenant_id": tenant_id, "version": version, "reply": reply}
    first = store.database.run("refuse_login", now=now, **whose) > 0
    store.database.run("hold_own_mail", **whose)
    return first


def own_server_fails(store: Session, tenant_id: str, version: str, now: float) -> OwnServer | None:
    """Nothing got through: note since when, and return what is known; None when the settings are others by now."""
    store.database.run("own_server_fails", tenant_id=tenant_id, version=version, now=now)
    server = own_server(store, tenant_id)
    return server if server and server.version == version else None


def own_server_works(store: Session, tenant_id: str, version: str) -> bool:
    """Something got through; True when it had failed before."""
    return store.database.run("own_server_works", tenant_id=tenant_id, version=version) > 0


def own_server_told(store: Session, tenant_id: str, version: str, now: float) -> bool:
    """The tenant is told that nothing gets through; False when it was told before."""
    return store.database.run("own_server_told", tenant_id=tenant_id, version=version, now=now) > 0


def own_server_mended(store: Session, tenant_id: str, old: str, new: str, now: float) -> bool:
    """The settings with the version ``old`` are known to work: forget what was wrong, under the version ``new``. False
    when they are others by now."""
    return store.database.run("own_server_mended", tenant_id=tenant_id, old=old, new=new, now=now) > 0


def release_own_mail(store: Session, tenant_id: str, now: float) -> int:
    """Let the mail go that waits for a tenant's own server, held or not; how many deliveries. What people held stays,
    and what waits for the owner of its sender address."""
    released = store.database.run("release_own_mail", tenant_id=tenant_id, now=now)
    forget_destination(store, own_destination(tenant_id))
    return released


def own_mail_due(store: Session, tenant_id: str, now: float) -> int:
    """Try the mail again at once that waits for a tenant's own server and is not held; how many deliveries."""
    due = store.database.run("own_mail_due", tenant_id=tenant_id, now=now)
    forget_destination(store, own_destination(tenant_id))
    return due


def own_mail_waiting(store: Session, tenant_id: str) -> tuple[int, int]:
    """How many deliveries wait for a tenant's own server: queued, and held for it."""
    row = store.database.one("own_mail_waiting", tenant_id=tenant_id)
    assert row is not None
    return int(row[0]), int(row[1])


def reroute(
    store: Session, message_id: str, header: bytes, changes: tuple[Change, ...], events: tuple[str, ...], now: float
) -> bool:
    """Send a message by the platform from now on, with a header of its own; False when it does so already."""
    done = store.database.run(
        "reroute_message",
        message_id=message_id,
        header=header,
        changes=encode(changes).decode(),
        events=encode(events).decode(),
    )
    if done:
        store.database.run("reroute_deliveries", message_id=message_id, now=now)
    return done > 0

"""OAuth accounts of tenants and links to connect them. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from relay.mail.oauth import Connection, Consent, Kind

if TYPE_CHECKING:
    from relay.store.database import Row
    from relay.store.session import Session

KEPT_FOR = 86400.0  # seconds that a link is known after its end, to say that it has ended


def put_oauth_connection(store: Session, connection: Connection) -> None:
    """Connect an account, in place of another of the tenant."""
    values = asdict(connection)
    for seen in ("dead", "last_error", "failed_at"):
        del values[seen]
    store.database.run("put_oauth_connection", **values | {"kind": connection.kind.value})


def oauth_connection(store: Session, tenant_id: str) -> Connection | None:
    """The account of a tenant."""
    row = store.database.one("oauth_connection", tenant_id=tenant_id)
    return connection_of(row) if row else None


def oauth_connections(store: Session) -> list[Connection]:
    """All accounts."""
    return [connection_of(row) for row in store.database.all("oauth_connections")]


def connection_of(row: Row) -> Connection:
    """An account from its row."""
    tenant_id, app, kind, *rest = row
    rest[7] = bool(rest[7])  # dead
    return Connection(tenant_id, app, Kind(kind), *rest)


def lease_oauth(store: Session, connection: Connection, by: str, now: float, until: float) -> bool:
    """Ask for the next token in the name of ``by``; False where somebody else does, or the account is another or has
    another token by now."""
    seen = {"tenant_id": connection.tenant_id, "version": connection.version, "refreshed_at": connection.refreshed_at}
    return store.database.run("lease_oauth", by=by, now=now, until=until, **seen) > 0


def oauth_renewed(store: Session, connection: Connection, by: str) -> bool:
    """Keep the tokens of ``connection``, got at its ``refreshed_at``; False where ``by`` does not ask any more."""
    values = {
        "tenant_id": connection.tenant_id,
        "version": connection.version,
        "refresh_token": connection.refresh_token,
        "access_token": connection.access_token,
        "expires_at": connection.expires_at,
        "now": connection.refreshed_at,
    }
    return store.database.run("oauth_renewed", by=by, **values) > 0


def oauth_not_renewed(store: Session, connection: Connection, by: str, error: str, now: float, *, dead: bool) -> bool:
    """Note why there is no next token; False where ``by`` does not ask any more."""
    whose = {"tenant_id": connection.tenant_id, "version": connection.version}
    return store.database.run("oauth_not_renewed", by=by, error=error, now=now, dead=dead, **whose) > 0


def seal_oauth_connection(store: Session, connection: Connection) -> bool:
    """Keep the same tokens under another key; False when they were changed meanwhile."""
    names = ("tenant_id", "version", "refreshed_at", "refresh_token", "access_token")
    return store.database.run("seal_oauth_connection", **{name: getattr(connection, name) for name in names}) > 0


def add_oauth_consent(store: Session, state_sha256: bytes, consent: Consent, now: float) -> None:
    """A link that is given to somebody; those that ended long ago are forgotten."""
    values = asdict(consent)
    del values["used_at"]
    store.database.run("drop_old_oauth_consents", before=now - KEPT_FOR)
    store.database.run("add_oauth_consent", state_sha256=state_sha256, **values)


def oauth_consent(store: Session, state_sha256: bytes) -> Consent | None:
    """The link with this state."""
    row = store.database.one("oauth_consent", state_sha256=state_sha256)
    return Consent(*row) if row else None


def use_oauth_consent(store: Session, state_sha256: bytes, now: float) -> bool:
    """Use a link up; False when it was used, or has ended."""
    return store.database.run("use_oauth_consent", state_sha256=state_sha256, now=now) > 0

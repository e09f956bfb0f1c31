"""Tenants, their logins, and the secrets of the installation. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from relay.mail.tenant import Login, Tenant
from relay.store.database import StoreError

if TYPE_CHECKING:
    from relay.store.database import Row
    from relay.store.session import Session


def add_tenant(store: Session, tenant: Tenant) -> None:
    """Keep a new tenant."""
    store.database.run(
        "add_tenant",
        id=tenant.id,
        name=tenant.name,
        email=tenant.email,
        locale=tenant.locale,
        created_at=tenant.created_at,
    )


def tenant(store: Session, tenant_id: str) -> Tenant | None:
    """The tenant with that identifier."""
    row = store.database.one("tenant", id=tenant_id)
    return Tenant(*row) if row else None


def find_tenant(store: Session, text: str) -> Tenant | None:
    """The tenant with that identifier or, whatever its case, that name. Raises `StoreError` when several have it."""
    found = [Tenant(*row) for row in store.database.all("find_tenants", text=text)]
    exact = [each for each in found if each.id == text] or found
    if len(exact) > 1:
        ids = ", ".join(each.id for each in exact)
        raise StoreError(f"{len(exact)} tenants are called {text}: name one by its identifier ({ids})")
    return exact[0] if exact else None


def tenants(store: Session) -> list[Tenant]:
    """All tenants, the oldest first."""
    return [Tenant(*row) for row in store.database.all("tenants")]


def set_tenant(
    store: Session, tenant_id: str, *, name: str | None = None, email: str | None = None, locale: str | None = None
) -> Tenant | None:
    """Change what is given of a tenant; the tenant as it is now, or None when there is none."""
    old = tenant(store, tenant_id)
    if old is None:
        return None
    new = Tenant(old.id, name or old.name, email or old.email, locale or old.locale, old.created_at)
    store.database.run("set_tenant", id=new.id, name=new.name, email=new.email, locale=new.locale)
    return new


def erase_tenant(store: Session, tenant_id: str) -> bool:
    """Delete a tenant and all that is its: logins, senders, confirmations, messages. False when there is none.

    Afterwards, outside the transaction, `Store.scrub` takes the traces out of the files.
    """
    store.database.run("erase_tenant_chunks", id=tenant_id)
    return store.database.run("erase_tenant", id=tenant_id) > 0


def add_login(store: Session, login: Login) -> None:
    """Keep a new login."""
    store.database.run(
        "add_login",
        username=login.username,
        tenant_id=login.tenant_id,
        secret_sha256=login.secret_sha256,
        created_at=login.created_at,
        revoked_at=login.revoked_at,
        networks=json.dumps(login.networks),
        own_server=login.own_server,
    )


def login(store: Session, username: str) -> tuple[Login, Tenant] | None:
    """A login in force with its tenant; None when there is none or it was revoked."""
    row = store.database.one("login", username=username)
    return (login_of(row[:7]), Tenant(*row[7:])) if row else None


def login_of(row: Row) -> Login:
    """A login from its row."""
    username, tenant_id, secret_sha256, created_at, revoked_at, networks, own_server = row
    networks = tuple(json.loads(networks))
    return Login(username, tenant_id, secret_sha256, created_at, revoked_at, networks, bool(own_server))


def logins(store: Session, tenant_id: str) -> list[Login]:
    """All logins of a tenant, revoked ones too, the oldest first."""
    return [login_of(row) for row in store.database.all("logins", tenant_id=tenant_id)]


def revoke_login(store: Session, username: str, now: float) -> bool:
    """End a login; False when there is none in force."""
    return store.database.run("revoke_login", username=username, now=now) > 0


def secret(store: Session, name: str, fresh: bytes) -> bytes:
    """The installation's secret of that name: the one that is kept, or ``fresh``, which is kept from now on."""
    store.database.run("add_secret", key=name, value=fresh)
    row = store.database.one("secret", key=name)
    assert row is not None
    kept: bytes = row[0]
    return kept

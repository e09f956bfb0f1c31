"""Asking the owner of an address whether a tenant may send as it (rules D1-D6).

Limits (D2): one mail in 15 minutes for a tenant and address, three a day for an address over all tenants, twenty a
day for a tenant. The token is 256 random bits and only its SHA-256 is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum
from typing import TYPE_CHECKING

from relay.mail.sender import SenderState
from relay.server.notices import verification_mail
from relay.store.model import Confirmation, MessageKind

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.tenant import Tenant
    from relay.server.office import Office
    from relay.store.store import Store

VALID_FOR = 7 * 86400.0
QUIET_FOR = 15 * 60.0
DAY = 86400.0
A_DAY_FOR_ADDRESS = 3
A_DAY_FOR_TENANT = 20


class Asked(StrEnum):
    """What came of the wish to ask the owner."""

    SENT = "sent"
    WAITING = "waiting"  # asked less than 15 minutes ago
    LIMITED = "limited"  # asked too often today
    BLOCKED = "blocked"  # the owner said no
    VERIFIED = "verified"  # nothing to ask


def request_confirmation(store: Store, office: Office, tenant: Tenant, address: Address, now: float) -> Asked:
    """Queue a verification mail to ``address`` unless it was decided or asked already. Call inside a write."""
    sender = store.sender(tenant.id, address)
    if sender is not None and sender.state in {SenderState.BLOCKED, SenderState.VERIFIED}:
        return Asked(sender.state.value)
    last = store.last_confirmation_at(tenant.id, address)
    if last is not None and now - last < QUIET_FOR:
        return Asked.WAITING
    if sender is None:  # what was withdrawn stays withdrawn until somebody says yes again
        store.put_sender(tenant.id, address, SenderState.PENDING, now)
    if too_many(store, tenant, address, now):
        return Asked.LIMITED
    mail_link(store, office, tenant, address, now)
    return Asked.SENT


def too_many(store: Store, tenant: Tenant, address: Address, now: float) -> bool:
    """True when the limits of a day are reached."""
    since = now - DAY
    return (
        store.confirmations_since(address, since) >= A_DAY_FOR_ADDRESS
        or store.tenant_confirmations_since(tenant.id, since) >= A_DAY_FOR_TENANT
    )


def mail_link(store: Store, office: Office, tenant: Tenant, address: Address, now: float) -> None:
    """Store a new confirmation and queue the mail that carries its link."""
    token, withdraw = fresh_token(), fresh_token()
    expires_at = now + VALID_FOR
    store.add_confirmation(
        Confirmation(digest(token), digest(withdraw), tenant.id, str(address), created_at=now, expires_at=expires_at)
    )
    mail = verification_mail(
        office.config.platform,
        tenant,
        address,
        office.url(f"/confirm/{token}"),
        office.url(f"/withdraw/{withdraw}"),
        expires_at,
        locale=tenant.locale,
        now=now,
        message_id=office.message_id(now),
    )
    store.enqueue(office.own_mail(mail, MessageKind.VERIFICATION, tenant, str(address), now))


def fresh_token() -> str:
    """256 random bits that fit a link, and a command line: an argument cannot begin with a hyphen."""
    while (token := secrets.token_urlsafe(32)).startswith("-"):
        pass
    return token


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("ascii", "replace")).digest()

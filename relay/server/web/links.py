"""What stands behind a link that was mailed: whom it is about, where it stands, and what an answer does to it.

    confirm:   OPEN --yes--> sender VERIFIED;  OPEN --no--> sender BLOCKED;  either uses the link up
    withdraw:  CONFIRMED --yes--> sender REVOKED, as often as it is confirmed again

Looking changes nothing, ever (rule D3); an answer looks again inside the write that carries it out.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from relay.mail.address import Address
from relay.mail.sender import Sender, SenderState
from relay.server.verification import digest

if TYPE_CHECKING:
    from relay.mail.tenant import Tenant
    from relay.store.model import Confirmation
    from relay.store.store import Store


class Standing(StrEnum):
    """Where a link stands. The values name the sentences of the pages."""

    OPEN = "confirm"
    EXPIRED = "expired"
    USED = "used"
    CONFIRMED = "already"
    BLOCKED = "blocked"
    WITHDRAWN = "withdrawn"
    IDLE = "idle"


DECIDED = {
    SenderState.VERIFIED: Standing.CONFIRMED,
    SenderState.BLOCKED: Standing.BLOCKED,
    SenderState.REVOKED: Standing.WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class Link:
    """A link that exists: what was asked, by which tenant, and the sender it is about."""

    confirmation: Confirmation
    tenant: Tenant
    address: Address
    sender: Sender

    @property
    def granted(self) -> Standing:
        """Where the withdraw link stands."""
        return DECIDED.get(self.sender.state, Standing.IDLE)

    def asked(self, now: float) -> Standing:
        """Where the confirm link stands: what was decided counts more than an old link."""
        decided = DECIDED.get(self.sender.state)
        if self.confirmation.used_at is not None:
            return decided or Standing.USED
        if decided in {Standing.CONFIRMED, Standing.BLOCKED}:
            return decided
        return Standing.EXPIRED if now >= self.confirmation.expires_at else Standing.OPEN


def nonce(secret: bytes, token: str, purpose: str) -> str:
    """What a form must send back: only a page that was served for this token and purpose holds it."""
    return hmac.new(secret, f"{purpose}:{token}".encode("utf-8", "replace"), sha256).hexdigest()


def nonce_fits(secret: bytes, token: str, purpose: str, given: str) -> bool:
    """True when a form came from our page for this token; compared in constant time."""
    return hmac.compare_digest(nonce(secret, token, purpose).encode(), given.encode("utf-8", "replace"))


def confirm_link(store: Store, token: str) -> Link | None:
    """The link of a confirmation token; None when we did not make it."""
    return link(store, store.confirmation(digest(token)))


def withdraw_link(store: Store, token: str) -> Link | None:
    """The link of a withdraw token; None when we did not make it."""
    return link(store, store.confirmation_by_withdraw(digest(token)))


def link(store: Store, confirmation: Confirmation | None) -> Link | None:
    """A confirmation with all that it is about; None when that is gone."""
    if confirmation is None:
        return None
    local, _, domain = confirmation.address.rpartition("@")
    address = Address(local, domain)
    tenant = store.tenant(confirmation.tenant_id)
    sender = store.sender(confirmation.tenant_id, address)
    return Link(confirmation, tenant, address, sender) if tenant and sender else None


def answer_confirm(store: Store, token: str, *, yes: bool, now: float) -> bool:
    """Carry out an answer to a confirm link, once; False when it was not open any more. Call inside a write."""
    found = confirm_link(store, token)
    if found is None or found.asked(now) is not Standing.OPEN or not store.use_confirmation(digest(token), now):
        return False
    state = SenderState.VERIFIED if yes else SenderState.BLOCKED
    store.put_sender(found.tenant.id, found.address, state, now)
    return True


def answer_withdraw(store: Store, token: str, *, now: float) -> bool:
    """Withdraw what was confirmed; False when nothing was. Call inside a write."""
    found = withdraw_link(store, token)
    if found is None or found.granted is not Standing.CONFIRMED:
        return False
    store.put_sender(found.tenant.id, found.address, SenderState.REVOKED, now)
    return True

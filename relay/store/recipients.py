"""What became of earlier mail to a recipient. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.mail.address import Address

if TYPE_CHECKING:
    from relay.store.session import Session


def bounced(store: Session, since: float) -> dict[str, float]:
    """The mailboxes, by key, that a server said do not exist since a time, and when; not those that took mail later."""
    rows = store.database.all("bounced", since=since)
    found: dict[str, float] = {}
    for recipient, at in rows:
        key = key_of(recipient)
        found[key] = max(at, found.get(key, at))
    return found


def has_delivered(store: Session, tenant_id: str, recipient: Address) -> bool:
    """True when mail of a tenant has arrived there before, as far as that is remembered."""
    rows = store.database.all("delivered_to_domain", tenant_id=tenant_id, domain=recipient.domain)
    return recipient.key in {key_of(text) for (text,) in rows}


def key_of(recipient: str) -> str:
    """The key of a recipient as it is kept with a delivery."""
    local, _, domain = recipient.rpartition("@")
    return Address(local, domain).key

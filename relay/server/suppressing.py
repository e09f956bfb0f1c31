"""Putting addresses on the suppression list, and what apps and authors hear of it (`relay.mail.suppression`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from relay.mail.address import Address
from relay.mail.dsn import one_line
from relay.mail.reply import Refusal
from relay.mail.suppression import after_bounce, after_complaint

if TYPE_CHECKING:
    from relay.mail.delivery import Answer, Delivery
    from relay.mail.suppression import Suppression
    from relay.store.model import StoredMessage
    from relay.store.store import Store

log = logging.getLogger("relay.suppression")

LONGEST_DETAIL = 200  # characters


def suppress_mailbox(store: Store, message: StoredMessage, delivery: Delivery, answer: Answer, now: float) -> None:
    """A mailbox does not exist: its own server says so. Call inside a write."""
    if message.tenant_id is None:
        return
    address = recipient_of(delivery)
    earlier = store.suppression(message.tenant_id, address)
    found = after_bounce(earlier, message.tenant_id, str(address), one_line(str(answer), LONGEST_DETAIL), now)
    keep(store, address, earlier, found)


def suppress_complainer(store: Store, message: StoredMessage, delivery: Delivery, kind: str, now: float) -> None:
    """Somebody complained about a tenant's mail. Call inside a write."""
    if message.tenant_id is None:
        return
    address = recipient_of(delivery)
    earlier = store.suppression(message.tenant_id, address)
    found = after_complaint(earlier, message.tenant_id, str(address), one_line(kind, LONGEST_DETAIL), now)
    keep(store, address, earlier, found)


def keep(store: Store, address: Address, earlier: Suppression | None, found: Suppression) -> None:
    """Write a suppression down where it is new."""
    if found is not earlier:
        store.put_suppression(address, found)
        log.info("suppressed tenant=%s to=%s reason=%s times=%d", found.tenant_id, address, found.reason, found.times)


def recipient_of(delivery: Delivery) -> Address:
    """The recipient of a delivery."""
    local, _, domain = delivery.recipient.rpartition("@")
    return Address(local, domain)


def all_suppressed(paths: Sequence[Address], suppressed: Mapping[str, Suppression]) -> Refusal | None:
    """The refusal of a message of which nothing would be sent; None where there is somebody to send it to."""
    if not paths or any(path.key not in suppressed for path in paths):
        return None
    found = suppressed[paths[0].key]
    since = f"{datetime.fromtimestamp(found.since, UTC):%Y-%m-%d}"
    params = {"address": str(paths[0]), "since": since, "detail": found.detail or "-"}
    return Refusal(550, "5.1.1" if found.until else "5.7.1", f"suppressed.{found.reason}", params)

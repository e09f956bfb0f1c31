"""Mail of an unconfirmed sender under ``policy.unverified = "hold"`` (rule D1): accepted, kept, sent by itself once the
owner of the address says yes. When nobody does within 72 hours, or the owner says no, the tenant is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from relay.mail.delivery import HOUR, State
from relay.mail.sender import SenderState
from relay.server.notices import lapse_notice
from relay.store.database import StoreError
from relay.store.model import MessageKind, Queued

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.server.office import Office
    from relay.store.group import CommitGroup
    from relay.store.store import Store

log = logging.getLogger("relay.holding")

HELD_FOR = 72 * HOUR
EVERY = 60.0  # seconds
AT_ONCE = 100


def enqueue_held(store: Store, queued: Queued, address: Address, now: float) -> None:
    """Queue a message that waits for the owner of ``address``, unless the owner has just said yes."""
    tenant_id = queued.message.tenant_id or ""
    sender = store.sender(tenant_id, address)
    if sender is not None and sender.state is SenderState.VERIFIED:
        store.enqueue(queued)
        return
    held = tuple(replace(delivery, state=State.HELD) for delivery in queued.deliveries)
    store.enqueue(replace(queued, deliveries=held))
    store.add_awaiting(queued.message.id, tenant_id, address, now + HELD_FOR)


async def watch_held(group: CommitGroup, office: Office, wake: Callable[[], None], now: Callable[[], float]) -> None:
    """Give up on what waited in vain, once a minute, until cancelled."""
    while True:
        try:
            while await group.write(lambda store: give_up(store, office, now())):
                wake()
        except StoreError as error:
            log.error("held messages not looked at: %s", error)  # noqa: TRY400 - the next round tries again
        await asyncio.sleep(EVERY)


def give_up(store: Store, office: Office, now: float) -> int:
    """Cancel what waited in vain and queue the notices to the tenants; how many. Call inside a write."""
    lapsed = store.lapsed(now, AT_ONCE)
    for message_id in lapsed:
        message = store.message(message_id)
        recipients = [one.recipient for one in store.deliveries(message_id) if one.state is State.HELD]
        store.cancel_awaiting(message_id, now)
        tenant = store.tenant(message.tenant_id) if message and message.tenant_id else None
        if message is None or tenant is None or not recipients:
            continue
        notice = lapse_notice(
            office.config.platform, tenant, message, recipients, now=now, message_id=office.message_id(now)
        )
        store.enqueue(office.own_mail(notice, MessageKind.FAILURE, tenant, tenant.email, now))
        log.info("lapsed id=%s tenant=%s from=%s", message_id, tenant.id, message.author)
    return len(lapsed)

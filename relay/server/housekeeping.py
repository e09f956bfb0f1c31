"""Once a minute: delete what need not be kept any longer, a little at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.mail.delivery import DAY, HOUR
from relay.store.database import StoreError

if TYPE_CHECKING:
    from relay.store.group import CommitGroup

log = logging.getLogger("relay.housekeeping")

EVERY = 60.0  # seconds
AT_ONCE = 500  # messages a transaction, so that nobody waits for the rest
SUPPRESSIONS_KEPT_FOR = 360 * DAY  # after their end: the next bounce makes it longer
ORPHANS_KEPT_FOR = DAY  # chunks of a body whose message was never committed


@dataclass(frozen=True, slots=True)
class Retention:
    """Seconds that things are kept after the last delivery of a message came to its end."""

    bodies_for: float = 1 * HOUR
    messages_for: float = 30 * DAY


async def keep_house(group: CommitGroup, retention: Retention, now: Callable[[], float]) -> None:
    """Tidy until cancelled."""
    while True:
        try:
            await tidy(group, retention, now())
        except StoreError as error:
            log.error("housekeeping failed: %s", error)  # noqa: TRY400 - the next round tries again
        await asyncio.sleep(EVERY)


async def tidy(group: CommitGroup, retention: Retention, now: float) -> None:
    """Delete everything whose time is over. Raises StoreError."""
    bodies_before, messages_before = now - retention.bodies_for, now - retention.messages_for
    while await group.write(lambda store: store.purge_bodies(bodies_before, AT_ONCE)):
        pass
    while await group.write(lambda store: store.purge_messages(messages_before, AT_ONCE)) == AT_ONCE:
        pass
    while await group.write(lambda store: store.purge_bounce_bodies(bodies_before, AT_ONCE)) == AT_ONCE:
        pass
    await group.write(lambda store: store.purge_suppressions(now - SUPPRESSIONS_KEPT_FOR))
    await group.write(lambda store: store.purge_orphan_chunks(now - ORPHANS_KEPT_FOR))

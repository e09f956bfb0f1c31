"""Destinations that cannot be reached: what each attempt says of them, and what their mail does meanwhile.

One attempt that reaches nobody is enough, unless somebody was reached there a moment ago: then the destination takes
some connections and refuses others, and gets fewer (`Lines.narrow`). What waits in line is sent home untried, new mail
waits at once (`Outages.spares`), and `relay.store.leasing` lets out one delivery at a time, by the schedule. The first
that is heard brings all of it back, over one connection at first (`relay.server.lines`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from relay.mail.delivery import LEAST_ATTEMPTS, LIFETIME, Deferred, State
from relay.mail.destination import Destination
from relay.server.attempt import LEASE_FOR, Courier
from relay.store.model import Settlement, Work

if TYPE_CHECKING:
    from relay.server.lines import Lines
    from relay.server.settling import Clerk
    from relay.store.group import CommitGroup
    from relay.store.store import Store


AT_ONCE = 100  # deliveries that are given up in one transaction


class Outages:
    """``known`` are the destinations that mail waits for, as the last lease saw them."""

    def __init__(
        self, group: CommitGroup, lines: Lines, courier: Courier, clerk: Clerk, node: str, now: Callable[[], float]
    ) -> None:
        self.group = group
        self.lines = lines
        self.courier = courier
        self.clerk = clerk
        self.node = node
        self.now = now
        self.known: dict[str, Destination] = {}

    def spares(self, name: str, now: float) -> bool:
        """True when new mail waits for that destination; when it does not though that is down, it is the one that tries
        it."""
        known = self.known.get(name)
        if known is None or not known.down:
            return False
        if known.spared(now):
            return True
        self.known[name] = replace(known, tried_at=now)
        return False

    def weighed(self, destination: str, settlement: Settlement) -> Settlement:
        """A result with what it means for its destination. Where that was down before, a try of which nothing is known
        has not reached it either."""
        known = self.known.get(destination)
        down = known is not None and known.down
        if settlement.reached:
            self.lines.reached(destination, time.monotonic())
            if not down:
                return settlement
            self.known[destination] = Destination(destination)
            return replace(settlement, up=destination)
        if settlement.reached is None and not down:
            return settlement
        if not down and self.lines.narrow(destination, time.monotonic()):
            return settlement
        after = settlement.after
        waits_for = destination if after.state is State.QUEUED else ""
        return replace(settlement, after=replace(after, waits_for=waits_for), down=destination)

    async def hold_back(self, failed: Settlement) -> None:
        """A destination is down: what stands in line for it waits, and what has waited for too long fails with it.
        Raises StoreError."""
        name, now = failed.down, self.now()
        known = await self.group.read(lambda store: store.destination(name))
        if known is None or not known.down:
            return
        self.known[name] = known
        ids = [work.delivery.id for work in self.lines.clear(name)]
        if ids:
            await self.group.write(lambda store: store.wait_for(ids, name, self.node, now))
        while late := await self.group.read(partial(too_late, name, now - LIFETIME)):
            for start in range(0, len(late), AT_ONCE):
                lease = partial(leased, late[start : start + AT_ONCE], self.node, now)
                for work in await self.group.write(lease):
                    await self.clerk.settle(work, self.given_up(work, failed))

    def given_up(self, work: Work, failed: Settlement) -> Settlement:
        """The same result for a delivery whose time is up: nobody would be reached for that one either."""
        late = State.HELD if self.courier.by_own_server(work) else State.FAILED
        after = work.delivery.after(Deferred(failed.attempt.answer), self.now(), late)
        waits_for = failed.down if after.state is State.QUEUED else ""
        attempt = replace(failed.attempt, number=work.delivery.attempt)
        return Settlement(work.delivery, replace(after, waits_for=waits_for), attempt)


def too_late(destination: str, before: float, store: Store) -> list[str]:
    """Some of what has waited for a destination since then, and long enough."""
    return store.too_late(destination, before, LEAST_ATTEMPTS)


def leased(delivery_ids: list[str], node: str, now: float, store: Store) -> list[Work]:
    """These, leased."""
    return store.lease_these(delivery_ids, node, now, now + LEASE_FOR)

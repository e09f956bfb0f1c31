"""The worker: leases what is due, has it carried out, and settles what it came to (steps 8 and 9).

1. `Worker.start` gives back the leases of processes that are gone (`release_the_dead`), then `Worker.run` begins.
2. `Worker.lease` takes what may go (`relay.store.leasing`) and puts it in line by destination (`relay.server.lines`).
   `Worker.enqueue` puts in line what was accepted here this moment, written as leased and never read back, when there
   is room; what there is no room for waits in the queue like everything else.
3. `Worker.dispatch` lets deliveries step forward; `Worker.carry_out` runs each (`relay.server.attempt`) and settles it
   (`relay.server.settling`). When nobody was reached, `Worker.hold_back` sends home all that waits for the same place.
4. It waits to be woken (`Worker.wake`: something was queued here; a line got short), at most `POLL` seconds, because
   retries fall due and other processes queue too.
5. `Worker.stop` leases nothing more, gives back what still waits in line, and lets what runs end.

A lease outlives every attempt, and a delivery that waited in line for too long of it is given back untried.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from relay.mail.destination import SMARTHOSTS, own_destination
from relay.mail.route import MxRoute, Route, RouteKind
from relay.server.attempt import LEASE_FOR, LONGEST_ATTEMPT, Courier
from relay.server.housekeeping import Retention, keep_house
from relay.server.lines import Lines
from relay.server.outages import Outages
from relay.server.settling import AfterOwn, Clerk
from relay.server.transports import open_outlet, open_transports
from relay.store.database import StoreError
from relay.store.leasing import Ask
from relay.store.model import Queued, Work
from relay.store.node import dead_nodes

if TYPE_CHECKING:
    from relay.config import Delivery
    from relay.mail.tenant import Tenant
    from relay.net.dns import Resolver
    from relay.server.own_route import OwnRoutes
    from relay.server.transports.policy import Policies
    from relay.store.group import CommitGroup
    from relay.store.store import Store

T = TypeVar("T")
log = logging.getLogger("relay.worker")

POLL = 1.0  # seconds
RECOVER_WITHIN = 3.0  # seconds that a start waits for what a dead process left behind
WATCH = 10.0  # seconds between looks at who is gone
STOP_WITHIN = 30.0  # seconds that running deliveries have when the process stops
CONCURRENCY = 200  # deliveries that run at once
LEASED_AT_ONCE = 100
LEAST_LEASED = 25  # a lease is a write: not for less room than this
LONGEST_LINE = 100  # that wait for one destination and tenant; more of it stays in the queue and lets others pass
MOST_LEASED = 1000
MOST_FOR_SMARTHOSTS = 400
HANDED_OVER = 100  # deliveries in line while new ones still join them in memory, each with at most a small body


class Worker:
    """One per process. ``route`` is the way of the platform's mail, ``own_routes`` knows that of tenants' own servers,
    and ``after_own`` what their results mean."""

    def __init__(
        self,
        *,
        group: CommitGroup,
        route: Route,
        delivery: Delivery,
        resolver: Resolver,
        node: str,
        hostname: str,
        verp_key: bytes,
        bounce_domain: str,
        own_routes: OwnRoutes,
        after_own: AfterOwn,
        now: Callable[[], float],
        retention: Retention | None = None,
        policies: Policies | None = None,
    ) -> None:
        self.group = group
        self.route = route
        self.node = node
        self.now = now
        self.retention = retention or Retention()
        self.outlet = open_outlet(delivery, resolver, hostname, policies)
        self.transports = open_transports(self.outlet)
        keeps_all = delivery.conversation == "all"
        self.courier = Courier(group, route, own_routes, self.transports, verp_key, bounce_domain, now, keeps_all)
        self.clerk = Clerk(group, self.wake, now, after_own)
        places = MOST_LEASED if isinstance(route, MxRoute) else MOST_FOR_SMARTHOSTS
        self.lines = Lines(CONCURRENCY, delivery.connections, places)
        self.outages = Outages(group, self.lines, self.courier, self.clerk, node, now)
        self.left: set[str] = set()  # destinations that are up, and for which more waits than is in line
        self.turn = ""  # the tenant whose turn it is to be leased
        self.arriving = 0  # deliveries on their way to the disk that will join the lines
        self.woken = asyncio.Event()
        self.stopping = False
        self.more = False  # the latest lease left due deliveries behind
        self.deliveries: set[asyncio.Task[None]] = set()
        self.background: list[asyncio.Task[None]] = []
        self.running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, with what processes that are gone left behind. Raises StoreError."""
        if await self.release_the_dead():
            await self.recover()
        self.running = asyncio.create_task(self.run())
        chores = (self.watch(), keep_house(self.group, self.retention, self.now))
        self.background = [asyncio.create_task(chore) for chore in chores]

    async def recover(self) -> None:
        """Carry out first what a dead process may have been sending, before new mail comes in: whether it arrived is in
        doubt, and each time that it is in doubt again may cost the recipient one more copy."""
        deadline = time.monotonic() + RECOVER_WITHIN
        full = True
        while full:
            full = bool(await self.settled("lease", self.lease()))
            self.dispatch()
            while self.deliveries:
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                await asyncio.wait(self.deliveries, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def wake(self) -> None:
        """Something was queued: look at once."""
        self.woken.set()

    async def enqueue(self, queued: Queued, tenant: Tenant) -> None:
        """Write a message and see to its deliveries; when this returns it is on the disk. Raises StoreError."""
        if not self.has_room_for(queued):
            await self.group.write(lambda store: store.enqueue(queued))
            self.wake()
            return
        leased = self.leased(queued)
        works = [Work(each, leased.message, tenant, leased.body) for each in leased.deliveries if each.leased_by]
        self.arriving += len(works)
        try:
            await self.group.write(lambda store: store.enqueue(leased))
        finally:
            self.arriving -= len(works)
        for work in works:
            self.lines.join(self.destination(work), work)
        self.dispatch()
        if self.stopping:
            await self.give_back(self.lines.dissolve())

    def leased(self, queued: Queued) -> Queued:
        """A message as it is written, each delivery leased to us or waiting for a destination that is down."""
        now = self.now()
        deliveries = tuple(
            replace(each, waits_for=name) if self.outages.spares(name, now) else each.leased(self.node, now + LEASE_FOR)
            for each, name in zip(queued.deliveries, self.places(queued), strict=True)
        )
        return replace(queued, deliveries=deliveries)

    def has_room_for(self, queued: Queued) -> bool:
        """True when a message may be carried out from memory: it is small, few are in line, and nobody was first."""
        if queued.body is None or self.more or self.stopping or not self.left.isdisjoint(self.places(queued)):
            return False
        return self.lines.held + self.arriving + len(queued.deliveries) <= HANDED_OVER

    async def stop(self, within: float = STOP_WITHIN) -> None:
        """End: running deliveries get ``within`` seconds, then they are broken off and others may try them."""
        self.stopping = True
        self.wake()
        if self.running:
            await self.running
        await self.give_back(self.lines.dissolve())
        if self.deliveries:
            await asyncio.wait(self.deliveries, timeout=within)
        await ended([*self.deliveries, *self.background])
        await self.outlet.pool.close()
        await self.settled("release", self.group.write(partial(release_node, self.node)))

    async def run(self) -> None:
        """Lease and dispatch until stopped."""
        while not self.stopping:
            self.woken.clear()
            full = await self.settled("lease", self.lease())
            self.dispatch()
            if not full:
                await self.sleep(POLL)

    async def sleep(self, seconds: float) -> None:
        """Wait to be woken, so long at most."""
        try:
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        except TimeoutError:
            return

    async def lease(self) -> bool:
        """Take what is due and there is room for; True when there is more of both. Raises StoreError."""
        room = min(LEASED_AT_ONCE, self.lines.places - self.lines.held)
        if room < LEAST_LEASED:
            self.more = True
            return False
        now, lines = self.now(), self.lines
        places = (self.place, lines.waiting.copy(), LONGEST_LINE, lines.room())
        ask = Ask(self.node, now, now + LEASE_FOR, room, *places, self.turn)
        leased = await self.group.write(lambda store: store.lease_round(ask))
        self.outages.known = leased.destinations
        self.left, self.more, self.turn = leased.left, leased.more, leased.start
        lines.keep_windows(leased.destinations)
        for work in leased.works:
            lines.join(self.destination(work), work)
        return leased.more and bool(leased.works or leased.waiting)

    def destination(self, work: Work) -> str:
        """What shares connections with this delivery, and its fate."""
        return self.place(work.message.tenant_id or "", work.delivery.domain, work.message.route)

    def places(self, queued: Queued) -> list[str]:
        """The destinations of a message, in the order of its deliveries."""
        message = queued.message
        return [self.place(message.tenant_id or "", each.domain, message.route) for each in queued.deliveries]

    def place(self, tenant_id: str, domain: str, route: RouteKind) -> str:
        """The name of where mail of a tenant to a domain goes next."""
        if route is RouteKind.OWN:
            return own_destination(tenant_id)
        return domain if isinstance(self.route, MxRoute) else SMARTHOSTS

    def dispatch(self) -> None:
        """Start everything that may run."""
        while not self.stopping and (step := self.lines.step_forward()):
            task = asyncio.create_task(self.carry_out(*step))
            self.deliveries.add(task)
            task.add_done_callback(self.deliveries.discard)

    async def carry_out(self, destination: str, work: Work) -> None:
        """One delivery, from its turn to its result."""
        try:
            if self.stale(work):
                await self.give_back([work])
                return
            settlement = self.outages.weighed(destination, await self.courier.attempt(work))
            await self.clerk.settle(work, settlement)
            if settlement.down:
                await self.settled("hold back", self.outages.hold_back(settlement))
            elif settlement.up:
                self.wake()
        finally:
            self.lines.leave(destination, work)
            self.dispatch()
            if (self.more or destination in self.left) and self.lines.waiting_for(destination) < LONGEST_LINE // 2:
                self.wake()

    def stale(self, work: Work) -> bool:
        """True when its lease might end before the attempt does, and another process would try it as well."""
        until = work.delivery.leased_until
        return until is None or until - self.now() < LONGEST_ATTEMPT

    async def give_back(self, untried: list[Work]) -> None:
        """End leases of which no attempt was made."""
        if ids := [work.delivery.id for work in untried]:
            await self.settled("release", self.group.write(lambda store: store.release(ids, self.node)))

    async def watch(self) -> None:
        """Look after processes that vanish while we run."""
        while True:
            await asyncio.sleep(WATCH)
            await self.settled("watch", self.release_the_dead())

    async def release_the_dead(self) -> int:
        """Give back the leases of processes of this machine that are gone; how many. Raises StoreError."""
        total = 0
        for node in dead_nodes(await self.group.read(lambda store: store.lease_nodes())) - {self.node}:
            count = await self.group.write(partial(release_node, node))
            log.warning("released node=%s deliveries=%d", node, count)
            total += count
        return total

    async def settled(self, what: str, write: Awaitable[T]) -> T | None:
        """The result of a use of the store, or None when it failed: the worker goes on, and tries again later."""
        try:
            return await write
        except StoreError as error:
            log.error("%s failed: %s", what, error)  # noqa: TRY400 - the store logged where
        except Exception:
            log.exception("%s failed", what)
        return None


def release_node(node: str, store: Store) -> int:
    """Give back all leases of a process; how many there were."""
    return store.release_node(node)


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    """Break tasks off and wait until they have let go of everything."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""Which deliveries a process takes next: fair among tenants, none to a destination that is down, none beyond its room.

1. Of each destination that is down and due, one delivery: the probe. Whoever claims it tries; nobody else does.
2. What waits for destinations that are up, as much as their lines want; one that nothing waits for is forgotten.
3. What is due, tenant by tenant in turn, the longest due first. What goes where it would wait anyway is put to wait
   there, so that it never stands before other mail again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from relay.mail.destination import Destination
from relay.mail.route import RouteKind
from relay.store import directory
from relay.store.destinations import claim_probe, destinations, expect_destination, forget_destination
from relay.store.messages import delivery_of, message
from relay.store.model import Work

if TYPE_CHECKING:
    from relay.mail.delivery import Delivery
    from relay.mail.tenant import Tenant
    from relay.store.database import Row
    from relay.store.model import StoredMessage
    from relay.store.session import Session

EVER = 2.0**62
TENANTS_AT_ONCE = 1000  # that one lease looks at; the next one goes on after them
NO_LIMIT = 2**31
TOO_LATE_AT_ONCE = 10_000
LOOKED_AT = 10  # times the limit that are looked at, most of which may have to wait for their destinations

Place = Callable[[str, str, RouteKind], str]


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks, when and until when; for how much there is room: in all (``limit``), for one tenant, and in one line,
    which is a tenant's to one destination. ``place`` names the destination of a tenant, a recipient's domain and a kind
    of route; ``lines`` says how many wait there already. ``start`` is the tenant whose turn it is."""

    node: str
    now: float
    until: float
    limit: int
    place: Place = lambda _, domain, __: domain
    lines: Counter[tuple[str, str]] = field(default_factory=Counter)
    line: int = NO_LIMIT
    room: Callable[[str], int] = lambda _: NO_LIMIT
    start: str = ""


@dataclass(frozen=True, slots=True)
class Leased:
    """What was taken, all destinations that mail waits for, and where something was left behind: those among them,
    and whether in the queue itself (``more``). ``waiting`` is how many were put to wait, ``start`` whose turn is next.
    """

    works: list[Work]
    destinations: dict[str, Destination]
    left: set[str]
    more: bool
    waiting: int
    start: str


class Round:
    """One lease, inside one transaction."""

    def __init__(self, store: Session, ask: Ask) -> None:
        self.store = store
        self.ask = ask
        self.taken: list[Delivery] = []
        self.lines = Counter(ask.lines)
        self.tenants: Counter[str] = Counter()
        self.waiting = 0
        self.to_look_at = LOOKED_AT * ask.limit
        self.left: set[str] = set()
        self.known = {each.name: each for each in destinations(store)}

    @property
    def room(self) -> int:
        """How many more may be taken."""
        return self.ask.limit - len(self.taken)

    def probe(self) -> None:
        """Step 1."""
        for each in list(self.known.values()):
            if self.room > 0 and each.down and each.due(self.ask.now):
                self.probe_one(each)

    def probe_one(self, destination: Destination) -> None:
        """The delivery that has waited longest of the tenant whose turn it is."""
        ask, name = self.ask, destination.name
        tenants = self.ready_tenants(name, ask.start) or self.ready_tenants(name, "")
        if not tenants:
            self.forget(name)
        elif claim_probe(self.store, name, ask.node, ask.now, ask.until):
            self.take(name, tenants[0], [row[0] for row in self.ready(name, tenants[0], 1)])

    def drain(self) -> None:
        """Step 2."""
        for each in list(self.known.values()):
            if each.down:
                continue
            tenants = self.ready_tenants(each.name, "")
            for whose in tenants:
                wanted = max(0, min(self.room, self.free(each.name, whose)))
                rows = self.ready(each.name, whose, wanted + 1)
                self.take(each.name, whose, [row[0] for row in rows[:wanted]])
                if len(rows) > wanted:
                    self.left.add(each.name)
            if not tenants:
                self.forget(each.name)

    def go_round(self) -> tuple[bool, str]:
        """Step 3: whether something is left, and whose turn is next."""
        start = self.ask.start
        turn = self.ready_tenants("", start)
        if start and len(turn) < TENANTS_AT_ONCE:
            turn += [each for each in self.ready_tenants("", "") if each < start]
        more = len(turn) >= TENANTS_AT_ONCE
        while turn:
            again, share = [], max(1, self.room // len(turn))
            for whose in turn:
                wanted = min(share, self.room, self.ask.room(whose) - self.tenants[whose], self.to_look_at)
                if wanted <= 0:
                    more = True
                    continue
                start = f"{whose}!"  # sorts right after it: identifiers have digits and letters
                if self.admit(whose, self.ready("", whose, wanted)) == wanted:
                    again.append(whose)
            turn = again
        return more, start

    def admit(self, tenant: str, rows: Sequence[Row]) -> int:
        """Take those that may go and let the others wait for their destinations; how many there were."""
        self.to_look_at -= len(rows)
        for delivery_id, domain, route in rows:
            place = self.ask.place(tenant, domain, RouteKind(route))
            destination = self.known.get(place)
            if (destination and destination.down) or self.free(place, tenant) <= 0:
                self.wait(place, delivery_id)
            else:
                self.take(place, tenant, [delivery_id])
        return len(rows)

    def free(self, destination: str, tenant: str) -> int:
        """How many more of a tenant there is room for in the line to a destination."""
        line = self.ask.line - self.lines[destination, tenant]
        return min(line, self.ask.room(tenant) - self.tenants[tenant])

    def take(self, destination: str, tenant: str, ids: list[str]) -> None:
        """Lease these, at once: they must not be seen again in this round."""
        self.taken += leased(self.store, ids, self.ask.node, self.ask.now, self.ask.until)
        self.lines[destination, tenant] += len(ids)
        self.tenants[tenant] += len(ids)

    def wait(self, destination: str, delivery_id: str) -> None:
        """Let this one wait for its destination."""
        ask = self.ask
        self.known.setdefault(destination, Destination(destination))
        self.left.add(destination)
        self.waiting += 1
        wait_for(self.store, [delivery_id], destination, ask.node, ask.now)

    def ready_tenants(self, destination: str, start: str) -> list[str]:
        """Tenants that have something to lease, from ``start`` on."""
        now = EVER if destination else self.ask.now
        asked = {"waits_for": destination, "start": start, "now": now, "limit": TENANTS_AT_ONCE}
        return [row[0] for row in self.store.database.all("tenants_ready", **asked)]

    def ready(self, destination: str, tenant: str, limit: int) -> list[Row]:
        """What of a tenant can be leased; whatever waits for a destination can."""
        now = EVER if destination else self.ask.now
        asked = {"waits_for": destination, "tenant_id": tenant, "now": now, "limit": limit}
        return self.store.database.all("ready", **asked)

    def forget(self, destination: str) -> None:
        """Nothing waits for it any more."""
        if forget_destination(self.store, destination):
            del self.known[destination]


def lease_round(store: Session, ask: Ask) -> Leased:
    """Take what there is room for."""
    this = Round(store, ask)
    this.probe()
    this.drain()
    more, start = this.go_round()
    works = with_messages(store, this.taken)
    left = {name for name in this.left if name in this.known and not this.known[name].down}
    return Leased(works, this.known, left, more, this.waiting, start)


def lease(store: Session, node: str, now: float, until: float, limit: int) -> list[Work]:
    """Take at most ``limit`` deliveries, as one who has no lines; until then nobody else can."""
    return lease_round(store, Ask(node, now, until, limit)).works


def too_late(store: Session, destination: str, before: float, least: int) -> list[str]:
    """Deliveries, at most so many, that came in before then and wait for a destination, and for which it was tried
    ``least`` times: by themselves, by others, and by a last try that is theirs too."""
    rows = store.database.all("too_late", waits_for=destination, before=before, least=least, limit=TOO_LATE_AT_ONCE)
    return [row[0] for row in rows]


def lease_these(store: Session, delivery_ids: Sequence[str], node: str, now: float, until: float) -> list[Work]:
    """Take these deliveries, but for those that somebody has."""
    return with_messages(store, leased(store, delivery_ids, node, now, until))


def wait_for(store: Session, delivery_ids: Sequence[str], destination: str, node: str, now: float) -> int:
    """Let deliveries wait for a destination, untried; how many there were."""
    expect_destination(store, destination)
    values = [{"id": each, "waits_for": destination, "node": node, "now": now} for each in delivery_ids]
    return store.database.run_many("wait_for", values)


def leased(store: Session, ids: Sequence[str], node: str, now: float, until: float) -> list[Delivery]:
    """These deliveries, leased."""
    values = {"node": node, "now": now, "until": until}
    return [delivery_of(row) for each in ids for row in store.database.all("take_lease", id=each, **values)]


def with_messages(store: Session, deliveries: Sequence[Delivery]) -> list[Work]:
    """Leased deliveries with their messages, the longest due first."""
    messages: dict[str, tuple[StoredMessage, Tenant | None]] = {}
    works = []
    for each in sorted(deliveries, key=lambda each: (each.due_at, each.id)):
        if each.message_id not in messages:
            messages[each.message_id] = carried(store, each.message_id)
        works.append(Work(each, *messages[each.message_id]))
    return works


def carried(store: Session, message_id: str) -> tuple[StoredMessage, Tenant | None]:
    """The message of a delivery, and whose it is."""
    found = message(store, message_id)
    assert found is not None  # a foreign key says so
    return found, directory.tenant(store, found.tenant_id) if found.tenant_id else None

"""Leased deliveries in line: so many at once in all, so many to one destination, and tenants take turns everywhere.

A tenant may run as many as leave a third of that number free for others (`Lines.may_run`), and hold places in line by
the same rule: however much one of them sends, there is room for the next one at once.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from relay.store.model import Work

K = TypeVar("K")

A_MOMENT = 5.0  # seconds
GREED = 3  # a tenant gets this many times what is free


@dataclass(slots=True)
class Line:
    """What waits for one destination, by tenant, the one whose turn it is first; and how many run. ``reached_at`` is
    when it was last reached while some ran."""

    waiting: dict[str, deque[Work]] = field(default_factory=dict)
    running: int = 0
    reached_at: float = float("-inf")


class Lines:
    """``total`` may run at once, ``each`` of them to one destination; ``places`` is how many may be here at all."""

    def __init__(self, total: int, each: int, places: int) -> None:
        self.total = total
        self.each = each
        self.places = places
        self.lines: dict[str, Line] = {}
        self.ready: dict[str, None] = {}  # destinations with something that waits and a free connection, in turn
        self.windows: dict[str, int] = {}  # connections to destinations that have just come back
        self.running: Counter[str] = Counter()  # by tenant
        self.waiting: Counter[tuple[str, str]] = Counter()  # by destination and tenant
        self.held_by: Counter[str] = Counter()  # by tenant, running or not

    def join(self, destination: str, work: Work) -> None:
        """Put a delivery at the end of its line."""
        tenant = tenant_of(work)
        self.lines.setdefault(destination, Line()).waiting.setdefault(tenant, deque()).append(work)
        self.waiting[destination, tenant] += 1
        self.held_by[tenant] += 1
        self.see_to(destination)

    def step_forward(self) -> tuple[str, Work] | None:
        """The next delivery that may run, which now counts as running; None when there is none."""
        if self.running.total() >= self.total:
            return None
        for destination in self.ready:
            for tenant in self.lines[destination].waiting:
                if self.may_run(tenant):
                    return destination, self.begin(destination, tenant)
        return None

    def may_run(self, tenant: str) -> bool:
        """True while enough is left for others."""
        return self.running[tenant] < GREED * (self.total - self.running.total())

    def begin(self, destination: str, tenant: str) -> Work:
        """Take the first of a tenant out of a line; it and the destination go to the end of their turns."""
        line = self.lines[destination]
        queue = line.waiting.pop(tenant)
        work = queue.popleft()
        if queue:
            line.waiting[tenant] = queue
        less(self.waiting, (destination, tenant))
        line.running += 1
        self.running[tenant] += 1
        self.ready.pop(destination)
        self.see_to(destination)
        return work

    def leave(self, destination: str, work: Work) -> None:
        """A delivery to that destination has ended."""
        self.lines[destination].running -= 1
        less(self.running, tenant_of(work))
        less(self.held_by, tenant_of(work))
        self.see_to(destination)

    def see_to(self, destination: str) -> None:
        """Note whether a line may go on, and forget one that is empty."""
        line = self.lines[destination]
        if line.waiting and line.running < self.windows.get(destination, self.each):
            self.ready.setdefault(destination)
        else:
            self.ready.pop(destination, None)
        if not line.running and not line.waiting:
            del self.lines[destination]

    def reached(self, destination: str, at: float) -> None:
        """Somebody is there: one connection more, up to the usual number."""
        self.lines[destination].reached_at = at
        if destination in self.windows:
            self.windows[destination] += 1
            if self.windows[destination] >= self.each:
                del self.windows[destination]
            self.see_to(destination)

    def narrow(self, destination: str, now: float) -> bool:
        """Half as many connections, to a destination that took some a moment ago and now refuses one; False when it has
        not, or is left with none."""
        window = self.windows.get(destination, self.each) // 2
        if window < 1 or now - self.lines[destination].reached_at > A_MOMENT:
            return False
        self.windows[destination] = window
        self.see_to(destination)
        return True

    def clear(self, destination: str) -> list[Work]:
        """What waits for a destination leaves the line; when it comes back it gets one connection first."""
        line = self.lines.get(destination, Line())
        home = [work for queue in line.waiting.values() for work in queue]
        line.waiting.clear()
        for work in home:
            less(self.waiting, (destination, tenant_of(work)))
            less(self.held_by, tenant_of(work))
        self.windows[destination] = 1
        if destination in self.lines:
            self.see_to(destination)
        return home

    def dissolve(self) -> list[Work]:
        """Everything that waits goes home."""
        return [work for destination in list(self.lines) for work in self.clear(destination)]

    def keep_windows(self, destinations: Container[str]) -> None:
        """Forget about all but these, and those in use."""
        for name in [name for name in self.windows if name not in destinations and name not in self.lines]:
            del self.windows[name]

    @property
    def held(self) -> int:
        """How many are here, running or not."""
        return self.held_by.total()

    def waiting_for(self, destination: str) -> int:
        """How many wait for that destination."""
        line = self.lines.get(destination)
        return sum(map(len, line.waiting.values())) if line else 0

    def room(self) -> Callable[[str], int]:
        """How many more of a tenant may come, as things stand now."""
        held, free = self.held_by.copy(), self.places - self.held
        return lambda tenant: max(0, GREED * free - held[tenant])


def tenant_of(work: Work) -> str:
    """Whose turn it takes; mail of our own is nobody's."""
    return work.message.tenant_id or ""


def less(counter: Counter[K], key: K) -> None:
    """One less, and no entry for none."""
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]

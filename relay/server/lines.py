"""Leased deliveries in line: so many at once in all, so many to one destination, and nobody waits behind a slow one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.store.model import Work


@dataclass(slots=True)
class Line:
    """What waits for one destination, and how many run."""

    waiting: deque[Work] = field(default_factory=deque)
    running: int = 0


class Lines:
    """``total`` may run at once, ``each`` of them to one destination."""

    def __init__(self, total: int, each: int) -> None:
        self.total = total
        self.each = each
        self.lines: dict[str, Line] = {}
        self.running = 0
        self.waiting = 0

    def join(self, destination: str, work: Work) -> None:
        """Put a delivery at the end of its line."""
        self.lines.setdefault(destination, Line()).waiting.append(work)
        self.waiting += 1

    def step_forward(self) -> tuple[str, Work] | None:
        """The next delivery that may run, which now counts as running; None when there is none."""
        if not self.waiting or self.running >= self.total:
            return None
        for destination, line in self.lines.items():
            if line.waiting and line.running < self.each:
                line.running += 1
                self.running += 1
                self.waiting -= 1
                return destination, line.waiting.popleft()
        return None

    def leave(self, destination: str) -> None:
        """A delivery to that destination has ended."""
        line = self.lines[destination]
        line.running -= 1
        self.running -= 1
        if not line.running and not line.waiting:
            del self.lines[destination]

    @property
    def held(self) -> int:
        """How many are here, running or not."""
        return self.running + self.waiting

    def waiting_for(self, destination: str) -> int:
        """How many wait for that destination."""
        line = self.lines.get(destination)
        return len(line.waiting) if line else 0

    def long(self, length: int) -> list[str]:
        """Destinations where so many wait that no more of them are wanted."""
        return [destination for destination, line in self.lines.items() if len(line.waiting) >= length]

    def dissolve(self) -> list[Work]:
        """Everything that waits goes home."""
        home = [work for line in self.lines.values() for work in line.waiting]
        for line in self.lines.values():
            line.waiting.clear()
        self.waiting = 0
        return home

"""What is told of a test mail: steps as they happen, and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.locales import Catalog

Fact = str | int | None


class End(StrEnum):
    """What it came to. REFUSED: not taken in. HELD: kept back until somebody acts. WAITING: neither arrived nor given
    up."""

    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"
    HELD = "held"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened, so many milliseconds after the beginning; ``test.step.<name>`` says it with the
    facts."""

    name: str
    at_ms: int
    facts: Mapping[str, Fact]

    def text(self, words: Catalog) -> str:
        """The step in a sentence, without anything that a terminal would obey."""
        return words.text(f"test.step.{self.name}", **{name: harmless(fact) for name, fact in self.facts.items()})


def harmless(fact: Fact) -> str:
    """A fact on one line, as it is shown."""
    text = "" if fact is None else " ".join(str(fact).split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why it did not arrive, and the one thing to do."""

    text: str
    do: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a test mail came to; ``message_id`` is empty where it was refused."""

    end: End
    message_id: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Journal:
    """Takes down steps. ``began_at`` is when it all began (seconds since 1970, as ``now`` gives them)."""

    began_at: float
    now: Callable[[], float]
    tell: Callable[[Step], None]

    def note(self, name: str, at: float | None = None, /, **facts: Fact) -> None:
        """Something happened, at that time or just now."""
        since = (self.now() if at is None else at) - self.began_at
        self.tell(Step(name, max(round(since * 1000), 0), facts))

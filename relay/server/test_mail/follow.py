"""Following deliveries that another process carries out, by what it writes into the store.

1. `look` reads the message, its deliveries and their attempts, ten times a second.
2. `Follower.note` tells what is new: taken up, connected, the server's words, what it came to.
3. `Follower.over` says when nothing more is to be expected within the time there is: all of them came to their end or
   are held, the next try is later than that, or no process takes them up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from relay.mail.delivery import Attempt, Delivery, State
from relay.mail.route import RouteKind
from relay.server.attempt import LEASE_FOR
from relay.store.node import dead_nodes

if TYPE_CHECKING:
    from relay.mail.destination import Destination
    from relay.server.test_mail.step import Journal
    from relay.store.group import CommitGroup
    from relay.store.model import StoredMessage
    from relay.store.store import Store

PAUSE = 0.1  # seconds between looks
TAKEN_WITHIN = 5.0  # a process that runs looks for due mail every second
CALM_FOR = 1.0  # seconds after a deferral in which its consequences are written, such as holding the mail


@dataclass(frozen=True, slots=True)
class Look:
    """The message at one moment; ``alive`` says that some process holds a lease and may be alive, ``waits`` what
    deliveries wait for, by their id."""

    message: StoredMessage
    tries: Sequence[tuple[Delivery, Sequence[Attempt]]]
    alive: bool
    waits: Mapping[str, Destination] = field(default_factory=dict)

    def next_at(self, delivery: Delivery) -> float:
        """When a queued delivery is tried next: together with others where its destination is down."""
        destination = self.waits.get(delivery.id)
        return max(delivery.due_at, destination.next_at) if destination and destination.down else delivery.due_at


@dataclass(slots=True)
class Follower:
    """Remembers what was told: how many attempts were begun and recorded, and the last state, by delivery."""

    journal: Journal
    until: float
    begun: dict[str, int] = field(default_factory=dict)
    recorded: dict[str, int] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    diverted: bool = False
    untaken: bool = False

    def note(self, look: Look) -> None:
        """Tell what is new."""
        for delivery, attempts in look.tries:
            for attempt in attempts[self.recorded.get(delivery.id, 0) :]:
                self.note_begin(delivery, attempt.number, attempt.started_at)
                note_attempt(self.journal, look, delivery, attempt)
            self.recorded[delivery.id] = len(attempts)
            if delivery.leased_until is not None:
                self.note_begin(delivery, delivery.attempt, delivery.leased_until - LEASE_FOR)
            if delivery.state is not State.QUEUED and self.states.get(delivery.id) is not delivery.state:
                self.note_state(delivery, attempts)
            self.states[delivery.id] = delivery.state
        if "diverted" in look.message.events and not self.diverted:
            self.diverted = True
            self.journal.note("diverted")

    def note_begin(self, delivery: Delivery, number: int, at: float) -> None:
        """An attempt was begun."""
        if number > self.begun.get(delivery.id, 0):
            self.begun[delivery.id] = number
            self.journal.note("begun", at, number=number, to=delivery.recipient)

    def note_state(self, delivery: Delivery, attempts: Sequence[Attempt]) -> None:
        """It came to an end, or is held; the time of an end is that of the answer which made it."""
        by_answer = delivery.state in {State.DELIVERED, State.FAILED} and attempts
        at = ended_at(attempts[-1]) if by_answer else None
        self.journal.note(delivery.state.value, at, to=delivery.recipient)

    def over(self, look: Look, now: float) -> bool:
        """True when nothing more is to be expected in time."""
        waiting = [(delivery, attempts) for delivery, attempts in look.tries if delivery.state is State.QUEUED]
        if not waiting or now >= self.until:
            return True
        if not self.begun and now - self.journal.began_at >= TAKEN_WITHIN and not (look.alive or look.waits):
            self.untaken = True
            return True
        return all(self.too_late(look, delivery, attempts, now) for delivery, attempts in waiting)

    def too_late(self, look: Look, delivery: Delivery, attempts: Sequence[Attempt], now: float) -> bool:
        """True when the next try of a delivery is after the time there is."""
        if delivery.leased_by or look.next_at(delivery) <= self.until:
            return False
        return now - (ended_at(attempts[-1]) if attempts else self.journal.began_at) >= CALM_FOR


async def follow(group: CommitGroup, message_id: str, journal: Journal, until: float) -> tuple[Look, bool]:
    """Tell what happens until nothing more is to be expected; the last look, and True where no process took it up."""
    follower = Follower(journal, until)
    while True:
        seen = await group.read(lambda store: look(store, message_id))
        follower.note(seen)
        if follower.over(seen, journal.now()):
            return seen, follower.untaken
        await asyncio.sleep(PAUSE)


def look(store: Store, message_id: str) -> Look:
    """The message, its deliveries and their attempts."""
    message = store.message(message_id)
    assert message is not None  # it was just committed, and is kept for days at least
    tries = [(delivery, store.attempts(delivery.id)) for delivery in store.deliveries(message_id)]
    nodes = store.lease_nodes()
    return Look(message, tries, bool(nodes - dead_nodes(nodes)), store.waited_for(message_id))


def ended_at(attempt: Attempt) -> float:
    """When an attempt was over."""
    return attempt.started_at + attempt.took_for


def note_attempt(journal: Journal, look: Look, delivery: Delivery, attempt: Attempt) -> None:
    """What an attempt came to. When it was connected is not recorded: that stands at its beginning."""
    answer, began, ended = attempt.answer, attempt.started_at, ended_at(attempt)
    if answer.remote and (answer.code or answer.tls):
        own = look.message.route is RouteKind.OWN
        journal.note("connected_own" if own else "connected", began, remote=answer.remote)
        journal.note("secured" if answer.tls else "clear", began, tls=answer.tls or None)
    if answer.code:
        journal.note("answered", ended, reply=str(answer))
    else:
        told = "captured" if attempt.outcome == "delivered" else "broken"
        journal.note(told, ended, reply=str(answer))
    if attempt.outcome == "deferred" and delivery.state is State.QUEUED and not delivery.leased_by:
        journal.note("deferred", ended, seconds=max(round(look.next_at(delivery) - ended), 0))

"""Sessions kept open between deliveries to the same destination."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.net.session import Session

IDLE_FOR = 10.0  # seconds; RFC 5321 4.5.3.2.7 lets a server hang up after five minutes, many do much sooner
MOST_IDLE = 100  # of all destinations together: a file descriptor and a stranger's slot each
TRANSACTIONS = 100  # then a session has done its share, and another address of the destination gets a turn


@dataclass(frozen=True, slots=True)
class Idle:
    """A session that nobody uses, and the clock that ends it."""

    destination: str
    session: Session
    timer: asyncio.TimerHandle


class Pool:
    """Idle sessions, at most ``most_idle``: the one that has been idle for longest makes room."""

    def __init__(
        self, idle_for: float = IDLE_FOR, transactions: int = TRANSACTIONS, most_idle: int = MOST_IDLE
    ) -> None:
        self.idle_for = idle_for
        self.transactions = transactions
        self.most_idle = most_idle
        self.idle: dict[Session, Idle] = {}  # in the order in which they became idle
        self.farewells: set[asyncio.Task[None]] = set()

    def take(self, destination: str) -> Session | None:
        """The session to ``destination`` used last, if one is still alive."""
        for each in reversed(list(self.idle.values())):
            if each.destination == destination:
                self.forget(each)
                if each.session.alive:
                    return each.session
                each.session.close()
        return None

    def give(self, destination: str, session: Session) -> None:
        """Keep a session for the next delivery, or end it."""
        if not session.alive:
            session.close()
        elif session.transactions >= self.transactions:
            self.dismiss(session)
        else:
            timer = asyncio.get_running_loop().call_later(self.idle_for, self.expire, session)
            self.idle[session] = Idle(destination, session, timer)
            if len(self.idle) > self.most_idle:
                self.expire(next(iter(self.idle)))

    def expire(self, session: Session) -> None:
        """Nobody wanted it."""
        self.forget(self.idle[session])
        self.dismiss(session)

    def forget(self, idle: Idle) -> None:
        """It is no longer idle."""
        idle.timer.cancel()
        del self.idle[idle.session]

    def dismiss(self, session: Session) -> None:
        """Say goodbye without making anybody wait."""
        task = asyncio.create_task(session.quit())
        self.farewells.add(task)
        task.add_done_callback(self.farewells.discard)

    async def close(self) -> None:
        """End all sessions."""
        for session in list(self.idle):
            self.expire(session)
        await asyncio.gather(*self.farewells, return_exceptions=True)

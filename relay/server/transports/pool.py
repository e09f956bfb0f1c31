"""Sessions kept open between deliveries to the same destination."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.net.session import Session

IDLE_FOR = 10.0  # seconds; RFC 5321 4.5.3.2.7 lets a server hang up after five minutes, many do much sooner
TRANSACTIONS = 100  # then a session has done its share, and another address of the destination gets a turn


class Pool:
    """Idle sessions by destination. There are no more of them than were in use at once."""

    def __init__(self, idle_for: float = IDLE_FOR, transactions: int = TRANSACTIONS) -> None:
        self.idle_for = idle_for
        self.transactions = transactions
        self.idle: defaultdict[str, dict[Session, asyncio.TimerHandle]] = defaultdict(dict)
        self.farewells: set[asyncio.Task[None]] = set()

    def take(self, destination: str) -> Session | None:
        """The session used last, if one is still alive."""
        sessions = self.idle[destination]
        while sessions:
            session, timer = sessions.popitem()
            timer.cancel()
            if session.alive:
                return session
            session.close()
        del self.idle[destination]
        return None

    def give(self, destination: str, session: Session) -> None:
        """Keep a session for the next delivery, or end it."""
        if not session.alive:
            session.close()
        elif session.transactions >= self.transactions:
            self.dismiss(session)
        else:
            timer = asyncio.get_running_loop().call_later(self.idle_for, self.expire, destination, session)
            self.idle[destination][session] = timer

    def expire(self, destination: str, session: Session) -> None:
        """Nobody wanted it."""
        sessions = self.idle[destination]
        sessions.pop(session, None)
        if not sessions:
            del self.idle[destination]
        self.dismiss(session)

    def dismiss(self, session: Session) -> None:
        """Say goodbye without making anybody wait."""
        task = asyncio.create_task(session.quit())
        self.farewells.add(task)
        task.add_done_callback(self.farewells.discard)

    async def close(self) -> None:
        """End all sessions."""
        for sessions in self.idle.values():
            for session, timer in sessions.items():
                timer.cancel()
                self.dismiss(session)
        self.idle.clear()
        await asyncio.gather(*self.farewells, return_exceptions=True)

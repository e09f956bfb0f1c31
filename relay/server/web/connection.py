"""A connection to the pages: how many there may be, and how long each may take to say what it wants."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PROXIES = ["127.0.0.1", "::1"]  # where a reverse proxy may be: it brings everybody


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections in all and from one address that is no proxy's; seconds for a whole request with its body, and for a
    request with its answer, however slowly that is taken."""

    connections: int = 500
    from_address: int = 50
    request: float = 20.0
    exchange: float = 300.0


class Connection(H11Protocol):
    """uvicorn's, which by itself waits for a request for ever and keeps connections that it has no room for."""

    def __init__(self, limits: Limits, **given: Any) -> None:
        super().__init__(**given)
        self.limits = limits
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Somebody has connected."""
        super().connection_made(transport)
        self.watch()
        if len(self.connections) > self.limits.connections or self.crowded():
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more."""
        if self.timer is not None:
            self.timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next request may come."""
        super().on_response_complete()
        self.watch()

    def watch(self) -> None:
        """Begin to wait for a request."""
        if self.timer is not None:
            self.timer.cancel()
        last = self.loop.time() + self.limits.exchange
        self.timer = self.loop.call_later(self.limits.request, self.late, last)

    def late(self, last: float) -> None:
        """The time for a request is up: only who sent one whole and waits for the answer may stay, until ``last``."""
        answering = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        if answering and self.loop.time() < last:
            self.timer = self.loop.call_later(self.limits.request, self.late, last)
        else:
            self.transport.abort()

    def crowded(self) -> bool:
        """True when too many connections come from one address."""
        if self.client is None or self.client[0] in PROXIES:
            return False
        clients = [each.client for each in self.connections if isinstance(each, Connection)]
        return sum(other is not None and other[0] == self.client[0] for other in clients) > self.limits.from_address

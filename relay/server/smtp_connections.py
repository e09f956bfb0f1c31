"""Who is connected to a listener: counted in all and by address, and asked to leave when it stops."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from relay.mail.reply import Reply
    from relay.server.smtp_contract import ListenerSettings


class Connection(Protocol):
    """A session as its listener sees it."""

    @property
    def task(self) -> asyncio.Task[None]:
        """What runs it."""

    def stop(self) -> None:
        """Leave at once when nothing is going on, else after the command in progress."""

    def hurry(self) -> None:
        """It has become crowded: look at the clock again."""


class Connections:
    """The open connections of one listener, and the submissions that the desk has not answered yet."""

    def __init__(self, settings: ListenerSettings) -> None:
        self.settings = settings
        self.open: dict[Connection, str] = {}
        self.by_address: Counter[str] = Counter()
        self.accepting: set[asyncio.Task[Reply]] = set()
        self.stopping = False
        self.crowd = max(settings.connections * 4 // 5, 2)

    def enter(self, connection: Connection, address: str) -> bool:
        """Count a connection; False when there are too many, in all or from that place, or when we stop."""
        place = place_of(address)
        here = self.by_address[place]
        self.by_address[place] = here + 1
        self.open[connection] = place
        if self.stopping:
            return False
        if len(self.open) == self.crowd:
            for each in self.open:
                each.hurry()
        return len(self.open) <= self.settings.connections and here < self.settings.connections_per_address

    @property
    def crowded(self) -> bool:
        """True when there is little room for more: who does nothing has to go sooner."""
        return len(self.open) >= self.crowd

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        place = self.open.pop(connection, None)
        if place is None:
            return
        self.by_address[place] -= 1
        if not self.by_address[place]:
            del self.by_address[place]

    def keep(self, accept: Coroutine[None, None, Reply]) -> asyncio.Task[Reply]:
        """Run an acceptance on its own, so that nothing that happens to the client's connection ends it."""
        task = asyncio.get_running_loop().create_task(accept)
        self.accepting.add(task)
        task.add_done_callback(self.accepting.discard)
        return task

    async def stop(self) -> None:
        """Ask everybody to leave; whoever is still there when the time is up is cut off, but for the desk's work."""
        self.stopping = True
        deadline = asyncio.get_running_loop().time() + self.settings.stop_for
        for connection in list(self.open):
            connection.stop()
        tasks = {connection.task for connection in self.open}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self.settings.stop_for)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self.accepting:
            left = max(deadline - asyncio.get_running_loop().time(), 0.0)
            await asyncio.wait(self.accepting, timeout=left)


def place_of(address: str) -> str:
    """What counts as one place: an IPv4 address, an IPv6 network of 64 bits."""
    if ":" not in address:
        return address
    return ip_address(address.partition("%")[0]).exploded[:19]

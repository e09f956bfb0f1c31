"""What a client has sent and nobody has read yet: one buffer a connection, bounded by flow control."""

from __future__ import annotations

import asyncio

LONGEST_LINE = 12_288 + 2  # RFC 4954 4: the longest line of an AUTH exchange
HIGH_WATER = 256 * 1024


class Inbox:
    """Filled by the protocol, emptied by the session; more than `HIGH_WATER` octets stop the client."""

    __slots__ = ("buffer", "ended", "paused", "transport", "waiter")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.paused = False
        self.transport: asyncio.ReadTransport | None = None
        self.waiter: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """Add what the socket gave."""
        self.buffer += data
        if len(self.buffer) > HIGH_WATER and not self.paused and self.transport is not None:
            self.paused = True
            self.transport.pause_reading()
        self.wake()

    def end(self) -> None:
        """The client will send no more."""
        self.ended = True
        self.wake()

    def wake(self) -> None:
        """Let the one who waits go on."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def more(self) -> bool:
        """Wait until something has happened: True, though perhaps nothing came; False when no more will come."""
        if self.ended:
            return False
        self.resume()
        self.waiter = asyncio.get_running_loop().create_future()
        try:
            await self.waiter
        finally:
            self.waiter = None
        return True

    def resume(self) -> None:
        """Let the client send again."""
        if self.paused and self.transport is not None:
            self.paused = False
            self.transport.resume_reading()

    def line(self) -> bytes | None:
        """The next whole line with its LF, or None; of an endless one only so much as shows that it is too long."""
        end = self.buffer.find(b"\n") + 1
        if not end:
            del self.buffer[LONGEST_LINE + 1 :]
            return None
        line = bytes(self.buffer[:end])
        del self.buffer[:end]
        return line

    def take(self) -> bytes:
        """Everything."""
        data = bytes(self.buffer)
        self.buffer.clear()
        return data

    def put_back(self, data: bytes) -> None:
        """Return what was taken too much."""
        self.buffer[:0] = data

    def clear(self) -> None:
        """Forget everything (RFC 3207 4.2)."""
        self.buffer.clear()
        self.paused = False

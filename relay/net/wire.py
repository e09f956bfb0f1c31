"""A connection to a remote server: lines in, octets out, bounded memory.

asyncio's streams are not used because their buffer cannot be emptied before TLS begins, and what a stranger put there
in the clear would be read as if it had come through TLS (RFC 3207 6; CVE-2011-0411 and its descendants).
"""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

LONGEST_BUFFER = 64 * 1024  # octets held before reading pauses; also the longest line


class Broken(Exception):
    """The session cannot go on. Nothing of it is permanent: ``code`` is the remote's, if it said anything."""

    def __init__(self, enhanced: str, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.enhanced = enhanced
        self.text = text
        self.code = code


class Wire(asyncio.Protocol):
    """One TCP connection, with or without TLS. Not for two readers at once."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.buffer = bytearray()
        self.ended = False
        self.paused = False
        self.arrived = asyncio.Event()
        self.writable = asyncio.Event()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports are not asyncio's by class
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        """Octets came in."""
        self.buffer += data
        if len(self.buffer) > LONGEST_BUFFER and not self.paused and self.transport:
            self.paused = True
            self.transport.pause_reading()
        self.arrived.set()

    def eof_received(self) -> None:
        """The remote will say no more; asyncio closes the transport."""
        self.end()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Closed by either side."""
        self.end()

    def pause_writing(self) -> None:
        """The remote does not keep up."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """The remote kept up again."""
        self.writable.set()

    # What the session calls

    def end(self) -> None:
        """Nothing more will come; whoever waits is woken."""
        self.ended = True
        self.arrived.set()
        self.writable.set()

    async def line(self) -> bytes:
        """The next line without its line end. Raises `Broken` when there is none, or no end to it."""
        scanned = 0
        while (end := self.buffer.find(b"\n", scanned)) < 0:
            if len(self.buffer) > LONGEST_BUFFER:
                raise Broken("4.5.0", "the remote sent a line without end")
            if self.ended:
                raise Broken("4.4.2", "connection lost")
            scanned = len(self.buffer)
            self.arrived.clear()
            await self.arrived.wait()
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 1]
        if self.paused and self.transport and len(self.buffer) <= LONGEST_BUFFER:
            self.paused = False
            self.transport.resume_reading()
        return line.removesuffix(b"\r")

    def write(self, data: bytes) -> None:
        """Send octets. Raises `Broken` when the connection has ended."""
        if self.ended or self.transport is None:
            raise Broken("4.4.2", "connection lost")
        self.transport.write(data)

    async def drain(self) -> None:
        """Wait until the remote has taken most of what was written."""
        await self.writable.wait()

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Go on in TLS, and forget what came in the clear. Raises OSError (``ssl.SSLError`` among them)."""
        assert self.transport is not None
        self.buffer.clear()  # RFC 3207 4.2: discard what was learnt before TLS
        transport = await asyncio.get_running_loop().start_tls(
            self.transport,
            self,
            context,
            server_hostname=host,
            ssl_handshake_timeout=seconds,
        )
        if transport is None:  # closed while shaking hands
            raise ConnectionResetError
        self.transport = transport

    def peer_address(self) -> str:
        """The IP address at the other end."""
        peer = self.transport.get_extra_info("peername") if self.transport else None
        return str(peer[0]) if peer else ""

    def own_address(self) -> str:
        """The IP address at our end."""
        own = self.transport.get_extra_info("sockname") if self.transport else None
        return str(own[0]) if own else ""

    def tls(self) -> str:
        """Protocol and cipher, such as ``TLSv1.3 TLS_AES_256_GCM_SHA384``; empty in the clear."""
        cipher = self.transport.get_extra_info("cipher") if self.transport else None
        return f"{cipher[1]} {cipher[0]}" if cipher else ""

    def close(self) -> None:
        """Let go at once: everything worth waiting for has been answered by now."""
        self.end()
        if self.transport:
            self.transport.abort()

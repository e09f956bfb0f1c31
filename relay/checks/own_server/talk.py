"""A connection to a server that may not be what it should be: the first octets, and replies as values."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable
from typing import Any

from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Hello, Reach, Said, Seen
from relay.net.reply import RemoteReply
from relay.net.session import Session
from relay.net.smtp import extensions
from relay.net.wire import Broken, Wire

ENOUGH = 8  # octets that tell protocols apart
KEPT = 80


async def dial(seen: Seen, question: Question, context: ssl.SSLContext | None = None) -> Wire:
    """Connect, within TLS where there is a ``context``. Raises OSError (TimeoutError among them), ValueError for a name
    that no certificate can have."""
    options = dict[str, Any]()
    if context is not None:
        times = question.client.timeouts
        options = {"ssl": context, "server_hostname": seen.endpoint.host, "ssl_handshake_timeout": times.tls}
    loop, endpoint = asyncio.get_running_loop(), seen.endpoint
    async with asyncio.timeout(question.connect if context is None else None):
        _, wire = await loop.create_connection(Wire, endpoint.address, endpoint.port, **options)
    return wire


def reached(error: OSError) -> Reach:
    """How far a connection came that failed."""
    match error:
        case TimeoutError():
            return Reach.TIMEOUT
        case ConnectionRefusedError():
            return Reach.REFUSED
        case ConnectionError():
            return Reach.RESET
    return Reach.UNREACHABLE


async def first_octets(wire: Wire, seconds: float) -> bytes:
    """What the server says first, left where it is; nothing when it says nothing so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not (wire.ended or len(wire.buffer) >= ENOUGH or b"\n" in wire.buffer):
                wire.arrived.clear()
                await wire.arrived.wait()
    return bytes(wire.buffer[:KEPT])


async def read_greeting(session: Session) -> Said:
    """The greeting (RFC 5321 3.1)."""
    return await outcome(session.reply("the connection", session.client.timeouts.greeting))


async def say(session: Session, line: str) -> Said:
    """Say one line; the reply, or what came of it."""
    return await outcome(session.command(line, session.client.timeouts.helo))


async def outcome(waiting: Awaitable[RemoteReply]) -> Said:
    """A reply that is awaited, as a value."""
    try:
        reply = await waiting
    except Broken as broken:
        return Said(broken.code, broken.enhanced if broken.code else "", broken.text)
    return said(reply)


def said(reply: RemoteReply) -> Said:
    """A reply as a value."""
    return Said(reply.code, reply.enhanced, reply.text)


async def greet(session: Session) -> Hello | None:
    """EHLO, or HELO where EHLO is not known (RFC 5321 3.2); None for a server that knows neither."""
    name, within = session.client.hostname, session.client.timeouts.helo
    try:
        reply = await session.command(f"EHLO {name}", within)
        if reply.code == 250:
            return Hello(True, extensions(reply))
        if reply.code >= 500 and (await session.command(f"HELO {name}", within)).code == 250:
            return Hello(False, {})
    except Broken:
        pass
    return None

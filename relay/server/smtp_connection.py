"""One connection: aiosmtpd's frame, with reading, writing and the clock done our way.

1. `connection_made` (aiosmtpd's) makes the session, starts the clock and the task that runs `_handle_client`.
2. What comes is kept in an `Inbox`; replies collect in ``out`` and go out together when there is nothing to read.
3. `_timeout_cb` is one timer that looks at every limit of time when the earliest may have passed.
4. `leave` says how a session is to end, `finish` ends it.

Not aiosmtpd's: the StreamReader, the drain after each reply, and the cancelling of work when a client leaves.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import StreamReaderProtocol
from typing import TYPE_CHECKING, cast

from aiosmtpd.smtp import SMTP

from relay.server.proxy import LONGEST_V2, ProxyError, introduction, is_trusted
from relay.server.smtp_commands import reply
from relay.server.smtp_inbox import Inbox
from relay.server.smtp_session import Session
from relay.server.tls import describe_tls

if TYPE_CHECKING:
    from relay.server.data import DataReader
    from relay.server.smtp_connections import Connections
    from relay.server.smtp_contract import Desk, ListenerSettings

log = logging.getLogger("relay.smtp")

CLOSE_WITHIN = 10.0
TOO_MANY_CONNECTIONS = reply(421, "4.7.0", "too many connections")
NOT_A_NEIGHBOUR = reply(554, "5.7.1", "mail is taken from listed addresses only, and yours is none of them")
TIMED_OUT = reply(421, "4.4.2", "too slow, closing")
GOING_DOWN = reply(421, "4.3.2", "going down, come back later")  # RFC 5321 3.8


class Gone(Exception):
    """The client has left, or is made to leave; there is nobody to reply to."""


class SmtpConnection(SMTP):
    """A connection and its session. Made for each client anew, so making it must cost next to nothing."""

    session: Session  # type: ignore[assignment]  # ours, made by _create_session

    def __init__(
        self, settings: ListenerSettings, desk: Desk, connections: Connections, loop: asyncio.AbstractEventLoop
    ) -> None:
        # not aiosmtpd's own, which looks through all its methods each time; without a StreamReader
        StreamReaderProtocol.__init__(self, None, None, loop)  # type: ignore[arg-type]
        self.loop = loop
        self.transport = None
        self._original_transport = None
        self._timeout_handle = None
        self._timeout_duration = settings.idle_for
        self.settings = settings
        self.desk = desk
        self.connections = connections
        self.inbox = Inbox()
        self.out = bytearray()
        self.farewell = b""
        self.began_at = self.heard_at = loop.time()
        self.waiting = self.finished = self.lost = False
        self.unblocked: asyncio.Future[None] | None = None  # while the client does not read
        self.reader: DataReader | None = None  # while a message comes in
        self.data_at = 0.0
        self.proxied = ""  # the client's address, where a balancer said it before TLS began

    def _create_session(self) -> Session:  # type: ignore[override]
        return Session(self.settings)

    @property
    def task(self) -> asyncio.Task[None]:
        """What runs this session."""
        assert self._handler_coroutine is not None
        return self._handler_coroutine

    @property
    def wire(self) -> asyncio.Transport:
        """The transport, in the clear or under TLS."""
        return cast("asyncio.Transport", self.transport)

    def begin(self, handshake: asyncio.Task[None]) -> None:
        """Shake hands before anything else; whoever comes this way is counted already."""
        self._handler_coroutine = handshake

    # ---- what the event loop calls ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has connected, and has TLS already on an implicit listener."""
        super().connection_made(transport)
        self.inbox.transport = cast("asyncio.ReadTransport", transport)
        self.session.tls = describe_tls(transport)
        self.session.proxied = self.proxied

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        self.inbox.feed(data)

    def eof_received(self) -> bool:
        """The client will send no more, but may still wait for our replies (not under TLS)."""
        self.inbox.end()
        return not self.session.tls

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is no more. What is being accepted goes on (aiosmtpd would cancel it)."""
        StreamReaderProtocol.connection_lost(self, error)
        self.lost = True
        self.inbox.end()
        self.resume_writing()
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()

    def pause_writing(self) -> None:
        """The client does not read."""
        self.unblocked = self.loop.create_future()

    def resume_writing(self) -> None:
        """The client reads again, or has gone."""
        if self.unblocked is not None and not self.unblocked.done():
            self.unblocked.set_result(None)
        self.unblocked = None

    # ---- the clock ----

    def _timeout_cb(self) -> None:
        now = self.loop.time()
        due = self.due_at(now)
        if now < due:
            self._reset_timeout(due - now)
        elif self.finished:
            self.wire.abort()
        else:
            self.leave(TIMED_OUT)
            self.inbox.end()
            if self.unblocked is not None:
                self.wire.abort()

    def hurry(self) -> None:
        """It has become crowded: look at the clock again."""
        if self.transport is not None and not self.finished:
            self._reset_timeout(max(self.due_at(self.loop.time()) - self.loop.time(), 0.0))

    def due_at(self, now: float) -> float:
        """When the client will have been too slow, by the loop's clock, if nothing happens until then."""
        settings = self.settings
        idle_for = min(settings.idle_for, settings.idle_under_load) if self.connections.crowded else settings.idle_for
        if self.finished:
            return self.heard_at + CLOSE_WITHIN
        if not self.waiting:
            return now + idle_for  # it waits for us
        due = min(self.heard_at + idle_for, self.began_at + settings.session_for)
        if self.reader is None:
            return due
        return min(due, self.data_at + max(settings.data_grace_for, self.reader.received / settings.data_rate))

    # ---- from the greeting to the end ----

    async def _handle_client(self) -> None:
        try:
            await self.introduce()
            if self in self.connections.open or self.connections.enter(self, self.session.address):
                await self.welcome()
            else:
                self.farewell = GOING_DOWN if self.connections.stopping else TOO_MANY_CONNECTIONS
        except Gone:
            log.debug("client left ip=%s", self.session.address)
        finally:
            self.connections.leave(self)
            self.finish()

    async def introduce(self) -> None:
        """Let a balancer say who the client is. Raises Gone where it says nothing that can be read."""
        if self in self.connections.open or not is_trusted(self.session.address, self.settings.proxies):
            return
        try:
            while (introduced := introduction(bytes(self.inbox.buffer[:LONGEST_V2]))) is None:
                if not await self.wait():
                    raise Gone
        except ProxyError as error:
            log.warning("balancer not understood ip=%s: %s", self.session.address, error)
            raise Gone from None
        del self.inbox.buffer[: introduced.octets]
        self.session.proxied = introduced.address

    async def welcome(self) -> None:
        """Greet, unless mail is only taken from addresses that this one is not among (RFC 5321 3.1: 554)."""
        session = self.session
        if self.settings.by_network:
            session.neighbour = session.tenant = await self.desk.neighbour(session.address)
            if session.neighbour is None:
                log.warning("not a neighbour ip=%s", session.address)
                self.farewell = NOT_A_NEIGHBOUR
                return
        self.say(reply(220, "", f"{self.settings.hostname} ESMTP ready"))
        await self.converse()

    async def converse(self) -> None:
        """Everything between greeting and end."""
        raise NotImplementedError

    def finish(self) -> None:
        """Say what is left to say and hang up; a client that does not let us is cut off a little later."""
        if self.lost:
            return
        if not self.wire.is_closing():
            self.wire.write(bytes(self.out) + self.farewell)
        self.wire.close()
        self.finished, self.heard_at = True, self.loop.time()
        self._reset_timeout(CLOSE_WITHIN)

    def leave(self, farewell: bytes) -> None:
        """End the session at the next moment that the protocol allows."""
        self.farewell = self.farewell or farewell
        self.inbox.wake()

    def stop(self) -> None:
        """The listener stops: leave at once when nothing is going on, else after the command in progress."""
        if self.transport is None:  # still shaking hands
            self.task.cancel()
        else:
            self.leave(GOING_DOWN)

    # ---- talking and listening ----

    def say(self, said: bytes) -> None:
        """Add a reply to those that go out next."""
        self.out += said

    async def flush(self) -> None:
        """Send the collected replies; waits only for a client that does not read."""
        if self.out and not self.wire.is_closing():
            self.wire.write(bytes(self.out))
        self.out.clear()
        if self.unblocked is not None:
            self.waiting = True
            await self.unblocked
            self.waiting = False

    async def wait(self) -> bool:
        """Send the replies and wait until something has happened; False when the client will send no more."""
        await self.flush()
        self.waiting = True
        more = await self.inbox.more()
        self.waiting = False
        return more

    async def ask(self, challenge: bytes) -> bytes:
        """Say something and return the next line. Raises Gone."""
        self.say(challenge)
        while (line := self.inbox.line()) is None:
            if self.farewell or not await self.wait():
                raise Gone
        return line

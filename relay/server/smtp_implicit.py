"""A port where TLS comes first (RFC 8314 3.3): a connection counts from the moment it is there.

asyncio's own server tells nobody of a connection before its handshake is over; whoever never shakes hands would not
count, and could take every descriptor there is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from relay.server.proxy import Introduced, ProxyError, introduction, is_trusted
from relay.server.smtp_connection import CLOSE_WITHIN, SmtpConnection
from relay.server.smtp_session import address_of

if TYPE_CHECKING:
    import socket

    from relay.server.smtp_connections import Connections
    from relay.server.smtp_contract import ListenerSettings

log = logging.getLogger("relay.smtp")

RETRY_AFTER = 1.0  # seconds, when there are no descriptors left


class ImplicitTlsServer:
    """Accepts until it is closed; ``make`` makes the protocol of a connection."""

    def __init__(
        self,
        sock: socket.socket,
        backlog: int,
        settings: ListenerSettings,
        connections: Connections,
        make: Callable[[], SmtpConnection],
    ) -> None:
        sock.setblocking(False)
        sock.listen(backlog)
        self.sockets = (sock,)
        self.settings = settings
        self.connections = connections
        self.make = make
        self.introducing: set[asyncio.Task[None]] = set()
        self.accepting = asyncio.get_running_loop().create_task(self.accept(sock))
        self.accepting.add_done_callback(lambda _: sock.close())

    def close(self) -> None:
        """Accept no more."""
        self.accepting.cancel()
        for task in self.introducing:
            task.cancel()

    async def accept(self, listener: socket.socket) -> None:
        """Take connections, each on its own from there on."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, peer = await loop.sock_accept(listener)
            except OSError as error:
                log.warning("cannot accept: %s", error.strerror)
                await asyncio.sleep(RETRY_AFTER)
                continue
            if is_trusted(address_of(peer), self.settings.proxies):
                task = loop.create_task(self.introduce(sock, address_of(peer)))
                self.introducing.add(task)
                task.add_done_callback(self.introducing.discard)
            else:
                self.take(sock, address_of(peer))

    def take(self, sock: socket.socket, address: str, proxied: str = "") -> None:
        """Count a connection and let it shake hands, or close it."""
        connection = self.make()
        connection.proxied = proxied
        if self.connections.enter(connection, proxied or address):
            connection.begin(asyncio.get_running_loop().create_task(self.shake_hands(connection, sock)))
        else:
            self.connections.leave(connection)
            sock.close()  # before TLS no reply would be understood

    async def introduce(self, sock: socket.socket, address: str) -> None:
        """Let a balancer say who the client is, before TLS begins; not an octet of the handshake is taken."""
        try:
            async with asyncio.timeout(self.settings.handshake_for):
                introduced = await read_introduction(sock)
        except (ProxyError, TimeoutError, OSError) as error:
            log.warning("balancer not understood ip=%s: %s", address, error)
            sock.close()
            return
        self.take(sock, address, introduced.address)

    async def shake_hands(self, connection: SmtpConnection, sock: socket.socket) -> None:
        """The handshake; a connection that gets through it goes on by itself."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                sock,
                ssl=self.settings.context,
                ssl_handshake_timeout=self.settings.handshake_for,
                ssl_shutdown_timeout=CLOSE_WITHIN,
            )
        except OSError as error:
            log.info("handshake failed: %s", type(error).__name__)
        finally:
            if connection.transport is None:
                self.connections.leave(connection)
                sock.close()


async def read_introduction(sock: socket.socket) -> Introduced:
    """What a balancer says, an octet at a time: what follows belongs to TLS. Raises `ProxyError`, OSError."""
    loop, head = asyncio.get_running_loop(), b""
    while (introduced := introduction(head)) is None:
        octet = await loop.sock_recv(sock, 1)
        if not octet:
            raise ProxyError("it hung up")
        head += octet
    return introduced

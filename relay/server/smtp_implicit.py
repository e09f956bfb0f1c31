"""A port where TLS comes first (RFC 8314 3.3): a connection counts from the moment it is there.

asyncio's own server tells nobody of a connection before its handshake is over; whoever never shakes hands would not
count, and could take every descriptor there is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

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
        self.accepting = asyncio.get_running_loop().create_task(self.accept(sock))
        self.accepting.add_done_callback(lambda _: sock.close())

    def close(self) -> None:
        """Accept no more."""
        self.accepting.cancel()

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
            connection = self.make()
            if self.connections.enter(connection, address_of(peer)):
                connection.begin(loop.create_task(self.shake_hands(connection, sock)))
            else:
                self.connections.leave(connection)
                sock.close()  # before TLS no reply would be understood

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

"""The submission listener: bind a port, take connections, stop without breaking off a message."""

from __future__ import annotations

import asyncio
import errno
import socket

from relay.server.smtp_connections import Connections
from relay.server.smtp_contract import Desk, ListenError, ListenerSettings
from relay.server.smtp_implicit import ImplicitTlsServer
from relay.server.smtp_protocol import SubmissionProtocol

__all__ = ["Desk", "ListenError", "Listener", "ListenerSettings", "bind_socket", "listen"]

BACKLOG = 1024


class Listener:
    """A listener that listens; `stop` ends it."""

    def __init__(self, server: asyncio.Server | ImplicitTlsServer, connections: Connections) -> None:
        self.server = server
        self.connections = connections

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no more connections, send idle ones away with 421, and wait for messages that are on their way."""
        self.server.close()
        await self.connections.stop()


async def listen(settings: ListenerSettings, desk: Desk, sock: socket.socket | None = None) -> Listener:
    """Start to listen on a bound socket, or on the address and port of the settings. Raises ListenError."""
    if settings.tls != "none" and settings.context is None:
        raise ListenError(f"a listener with tls = {settings.tls!r} needs a certificate")
    bound = sock or bind_socket(settings.address, settings.port, reuse_port=False)
    connections = Connections(settings)
    loop = asyncio.get_running_loop()

    def make() -> SubmissionProtocol:
        return SubmissionProtocol(settings, desk, connections, loop)

    server: asyncio.Server | ImplicitTlsServer
    try:
        if settings.tls == "implicit":
            server = ImplicitTlsServer(bound, BACKLOG, settings, connections, make)
        else:
            server = await loop.create_server(make, sock=bound, backlog=BACKLOG)
    except OSError as error:  # another process was quicker to listen on the same port
        address, port = bound.getsockname()[:2]
        bound.close()
        raise ListenError(why_not(address, port, error)) from None
    return Listener(server, connections)


def bind_socket(address: str, port: int, reuse_port: bool) -> socket.socket:
    """A bound socket that does not listen yet; port 0 is any free one. Raises ListenError."""
    try:
        family, kind, protocol, _, name = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ListenError(f"cannot listen on {address}: not an address of this machine ({error.strerror})") from None
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
        sock.bind(name)
    except OSError as error:
        sock.close()
        raise ListenError(why_not(address, port, error)) from None
    return sock


def why_not(address: str, port: int, error: OSError) -> str:
    """Why a port cannot be had, and what to do."""
    advice = {
        errno.EADDRINUSE: "another program uses it; stop that one or choose another port",
        errno.EACCES: "ports below 1024 are for root; choose 2587 or 2465, or grant CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: "this machine has no such address; use 0.0.0.0 or :: for all of its own",
    }
    return f"cannot listen on {address} port {port}: {advice.get(error.errno or 0, error.strerror or str(error))}"

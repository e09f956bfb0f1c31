"""The pages beside the other servers of a process, in the same event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import uvicorn

from relay.server.web.connection import PROXIES, Connection, Limits

if TYPE_CHECKING:
    import socket

    from starlette.types import ASGIApp

STOP_WITHIN = 5  # seconds that requests in progress may take
LARGEST_HEADER = 32 * 1024  # octets of a request line with its header
NORMAL = Limits()


class Server(uvicorn.Server):
    """uvicorn that leaves signals alone: the process has one place that handles them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@dataclass(frozen=True, slots=True)
class HttpServer:
    """The running server."""

    server: Server
    task: asyncio.Task[None]

    async def stop(self) -> None:
        """Accept nothing more, let requests in progress finish (at most five seconds), and close the socket."""
        self.server.should_exit = True
        await self.task


async def serve_http(app: ASGIApp, sock: socket.socket, limits: Limits = NORMAL) -> HttpServer:
    """Serve ``app`` on a bound socket, which is closed in the end; returns once it listens.

    Nothing is logged per request, since addresses hold tokens. The client's address is taken from a reverse proxy only
    when that is on this machine.
    """
    config = uvicorn.Config(
        app,
        http=partial(Connection, limits),  # type: ignore[arg-type]  # called like the class
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=PROXIES,
        h11_max_incomplete_event_size=LARGEST_HEADER,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=STOP_WITHIN,
    )
    server = Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:
        if task.done():
            await task  # raises what went wrong
            raise RuntimeError("the HTTP server ended before it began")
        await asyncio.sleep(0.005)
    return HttpServer(server, task)

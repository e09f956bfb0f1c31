"""Ten thousand connections that say nothing, from 200 loopback addresses, and a good client that comes meanwhile."""

from __future__ import annotations

import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.client import Load, reply, session
from bench.measure import cpu_seconds, status
from bench.peers import SENDER, Running, relay, stock

ADDRESSES = 200
EACH = 50  # connections of an address: what `limits.connections_per_address` allows here
BEYOND = 5  # further ones that each address tries
TRIES = 200
AT_ONCE = 200
LIMITS = f"connections = 20000\nconnections_per_address = {EACH}"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(port: int, number: int) -> Connection | None:
    """A greeted connection from the address of that number; None when the server does not want it."""
    source = f"127.0.{1 + number // 250}.{1 + number % 250}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    if await reply(reader) == 220:
        return reader, writer
    writer.close()
    return None


async def connect_all(port: int, times: int) -> list[Connection | None]:
    """So many connections of every address, some at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Connection | None:
        async with room:
            return await connect(port, number)

    return await asyncio.gather(*(one(number) for _ in range(times) for number in range(ADDRESSES)))


async def milliseconds(attempt: Callable[[], Awaitable[object]]) -> str:
    """The median and the 95th percentile of one attempt after the other."""
    took = []
    for _ in range(TRIES):
        began = time.perf_counter()
        await attempt()
        took.append(1000 * (time.perf_counter() - began))
    return f"{statistics.median(took):.1f} / {statistics.quantiles(took, n=20)[18]:.1f}"


async def measure(server: Running) -> dict[str, object]:
    """Everything about one server."""
    load = Load(server.port, 1, 1, 10_000, server.username, server.password, SENDER)

    async def greeting() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reply(reader)
        writer.close()

    alone = {"greeting": await milliseconds(greeting), "message": await milliseconds(lambda: session(load, [0]))}
    before = status(server.pid, "VmRSS") / 1024
    began = time.perf_counter()
    held = await connect_all(server.port, EACH)
    took = time.perf_counter() - began
    beyond = await connect_all(server.port, BEYOND)
    spent = cpu_seconds(server.pid)
    await asyncio.sleep(2)
    idle_cpu = (cpu_seconds(server.pid) - spent) / 2
    figures: dict[str, object] = {
        "server": server.name,
        "idle_connections": sum(one is not None for one in held),
        "seconds_to_open": round(took, 1),
        "refused_beyond_cap": f"{sum(one is None for one in beyond)} of {len(beyond)}",
        "memory_mb": f"{before:.0f} -> {status(server.pid, 'VmRSS') / 1024:.0f}",
        "cpu_idle": f"{100 * idle_cpu:.1f} %",
        "greeting_ms_alone": alone["greeting"],
        "greeting_ms": await milliseconds(greeting),
        "message_ms_alone": alone["message"],
        "message_ms": await milliseconds(lambda: session(load, [0])),
    }
    for one in (*held, *beyond):
        if one is not None:
            one[1].transport.abort()
    return figures


def ten_thousand_idle() -> list[dict[str, object]]:
    """Both servers; times are p50 / p95 of a client that comes alone, from another address."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rows = []
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name:
        folder = Path(name)
        servers: list[AbstractContextManager[Running]] = [
            relay(folder / "relay", limits=LIMITS),
            stock(folder / "stock"),
        ]
        for server in servers:
            with server as running:
                rows.append(asyncio.run(measure(running)))
    return rows

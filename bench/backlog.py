"""Fifty thousand messages of one tenant for a server that is down, then up; and another tenant's invoices meanwhile."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.accept import measured
from bench.client import Load, session
from bench.measure import peak_megabytes
from bench.peers import Running, add_tenant, relay

MESSAGES = int(os.environ.get("BENCH_BACKLOG", "50000"))
SESSIONS = 50
CAREFUL = "boekhouding@delinde.example"
PAUSE = 0.1  # seconds between the invoices of the other tenant
INVOICES_FROM = 10_000_000  # their numbers, apart from those of the flood


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def sink(port: int, notes: Path) -> Iterator[None]:
    """The server, up."""
    process = subprocess.Popen([sys.executable, "-m", "bench.sink", str(port), str(notes)])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def count(folder: Path, table: str) -> int:
    """How many rows a table has."""
    with closing(sqlite3.connect(folder / "relay.db", timeout=30)) as database:
        return int(database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def taken(notes: Path) -> list[tuple[float, int]]:
    """What the server took: when, and the number in the subject."""
    lines = notes.read_text().splitlines() if notes.exists() else []
    return [(float(line.split()[0]), int(line.split()[-1])) for line in lines]


async def invoices(server: Running, login: dict[str, str], notes: Path, expected: int) -> dict[int, float]:
    """Hand one in every now and then until the flood has arrived; when each was accepted."""
    load = Load(server.port, 1, 1, 10_000, login["username"], login["password"], CAREFUL)
    accepted: dict[int, float] = {}
    while sum(number < INVOICES_FROM for _, number in taken(notes)) < expected:
        number = INVOICES_FROM + len(accepted)
        await session(load, [number])
        accepted[number] = time.time()
        await asyncio.sleep(PAUSE)
    await asyncio.sleep(5)
    return accepted


def retry_one(folder: Path) -> None:
    """What somebody does who knows that the server is back."""
    with closing(sqlite3.connect(folder / "relay.db", timeout=30)) as database:
        (delivery,) = database.execute("SELECT id FROM delivery WHERE state = 'queued' LIMIT 1").fetchone()
    command = [sys.executable, "-m", "relay", "--config", str(folder / "relay.toml")]
    subprocess.check_output([*command, "queue", "retry", delivery, "--yes"])


def fifty_thousand(messages: int = MESSAGES) -> dict[str, object]:
    """Everything, in figures; latencies are from our 250 to the server's."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name:
        folder, notes = Path(name) / "relay", Path(name) / "notes"
        delivery = f'via = "smarthost"\nsmarthost = "127.0.0.1:{port}"\ntls = "none"'
        with relay(folder, delivery=delivery) as running:
            login = add_tenant(folder, "De Linde", CAREFUL)
            down = measured(running, SESSIONS, messages)
            attempts = count(folder, "attempt")
            with sink(port, notes):
                time.sleep(1)
                began = time.time()
                retry_one(folder)
                accepted = asyncio.run(invoices(running, login, notes, messages))
            arrived = taken(notes)
            memory = peak_megabytes(running.pid)
    flood = [at for at, number in arrived if number < INVOICES_FROM]
    order = [number for _, number in arrived if number < INVOICES_FROM]
    places = sorted(abs(place - number) for place, number in enumerate(order))
    late = sorted(at - accepted[number] for at, number in arrived if number in accepted)
    return {
        "messages": messages,
        "accepted_per_second_while_down": round(down.rate),
        "attempts_while_down": attempts,
        "drained_in_s": round(max(flood) - began, 1),
        "drained_per_second": round(messages / (max(flood) - began)),
        "places_out_of_order_p95": places[int(0.95 * len(places))],
        "twice": len(arrived) - len({number for _, number in arrived}),
        "invoices": f"{len(late)} of {len(accepted)}",
        "invoice_p50_s": round(statistics.median(late), 2),
        "invoice_p95_s": round(late[int(0.95 * len(late))], 2),
        "peak_memory_mb": round(memory),
    }

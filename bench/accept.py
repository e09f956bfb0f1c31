"""How many messages a second are accepted durably: 10 kB each, many messages a session."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import cpu_seconds, peak_megabytes
from bench.peers import SENDER, Running, relay, stock

SESSIONS = (1, 10, 50, 100)
MESSAGES = 3000
SIZE = 10_000
RUNS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One run: messages a second, CPU milliseconds a message, peak memory in MB."""

    rate: float
    cpu_ms: float
    memory: float


def measured(server: Running, sessions: int, messages: int) -> Figure:
    """One run against a server that is up."""
    before = cpu_seconds(server.pid)
    command = [sys.executable, "-m", "bench.client"]
    load = {
        "port": server.port,
        "sessions": sessions,
        "messages": messages,
        "size": SIZE,
        "username": server.username,
        "password": server.password,
        "sender": SENDER,
    }
    arguments = [part for name, value in load.items() for part in (f"--{name}", str(value))]
    result = json.loads(subprocess.check_output([*command, *arguments]))
    if result["accepted"] != messages:
        raise SystemExit(f"{server.name}: {result['accepted']} of {messages} accepted")
    spent = cpu_seconds(server.pid) - before
    return Figure(messages / result["seconds"], 1000 * spent / messages, peak_megabytes(server.pid))


def compare(messages: int = MESSAGES, runs: int = RUNS) -> list[dict[str, object]]:
    """Both servers, interleaved, a fresh database for each run; medians."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name:
        for sessions in SESSIONS:
            figures: dict[str, list[Figure]] = {"relay": [], "relay, 2 processes": [], "stock aiosmtpd": []}
            for run in range(runs):
                folder = Path(name) / f"{sessions}-{run}"
                servers: dict[str, AbstractContextManager[Running]] = {
                    "relay": relay(folder / "one"),
                    "relay, 2 processes": relay(folder / "two", processes=2),
                    "stock aiosmtpd": stock(folder / "stock"),
                }
                for which, server in servers.items():
                    with server as running:
                        figures[which].append(measured(running, sessions, messages))
            rows += [row(which, sessions, many, figures["stock aiosmtpd"]) for which, many in figures.items()]
    return rows


def row(name: str, sessions: int, figures: list[Figure], base: list[Figure]) -> dict[str, object]:
    """Medians of one server at one number of sessions, and its rate as a ratio to the peer's."""
    rate = statistics.median(figure.rate for figure in figures)
    return {
        "server": name,
        "sessions": sessions,
        "messages_per_second": round(rate),
        "spread": f"{min(f.rate for f in figures):.0f}-{max(f.rate for f in figures):.0f}",
        "ratio_to_stock": round(rate / statistics.median(figure.rate for figure in base), 2),
        "cpu_ms_per_message": round(statistics.median(figure.cpu_ms for figure in figures), 2),
        "peak_memory_mb": round(max(figure.memory for figure in figures)),
    }

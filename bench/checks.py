"""``relay check`` on 35 made-up zones, each answer 20 ms late, beside other SPF checkers in the same run."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench.checks_nameserver import COUNTER
from bench.checks_zones import CASES, DROPPED, INCLUDE, IP, WHOLE
from bench.peers import started

DELAY_MS = 20
ROUNDS = 5
VENV = Path(sys.prefix) / "bench"
PINNED = ("checkdmarc==6.0.4", "pyspf==2.0.14", "spftrace==0.3.0")
OURS = "relay"


def compare() -> dict[str, list[dict[str, object]]]:
    """All tables: the SPF answer, an include that nobody answers for, a whole domain, the command."""
    install()
    with tempfile.TemporaryDirectory() as folder, started(nameserver(), Path(folder) / "log") as ready:
        port = ready["port"]
        with peers(port) as (process, there):
            names = [OURS, *there]
            rows = [measured(name, process, port) for name in names]
            dropped = [one(name, process, port, DROPPED) for name in names]
        return {
            f"SPF answer, {len(CASES)} zones, {DELAY_MS} ms an answer": rows,
            "SPF answer with an include that is never answered": dropped,
            f"whole domain, {DELAY_MS} ms an answer": [whole(port)],
            "relay check spf from the shell": [shell(port)],
        }


def nameserver() -> list[str]:
    """The command of the nameserver."""
    return [sys.executable, "-m", "bench.checks_nameserver", str(DELAY_MS)]


def install() -> None:
    """The peers, in an environment of their own; one that cannot be had is named, and left out."""
    if not VENV.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    for package in PINNED:
        command = [str(VENV / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", package]
        if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
            print(f"{package} could not be installed: not compared with", file=sys.stderr)


@contextmanager
def peers(port: int) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process of the peers, and which of them are there."""
    command = [
        str(VENV / "bin" / "python"),
        "-W",
        "ignore",
        str(Path(__file__).with_name("checks_peers.py")),
        str(port),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        versions = json.loads(process.stdout.readline())
        yield process, [name for name, version in versions.items() if version]
        process.stdin.close()


def measured(name: str, process: subprocess.Popen[str], port: int) -> dict[str, object]:
    """One checker on all zones: the median of some rounds a zone. A first round warms it up."""
    times, queries = [], []
    for domain in CASES:
        spf_answer(name, process, port, domain)
        before = count(port)
        times.append(median(spf_answer(name, process, port, domain)[0] for _ in range(ROUNDS)))
        queries.append((count(port) - before) / ROUNDS)
    return {
        "checker": name,
        "median ms": round(median(times)),
        "mean ms": round(mean(times)),
        "max ms": f"{max(times):.0f} ({list(CASES)[times.index(max(times))]})",
        "queries, mean": round(mean(queries), 1),
        "queries, max": round(max(queries)),
    }


def one(name: str, process: subprocess.Popen[str], port: int, domain: str) -> dict[str, object]:
    """One checker on one zone, once."""
    took, result = spf_answer(name, process, port, domain)
    return {"checker": name, "seconds": round(took / 1000, 2), "result": result}


def spf_answer(name: str, process: subprocess.Popen[str], port: int, domain: str) -> tuple[float, str]:
    """Milliseconds, and what the checker says."""
    if name == OURS:
        return ours(port, domain)
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{name} {domain}\n")
    process.stdin.flush()
    said: dict[str, Any] = json.loads(process.stdout.readline())
    return said["ms"], said["result"]


def ours(port: int, domain: str) -> tuple[float, str]:
    """The verdict, the tree and the findings, with a resolver of its own as the command has."""
    from relay.checks.spf.check import SpfQuestion, check_spf
    from relay.net.dns import DnsResolver

    start = time.perf_counter()
    resolver = DnsResolver((f"127.0.0.1:{port}",), 2.5, 1.0)
    answer = asyncio.run(check_spf(resolver, SpfQuestion(domain, (ip_address(IP),))))
    assert answer.verdict
    return (time.perf_counter() - start) * 1000, answer.verdict.result


def whole(port: int) -> dict[str, object]:
    """Everything about one domain, with the include question; no file is fetched (a closed port of loopback)."""
    from relay.checks.asking import Asking
    from relay.checks.domain import MOST_QUERIES, DomainQuestion, check_domain
    from relay.checks.sending import Mode, Sending
    from relay.net.dns import DnsResolver
    from relay.net.https import HttpsClient

    sending = Sending(Mode.OWN_DOMAIN, WHOLE, "bounce.relay.test", dkim_domain=WHOLE, ips=(ip_address(IP),))
    times, asked = [], 0
    for _ in range(ROUNDS + 1):
        asking = Asking(DnsResolver((f"127.0.0.1:{port}",), 2.5, 1.0, port), most=MOST_QUERIES)
        question = DomainQuestion(WHOLE, sending, INCLUDE, client=HttpsClient(1, private=True))
        times.append(asyncio.run(check_domain(asking, question)).elapsed_ms)
        asked = asking.queries
    return {"checker": OURS, "median ms": median(times[1:]), "max ms": max(times[1:]), "queries": asked}


def shell(port: int) -> dict[str, object]:
    """The command with all of its start-up."""
    command = [sys.executable, "-m", "relay", "check", "spf", "office.test", "--ip", IP, "--json"]
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([*command, "--nameserver", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return {"median s": round(median(times), 2), "max s": round(max(times), 2)}


def count(port: int) -> int:
    """How many questions the nameserver was asked so far."""
    from relay.net.dns import DnsResolver, Records

    found = asyncio.run(DnsResolver((f"127.0.0.1:{port}",)).lookup(COUNTER, "TXT"))
    assert isinstance(found, Records)
    return int(bytes(found.values[0]))  # type: ignore[arg-type]

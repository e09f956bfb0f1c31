"""The servers that are measured: ours, and what one would write first instead.

``stock`` is aiosmtpd as its documentation shows it, with a handler that writes one fsynced file a message: no login, no
rewriting, no signature, no queue. It is the floor that the obvious way reaches, not an equal.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SENDER = "info@bakker.example"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens: its process, its port, and how to sign in."""

    name: str
    pid: int
    port: int
    username: str = ""
    password: str = ""


@contextmanager
def started(command: list[str], log: Path) -> Iterator[dict[str, Any]]:
    """A server process that prints one JSON line when it is ready; stopped at the end."""
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"{command} did not start: {log.read_text()[-2000:]}")
            yield {"pid": process.pid, **json.loads(line)}
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def relay(
    folder: Path,
    processes: int = 1,
    message_size: str = "25 MB",
    limits: str = "connections_per_address = 200",
    delivery: str = 'via = "capture"',
) -> Iterator[Running]:
    """Ours: ``relay serve`` with login, verified sender, rewriting, both signatures, durable queue, capture."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "relay", "--config", str(folder / "relay.toml")]
    keys = json.loads(subprocess.check_output([*command[:3], "key", "generate", "--directory", str(folder), "--json"]))
    listed = ", ".join(
        f'{{selector = "{key["selector"]}", algorithm = "{key["algorithm"]}", file = "{key["file"]}"}}'
        for key in keys["keys"]
    )
    (folder / "relay.toml").write_text(
        f'[database]\nurl = "sqlite:///relay.db"\n[[listener]]\nport = 0\ntls = "none"\n[http]\nport = 0\n'
        f'[delivery]\n{delivery}\n[policy]\nmessage_size = "{message_size}"\n'
        f"[limits]\n{limits}\n[dkim]\nkeys = [{listed}]\n"
    )
    login = add_tenant(folder, "Bakker B.V.", SENDER)
    with started([*command, "serve", "--processes", str(processes)], folder / "log") as ready:
        port = ready["smtp"][0]["port"]
        yield Running("relay", ready["pid"], port, login["username"], login["password"])


def add_tenant(folder: Path, name: str, email: str) -> dict[str, str]:
    """A tenant who may send as that address; its login."""
    command = [sys.executable, "-m", "relay", "--config", str(folder / "relay.toml")]
    added = subprocess.check_output([*command, "tenant", "add", name, "--email", email, "--verified", "--json"])
    login: dict[str, str] = json.loads(added)["login"]
    return login


@contextmanager
def stock(folder: Path) -> Iterator[Running]:
    """aiosmtpd as it comes, one fsynced file a message."""
    folder.mkdir(parents=True, exist_ok=True)
    with started([sys.executable, "-m", "bench.stock", str(folder)], folder / "log") as ready:
        yield Running("stock aiosmtpd", ready["pid"], ready["port"])

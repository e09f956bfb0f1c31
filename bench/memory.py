"""Memory of one process while fifty submissions of 25 MB come in at once."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.measure import peak_megabytes, status
from bench.peers import SENDER, relay

SUBMISSIONS = 50
SIZE = 24_900_000


def fifty_large() -> dict[str, object]:
    """Peak resident memory before and after, and how long it took."""
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as name, relay(Path(name) / "relay") as server:
        before = status(server.pid, "VmRSS") / 1024
        load = {
            "port": server.port,
            "sessions": SUBMISSIONS,
            "messages": SUBMISSIONS,
            "size": SIZE,
            "username": server.username,
            "password": server.password,
            "sender": SENDER,
        }
        arguments = [part for key, value in load.items() for part in (f"--{key}", str(value))]
        result = json.loads(subprocess.check_output([sys.executable, "-m", "bench.client", *arguments]))
        return {
            "submissions": SUBMISSIONS,
            "accepted": result["accepted"],
            "size_mb": round(SIZE / 1e6, 1),
            "seconds": round(result["seconds"], 1),
            "memory_before_mb": round(before),
            "peak_memory_mb": round(peak_megabytes(server.pid)),
        }

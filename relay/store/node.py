"""Names of processes that hold leases, and which of them are gone, so that their work returns at once.

A name is ``hostname:machine:boot:pid-namespace:pid:start``. A process can be judged by another one of the same machine,
boot and pid namespace; what ran before the machine's last boot is gone too. Of all others nothing is known.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def node_name() -> str:
    """The name of this process, different for every process there ever was (the pid alone would come again)."""
    pid = os.getpid()
    return ":".join([*place(), str(pid), started(pid) or "0"])


def dead_nodes(names: Iterable[str]) -> set[str]:
    """Those of ``names`` whose process has certainly ended."""
    return {name for name in names if is_dead(name)}


def is_dead(name: str) -> bool:
    """True when the process of that name has certainly ended; False also when nothing is known of it."""
    parts = name.split(":")
    hostname, machine, boot, namespace = place()
    if len(parts) != 6 or parts[:2] != [hostname, machine]:
        return False
    if parts[2] != boot:
        return bool(machine)
    return parts[3] == namespace and parts[4].isdigit() and started(int(parts[4])) != parts[5]


@cache
def place() -> tuple[str, str, str, str]:
    """Where this process runs: host name, machine, boot and pid namespace, each empty when it is not known."""
    return (
        socket.gethostname().replace(":", "-"),
        first_line("/etc/machine-id")[:8],
        first_line("/proc/sys/kernel/random/boot_id")[:8],
        namespace(),
    )


def namespace() -> str:
    """The number of the pid namespace."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def started(pid: int) -> str | None:
    """When a process began, in ticks since the boot (field 22 of /proc/PID/stat); None when it has ended."""
    # The command's name, in parentheses, may hold anything; a zombie has ended.
    state, *fields = first_line(f"/proc/{pid}/stat").rpartition(")")[2].split() or ["Z"]
    return None if state == "Z" else fields[18]


def first_line(path: str) -> str:
    """The first line of a file, or nothing."""
    try:
        return Path(path).read_text("utf-8", "replace").partition("\n")[0].strip()
    except OSError:
        return ""

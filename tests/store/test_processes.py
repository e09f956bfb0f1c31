"""Several processes on one file, and what is left when one of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from relay.store.node import dead_nodes, node_name, place
from relay.store.store import open_store

WRITER = """
import asyncio, sys
from relay.mail.tenant import Tenant
from relay.store.group import CommitGroup

async def main(url, prefix):
    group = CommitGroup(url)
    await group.start()
    async def app(app):
        for number in range(10**6):
            name = f"{prefix}-{app}-{number}"
            def work(store):
                store.add_tenant(Tenant(name, "x", "x@y.example", "en", 1.0))
                store.put_chunk(name, 0, name.encode() * 500)
            await group.write(work)
            sys.stdout.write(name + "\\n")
            sys.stdout.flush()
    await asyncio.gather(*(app(number) for number in range(10)))

asyncio.run(main(*sys.argv[1:]))
"""

LEASER = """
import sys, time
from relay.store.store import open_store

store = open_store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while True:
    with store.transaction():
        works = store.lease(sys.argv[2], float(sys.argv[3]), float(sys.argv[3]) + 600, 3)
    if not works:
        break
    print(*(work.delivery.id for work in works), sep="\\n", flush=True)
    time.sleep(0.003)
"""

NAMER = "import sys\nfrom relay.store.node import node_name\nprint(node_name(), flush=True)\nsys.stdin.read()"


def python(code: str, *arguments: str, output: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=output, text=True)


def until(holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.005)


def test_processes_never_get_the_same_delivery(store, tenant, make, url, now):
    with store.transaction():
        for _ in range(40):
            store.enqueue(make(tenant.id, *(f"r{number}@x.example" for number in range(10))))
    leasers = [python(LEASER, url, name, str(now)) for name in ("a", "b", "c")]
    for process in leasers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in leasers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0].split() for process in leasers]
    leased = [each for output in outputs for each in output]
    assert len(leased) == 400
    assert len(set(leased)) == 400
    assert sum(bool(output) for output in outputs) > 1  # they did compete


@pytest.mark.parametrize("seconds", [0.15, 0.3, 0.45])
def test_kill_9_loses_no_acknowledged_write_and_leaves_none_half_done(url, tmp_path, seconds):
    open_store(url).close()
    said = tmp_path / "said"
    with said.open("a") as output:
        writers = [python(WRITER, url, prefix, output=output) for prefix in ("a", "b")]
    until(lambda: said.stat().st_size > 0)
    time.sleep(seconds)
    for process in writers:
        process.send_signal(signal.SIGKILL)
    for process in writers:
        process.communicate(timeout=30)
    acknowledged = set(said.read_text().split("\n")[:-1])
    assert len(acknowledged) > 20

    store = open_store(url)
    kept = {tenant.id for tenant in store.tenants()}
    assert acknowledged <= kept
    assert all(store.read_chunk(name, 0) == name.encode() * 500 for name in kept)
    assert store.database.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    store.close()


def test_a_process_is_known_to_be_dead_only_once_it_is():
    process = python(NAMER)
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert name != node_name()
    assert dead_nodes([name, node_name()]) == set()
    process.send_signal(signal.SIGKILL)
    until(lambda: bool(dead_nodes([name])))  # not yet reaped: a zombie is dead too
    assert dead_nodes([name, node_name()]) == {name}
    process.communicate(timeout=10)
    assert dead_nodes([name, node_name()]) == {name}


def test_a_name_that_comes_again_with_the_same_pid_is_another_process():
    parts = node_name().split(":")
    parts[-1] = str(int(parts[-1]) - 1)
    assert dead_nodes([":".join(parts)]) == {":".join(parts)}


@pytest.mark.parametrize("part", [0, 1, 3])
def test_nothing_is_known_of_processes_elsewhere(part):
    parts = node_name().split(":")
    parts[-1] = "1"
    parts[part] = "elsewhere"
    assert dead_nodes([":".join(parts), "nonsense", ""]) == set()


@pytest.mark.skipif(not Path("/etc/machine-id").exists(), reason="the machine has no identity")
def test_what_ran_before_the_last_boot_is_dead():
    parts = node_name().split(":")
    parts[2] = "00000000"
    assert bool(dead_nodes([":".join(parts)])) is bool(place()[1])


def test_a_name_tells_the_process():
    assert node_name() == node_name()
    assert node_name().split(":")[4] == str(os.getpid())

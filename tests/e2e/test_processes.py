"""Several processes: one dies and comes back, a second relay on the same ports is refused, SIGTERM ends all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

MESSAGE = "From: info@bakker.example\r\nTo: a@customer.example\r\nSubject: x\r\n\r\nx\r\n"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_process_that_dies_is_started_again(relay, sink, until) -> None:
    relay.processes = 2
    login = relay.add_tenant()["login"]
    relay.start()
    pid = relay.process.pid
    before = children(pid)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(children(pid)) == 2 and children(pid) != before)
    time.sleep(1)
    for number in range(10):
        relay.client(login).sendmail("info@bakker.example", [f"r{number}@customer.example"], MESSAGE)
    for number in range(10):
        sink.wait_for(f"r{number}@customer.example")
    assert "starting another" in relay.log
    assert relay.stop() == 0


def test_a_second_relay_on_the_same_ports_is_refused(relay, sink) -> None:
    relay.processes = 2
    relay.start()
    relay.config.write_text(relay.config.read_text().replace("port = 0", f"port = {relay.port}", 1))
    command = [sys.executable, "-m", "relay", "serve", "--config", str(relay.config), "--processes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(relay.port) in done.stderr


def test_children_stop_when_their_supervisor_is_killed(relay, sink, until) -> None:
    relay.processes = 2
    relay.start()
    pids = children(relay.process.pid)
    os.kill(relay.process.pid, signal.SIGKILL)
    relay.process.wait(10)
    until(
        lambda: (
            not any(
                Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()
                for pid in pids
            )
        ),
        30,
    )

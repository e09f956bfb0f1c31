"""Commands run beside a relay on the same database: it notices at once, and nothing that was acknowledged goes away."""

from __future__ import annotations

import os

import pytest

MESSAGE = "From: info@bakker.example\r\nTo: a@customer.example\r\nSubject: x\r\n\r\nx\r\n"


def write_ahead_log(relay) -> tuple[int, int]:
    found = os.stat(relay.folder / "relay.db-wal")
    return found.st_dev, found.st_ino


@pytest.mark.parametrize("processes", [1, 2])
def test_commands_leave_the_relays_log_alone(relay, sink, processes: int) -> None:
    relay.processes = processes
    login = relay.add_tenant()["login"]
    relay.start()
    client = relay.client(login)
    before = write_ahead_log(relay)
    for number in range(3):
        relay.json("tenant", "list")
        assert relay.json("queue", "list") == []
        assert write_ahead_log(relay) == before, "a command removed the log of a running relay"
        client.sendmail("info@bakker.example", [f"r{number}@customer.example"], MESSAGE)
        sink.wait_for(f"r{number}@customer.example")
    relay.cli("sender", "add", "Bakker B.V.", "nieuw@bakker.example")
    sink.wait_for("nieuw@bakker.example", seconds=5)
    relay.kill()
    delivered = {row["to"] for row in relay.json("queue", "list", "--state", "delivered")}
    assert {f"r{number}@customer.example" for number in range(3)} <= delivered
    assert "disk I/O error" not in relay.log

"""D22, R6: SIGTERM under load. It ends well and soon, and every message that was acknowledged arrives exactly once."""

from __future__ import annotations

import collections
import os
import random
import re
import smtplib
import threading
import uuid
from dataclasses import dataclass, field

import pytest

RESTARTS = int(os.environ.get("RESTARTS", "6"))
APPS = 20


@dataclass
class Ledger:
    """What the apps sent, and which of it was acknowledged."""

    sent: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    replies: collections.Counter[str] = field(default_factory=collections.Counter)


class App(threading.Thread):
    """A client that submits one message after the other, each of them once."""

    def __init__(self, relay, login, stop: threading.Event, ledger: Ledger) -> None:
        super().__init__(daemon=True)
        self.relay, self.login, self.stop_event, self.ledger = relay, login, stop, ledger

    def run(self) -> None:
        while not self.stop_event.is_set():
            try:
                client = self.relay.client(self.login, tls=False)
                while not self.stop_event.is_set():
                    self.submit(client, uuid.uuid4().hex)
            except (OSError, smtplib.SMTPException) as error:
                self.ledger.replies[f"{type(error).__name__} {getattr(error, 'smtp_code', '')}"] += 1
                self.stop_event.wait(0.1)  # the relay is on its way down, or not up again

    def submit(self, client: smtplib.SMTP, name: str) -> None:
        message = f"From: info@bakker.example\r\nTo: a@customer.example\r\nSubject: {name}\r\n\r\n{name}\r\n"
        self.ledger.sent.append(name)
        client.sendmail("info@bakker.example", ["a@customer.example"], message)
        self.ledger.acknowledged.append(name)


@pytest.mark.parametrize("processes", [1, 2])
def test_restarts_under_load_lose_nothing_and_double_nothing(relay, sink, until, processes: int) -> None:
    relay.processes = processes
    seed = random.randrange(10**9)
    dice = random.Random(seed)
    sink.takes_for = 0.05
    config = relay.config.read_text().replace('tls = "starttls"', 'tls = "none"')
    relay.config.write_text(config)
    login = relay.add_tenant()["login"]
    relay.start()
    relay.config.write_text(config.replace("port = 0\ntls", f"port = {relay.port}\ntls"))  # apps come back to this port
    stop, ledger = threading.Event(), Ledger()
    apps = [App(relay, login, stop, ledger) for _ in range(APPS)]
    for app in apps:
        app.start()
    for _ in range(RESTARTS // processes):
        stop.wait(dice.uniform(0.2, 1.0))
        assert relay.stop() == 0, relay.log[-3000:]  # within 60 seconds
        relay.start()
    stop.wait(0.5)
    stop.set()
    for app in apps:
        app.join(30)
    until(lambda: relay.json("queue", "list", "--state", "queued") == [], 60)
    assert relay.stop() == 0

    seen = collections.Counter(
        re.findall(rb"Subject: (\w{32})", content)[0].decode() for _, _, content in sink.received
    )
    acknowledged = set(ledger.acknowledged)
    assert len(acknowledged) > APPS * RESTARTS // processes, f"too little load to prove anything: {ledger.replies}"
    assert [name for name in acknowledged if not seen[name]] == [], f"lost (seed {seed})"
    assert {name: count for name, count in seen.items() if count > 1} == {}, f"doubled (seed {seed})"
    assert seen.keys() - acknowledged == set(), f"taken and not acknowledged (seed {seed}): {ledger.replies}"
    assert "Traceback" not in relay.log


@pytest.mark.slow
def test_neither_a_client_nor_a_server_that_hangs_holds_it_up(relay, sink) -> None:
    """At once a client that stalls in the middle of a message, and a server that takes two minutes after the dot."""
    sink.takes_for = 120
    login = relay.add_tenant()["login"]
    relay.start()
    message = "From: info@bakker.example\r\n\r\nx\r\n"
    relay.client(login).sendmail("info@bakker.example", ["a@customer.example"], message)
    sink.wait_for("a@customer.example")
    stalled = relay.client(login)
    stalled.mail("info@bakker.example")
    stalled.rcpt("b@customer.example")
    assert stalled.docmd("DATA")[0] == 354
    stalled.send("From: info@bakker.example\r\n")
    assert relay.stop() == 0  # within 60 seconds
    assert relay.json("queue", "list", "--state", "queued") != []

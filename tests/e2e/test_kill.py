"""kill -9 under load: every message that was acknowledged is delivered, and none more than twice."""

from __future__ import annotations

import collections
import random
import re
import smtplib
import threading
import uuid

import pytest

KILLS = 50


class App(threading.Thread):
    """A client that submits one message after the other and notes which were acknowledged."""

    def __init__(self, relay, login, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.relay, self.login, self.stop_event = relay, login, stop
        self.acknowledged: list[str] = []

    def run(self) -> None:
        while not self.stop_event.is_set():
            try:
                client = self.relay.client(self.login, tls=False)
                while not self.stop_event.is_set():
                    self.submit(client, uuid.uuid4().hex)
            except (OSError, smtplib.SMTPException):
                self.stop_event.wait(0.05)  # the relay was just killed

    def submit(self, client: smtplib.SMTP, name: str) -> None:
        message = f"From: info@bakker.example\r\nTo: a@customer.example\r\nSubject: {name}\r\n\r\n{name}\r\n"
        client.sendmail("info@bakker.example", ["a@customer.example"], message)
        self.acknowledged.append(name)


@pytest.mark.slow
def test_fifty_kills_under_load_lose_nothing(relay, sink, until) -> None:
    seed = random.randrange(10**9)
    dice = random.Random(seed)
    config = relay.config.read_text().replace('tls = "starttls"', 'tls = "none"')
    relay.config.write_text(config)
    login = relay.add_tenant()["login"]
    relay.start()
    relay.config.write_text(config.replace("port = 0\ntls", f"port = {relay.port}\ntls"))  # apps come back to this port
    stop = threading.Event()
    apps = [App(relay, login, stop) for _ in range(4)]
    for app in apps:
        app.start()
    for _ in range(KILLS):
        stop.wait(dice.uniform(0.05, 0.5))
        relay.kill()
        relay.start()
    stop.wait(0.5)
    stop.set()
    for app in apps:
        app.join(30)
    until(lambda: relay.json("queue", "list", "--state", "queued") == [], 60)

    acknowledged = {name for app in apps for name in app.acknowledged}
    seen = collections.Counter(
        re.findall(rb"Subject: (\w{32})", content)[0].decode() for _, _, content in sink.received
    )
    assert len(acknowledged) > KILLS, "too little load to prove anything"
    assert [name for name in acknowledged if not seen[name]] == [], f"lost (seed {seed})"
    assert {name: count for name, count in seen.items() if count > 2} == {}, f"seed {seed}"

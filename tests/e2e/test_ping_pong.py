"""H10, H11: two relays that point at each other, and recipients that answer everything, bring about no storm."""

from __future__ import annotations

import re
import smtplib
from pathlib import Path
from typing import Any

import pytest

AUTHOR = "info@bakker.example"
BOUNCES = 'tls = "starttls"\n[[listener]]\nauth = "none"\ntls = "starttls"\nport = '
ANSWER = "From: k@klant.example\r\nTo: {to}\r\nSubject: Re: x\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n"


def submit(relay: Any, login: dict[str, str], recipient: str) -> None:
    with relay.client(login) as client:
        client.sendmail(AUTHOR, [recipient], f"From: {AUTHOR}\r\nTo: {recipient}\r\nSubject: x\r\n\r\nx\r\n")


def answer(port: int, to: str, content: str, sender: str = "") -> int:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo("mx.klant.example")
        client.docmd("MAIL", f"FROM:<{sender}>")
        said = client.docmd("RCPT", f"TO:<{to}>")
        return client.data(content.encode())[0] if said[0] == 250 else said[0]


@pytest.fixture
def pair(tmp_path: Path, make_relay, free_ports):
    """Two relays, each of which hands everything to the other's listener for bounces."""
    first, second = free_ports(2)
    relays = []
    for mine, other in ((first, second), (second, first)):
        folder = tmp_path / str(mine)
        folder.mkdir()
        relays.append(make_relay(folder, other, listener=f"{BOUNCES}{mine}"))
    return relays


def test_two_relays_that_point_at_each_other(pair, until) -> None:
    first, second = pair
    login = first.add_tenant()["login"]
    for relay in pair:
        relay.start()
    submit(first, login, "k@klant.example")
    until(lambda: len(first.json("queue", "list", "--state", "failed")) == 2)  # the mail, and the one notice of it
    assert [row["to"] for row in first.json("queue", "list", "--state", "failed")] == [AUTHOR, "k@klant.example"]
    for relay in pair:
        assert relay.json("queue", "list") == []
        assert relay.stop() == 0
    assert first.log.count("attempt id=") == 2
    assert second.log.count("attempt id=") == 0


def test_who_answers_every_mail_is_answered_by_none(relay, sink, until) -> None:
    relay.config.write_text(relay.config.read_text().replace('tls = "starttls"', f"{BOUNCES}0"))
    login = relay.add_tenant()["login"]
    relay.start()
    port = relay.ready["smtp"][1]["port"]
    submit(relay, login, "k@klant.example")
    until(lambda: len(relay.json("queue", "list", "--state", "delivered")) == 1)
    ((path, _, content),) = sink.received
    (platform,) = re.findall(rb"^From: .*<(.*)>\r$", content, re.MULTILINE)
    for _ in range(5):
        for to in (path.strip("<>"), platform.decode()):
            assert answer(port, to, ANSWER.format(to=to)) == 250
    until(lambda: relay.log.count("answer counted") == 10)
    assert len(sink.received) == 1
    assert relay.json("queue", "list") == []

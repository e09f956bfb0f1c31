"""policy.unverified = "hold": accepted, kept, sent by itself after a yes; given up after a no or 72 hours."""

from __future__ import annotations

import email
import sqlite3
from email import policy

import pytest

MESSAGE = "From: facturen@bakker.example\r\nTo: a@customer.example\r\nSubject: Factuur 7\r\n\r\nx\r\n"


@pytest.fixture
def holding(relay):
    relay.config.write_text(relay.config.read_text() + '\n[policy]\nunverified = "hold"\n')
    login = relay.add_tenant()["login"]
    relay.start()
    return relay, relay.client(login)


def submit(client) -> str:
    client.mail("facturen@bakker.example")
    client.rcpt("a@customer.example")
    code, text = client.data(MESSAGE)
    assert code == 250
    return text.decode()


def test_yes_lets_it_go_by_itself(holding, sink, confirm) -> None:
    relay, client = holding
    said = submit(client)
    assert "queued as" in said
    assert "zodra facturen@bakker.example is bevestigd" in said
    [mail] = sink.wait_for("facturen@bakker.example")
    [waiting] = relay.json("queue", "list")
    assert waiting["state"] == "held"
    assert "0" in relay.cli("queue", "release", waiting["id"], "--yes")
    assert sink.to("a@customer.example") == []
    confirm(relay.page, mail)
    [content] = sink.wait_for("a@customer.example")
    assert b'\r\nFrom: "Bakker B.V." <mail@customers.platform.example>\r\n' in content
    assert len(submit(client).splitlines()) == 1
    sink.wait_for("a@customer.example", 2)


def test_no_gives_it_up_and_tells_the_tenant(holding, sink, confirm) -> None:
    relay, client = holding
    submit(client)
    [mail] = sink.wait_for("facturen@bakker.example")
    confirm(relay.page, mail, "no")
    relay.stop()
    relay.start()  # looks at what waits at once, not only in a minute
    [notice] = sink.wait_for("info@bakker.example")
    text = email.message_from_bytes(notice, policy=policy.default).get_body(("plain",)).get_content()
    assert "Factuur 7" in text
    assert "facturen@bakker.example" in text
    assert sink.to("a@customer.example") == []
    assert relay.json("queue", "list") == []


def test_it_lapses_after_72_hours(holding, sink) -> None:
    relay, client = holding
    submit(client)
    sink.wait_for("facturen@bakker.example")
    relay.stop()
    with sqlite3.connect(relay.folder / "relay.db") as database:
        [lapses_in] = database.execute(
            "SELECT lapses_at - (SELECT received_at FROM message WHERE id = message_id) FROM awaiting"
        ).fetchone()
        database.execute("UPDATE awaiting SET lapses_at = lapses_at - 72 * 3600")
    database.close()
    assert round(lapses_in / 3600) == 72
    relay.start()
    sink.wait_for("info@bakker.example")
    assert relay.json("queue", "list", "--state", "cancelled")[0]["to"] == "a@customer.example"

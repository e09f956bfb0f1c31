"""Documents through a running relay: cards, rules, patterns, copies, and what never leaves the company."""

from __future__ import annotations

import smtplib

import pytest

AUTHOR = "info@bakker.example"


@pytest.fixture
def shop(relay):
    login = relay.add_tenant()["login"]
    relay.start()
    return relay, relay.client(login)


def submit(client, *recipients: str, header: str = "", author: str = AUTHOR) -> str:
    client.mail(author)
    for recipient in recipients:
        client.rcpt(recipient)
    message = f"From: {author}\r\nTo: {', '.join(recipients)}\r\n{header}\r\nx\r\n"
    code, text = client.data(message)
    if code != 250:
        client.rset()
        raise smtplib.SMTPDataError(code, text)
    return text.decode()


def test_an_invoice_goes_to_the_accountant_as_well_and_both_are_seen(shop, sink) -> None:
    relay, client = shop
    relay.cli("document", "set", "Bakker B.V.", "invoice", "--cc", "boek@houder.example", "--bcc", "archief@x.example")
    submit(client, "klant@klant.example", header="Subject: Factuur\r\n")
    for recipient in ("klant@klant.example", "boek@houder.example", "archief@x.example"):
        [content] = sink.wait_for(recipient)
        assert b"\r\nTo: klant@klant.example\r\nSubject: Factuur\r\n" in content
        assert b"\r\nCc: boek@houder.example\r\n" in content
        assert b"archief" not in content
    [row, *_] = relay.json("queue", "list", "--state", "delivered")
    shown = relay.json("message", "show", row["message_id"])
    assert {"field": "Cc", "before": None, "after": "Cc: boek@houder.example"}.items() <= shown["changes"][-1].items()


def test_a_work_order_stays_inside(shop, sink) -> None:
    relay, client = shop
    work_order = "X-Relay-Document: work-order\r\nSubject: Werk\r\n"
    with pytest.raises(smtplib.SMTPDataError, match="zijn niet ingesteld"):
        submit(client, "klant@klant.example", header=work_order)
    relay.cli("document", "set", "Bakker B.V.", "work-order", "--to", "plaats@bakker.example")
    relay.cli("tenant", "set", "Bakker B.V.", "--copy-to", AUTHOR)
    with pytest.raises(smtplib.SMTPDataError, match=r"klant@klant\.example hoort daar niet bij[\s\S]*bevestiging"):
        submit(client, "plaats@bakker.example", "klant@klant.example", header=work_order)
    submit(client, "plaats@bakker.example", header=work_order)
    sink.wait_for("plaats@bakker.example")
    options = ("--to", "plaats@bakker.example", "--internal-only", "redirect")
    relay.cli("document", "set", "Bakker B.V.", "work-order", *options)
    submit(client, "klant@klant.example", header=work_order)
    [_, content] = sink.wait_for("plaats@bakker.example", 2)
    assert b"\r\nTo: plaats@bakker.example\r\n" in content
    assert sink.to("klant@klant.example") == sink.to(AUTHOR) == []


def test_a_card_says_what_a_customer_gets(shop, sink) -> None:
    relay, client = shop
    relay.cli(
        "recipient", "set", "Bakker B.V.", "klant@klant.example", "--documents", "quote", "--cc", "chef@klant.example"
    )
    with pytest.raises(smtplib.SMTPDataError, match=r"klant@klant\.example geen invoice"):
        submit(client, "klant@klant.example")
    relay.cli("tenant", "set", "Bakker B.V.", "--unticked", "skip")
    said = submit(client, "klant@klant.example", "ander@x.example")
    assert "Niet verzonden aan klant@klant.example: invoice" in said
    sink.wait_for("ander@x.example")
    assert sink.to("klant@klant.example") == []
    submit(client, "klant@klant.example", header="X-Relay-Document: quote\r\n")
    sink.wait_for("chef@klant.example")


def test_a_pattern_finds_the_type(shop, sink) -> None:
    relay, client = shop
    relay.cli("document", "pattern", "Bakker B.V.", "work-order", "subject", "*werkbon*")
    with pytest.raises(smtplib.SMTPDataError, match="work-order"):
        submit(client, "klant@klant.example", header="Subject: Werkbon 12\r\n")
    submit(client, "klant@klant.example", header="Subject: Factuur 12\r\n")
    sink.wait_for("klant@klant.example")


def test_a_copy_to_oneself_is_one_more_delivery_and_only_to_a_verified_address(shop, sink) -> None:
    relay, client = shop
    relay.cli("tenant", "set", "Bakker B.V.", "--copy-to", "x@y.example", code=1)
    relay.cli("tenant", "set", "Bakker B.V.", "--copy-to", AUTHOR)
    submit(client, "klant@klant.example")
    [copy] = sink.wait_for(AUTHOR)
    [content] = sink.wait_for("klant@klant.example")
    assert copy.partition(b"\r\nFrom:")[2] == content.partition(b"\r\nFrom:")[2]
    assert b"bcc" not in content.lower()
    relay.cli("sender", "add", "Bakker B.V.", "ander@bakker.example", "--verified")
    relay.cli("sender", "revoke", "Bakker B.V.", AUTHOR)
    submit(client, "klant@klant.example", author="ander@bakker.example")
    sink.wait_for("klant@klant.example", 2)
    assert [row["to"] for row in relay.json("queue", "list")] == []
    assert len(sink.to(AUTHOR)) == 1

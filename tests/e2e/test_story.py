"""The product's one path, from outside: refused, asked, confirmed, rewritten, signed, delivered."""

from __future__ import annotations

import email
import smtplib
from email import policy

import dkim
import pytest

INVOICE = (
    "From: Bakker facturen <facturen@bakker.example>\r\n"
    "To: inkoop@delinde.example\r\n"
    "Subject: =?utf-8?Q?Factuur_2026=2D0417?=\r\n"
    "X-Mailer:  Administratie\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    "Totaal € 263,78\r\n.punt vooraan\r\n..twee\r\n  \r\nlaatste regel zonder einde"
).encode()


def test_from_refused_to_delivered(relay, sink, confirm) -> None:
    tenant = relay.add_tenant()
    relay.start()
    client = relay.client(tenant["login"])

    with pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("facturen@bakker.example", ["inkoop@delinde.example"], INVOICE)
    code, text = refused.value.smtp_code, refused.value.smtp_error.decode()
    assert code == 550
    assert text.startswith("5.7.1 U bent niet gemachtigd om een e-mail te versturen vanaf dit adres.")
    assert "verificatiemail" in text

    [mail] = sink.wait_for("facturen@bakker.example")
    assert sink.to("inkoop@delinde.example") == []
    assert "Bakker B.V." in confirm(relay.page, mail)

    client.sendmail("facturen@bakker.example", ["inkoop@delinde.example"], INVOICE)
    [content] = sink.wait_for("inkoop@delinde.example")
    got = email.message_from_bytes(content, policy=policy.default)
    assert got["From"] == '"Bakker B.V." <mail@customers.platform.example>'
    assert got["Reply-To"] == '"Bakker B.V." <facturen@bakker.example>'
    assert b"\r\nX-Mailer:  Administratie\r\n" in content
    assert b"\r\nSubject: =?utf-8?Q?Factuur_2026=2D0417?=\r\n" in content
    body = INVOICE.partition(b"\r\n\r\n")[2] + b"\r\n"
    assert content.partition(b"\r\n\r\n")[2] == body


def test_both_signatures_verify_and_the_reverse_path_names_the_delivery(relay, sink) -> None:
    tenant = relay.add_tenant()
    records = {record["name"].rstrip(".") + ".": record["value"] for record in relay.json("dns")["records"]}
    relay.start()
    message = INVOICE.replace(b"facturen@", b"info@")
    relay.client(tenant["login"]).sendmail("info@bakker.example", ["inkoop@delinde.example"], message)
    [content] = sink.wait_for("inkoop@delinde.example")

    def dnsfunc(name: bytes, timeout: int = 5) -> bytes:
        return records[name.decode()].encode()

    verifier = dkim.DKIM(content)
    assert [verifier.verify(idx=number, dnsfunc=dnsfunc) for number in range(2)] == [True, True]
    reverse_path = sink.received[-1][0]
    assert reverse_path.endswith("@bounce.platform.example")
    assert len(reverse_path.partition("@")[0]) <= 64


def test_one_tenants_sender_is_not_anothers(relay, sink) -> None:
    relay.add_tenant()
    other = relay.add_tenant("Slager B.V.", "info@slager.example")
    relay.start()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        relay.client(other["login"]).sendmail(
            "info@slager.example", ["a@customer.example"], INVOICE.replace(b"facturen@", b"info@")
        )
    assert refused.value.smtp_code == 550
    assert sink.to("a@customer.example") == []


def test_no_means_blocked(relay, sink, confirm) -> None:
    tenant = relay.add_tenant()
    relay.start()
    client = relay.client(tenant["login"])
    with pytest.raises(smtplib.SMTPDataError):
        client.sendmail("x@bakker.example", ["a@customer.example"], INVOICE)
    [mail] = sink.wait_for("facturen@bakker.example")
    confirm(relay.page, mail, "no")
    with pytest.raises(smtplib.SMTPDataError):
        client.sendmail("x@bakker.example", ["a@customer.example"], INVOICE)
    assert len(sink.received) == 1
    rows = relay.json("sender", "list", tenant["id"])
    assert {row["address"]: row["state"] for row in rows} == {
        "info@bakker.example": "verified",
        "facturen@bakker.example": "blocked",
    }


def test_nothing_for_the_anonymous(relay, sink) -> None:
    relay.add_tenant()
    relay.start()
    with smtplib.SMTP("127.0.0.1", relay.port) as client:
        client.ehlo()
        assert client.mail("info@bakker.example")[0] == 530
        assert client.rcpt("a@customer.example")[0] == 530
        assert client.docmd("DATA")[0] == 530
    assert sink.received == []


def test_a_large_message_arrives_byte_for_byte(relay, sink) -> None:
    tenant = relay.add_tenant()
    relay.start()
    line = b"0123456789abcdef" * 4 + b"\r\n"
    message = INVOICE.replace(b"facturen@", b"info@") + b"\r\n" + line * 60_000
    relay.client(tenant["login"]).sendmail("info@bakker.example", ["inkoop@delinde.example"], message)
    [content] = sink.wait_for("inkoop@delinde.example", seconds=30)
    assert content.partition(b"\r\n\r\n")[2] == message.partition(b"\r\n\r\n")[2]


def test_several_processes_share_the_ports_and_the_queue(relay, sink) -> None:
    relay.processes = 2
    tenant = relay.add_tenant()
    relay.start()
    for number in range(20):
        relay.client(tenant["login"]).sendmail(
            "info@bakker.example", [f"r{number}@customer.example"], INVOICE.replace(b"facturen@", b"info@")
        )
    for number in range(20):
        assert len(sink.wait_for(f"r{number}@customer.example")) == 1
    assert relay.stop() == 0


def test_a_refused_recipient_is_told_to_the_tenant_in_its_language(relay, sink) -> None:
    tenant = relay.add_tenant()
    relay.start()
    sink.refused["weg@delinde.example"] = "550 5.1.1 no such mailbox here"
    recipients = ["weg@delinde.example", "inkoop@delinde.example"]
    relay.client(tenant["login"]).sendmail("x@y.example", recipients, INVOICE.replace(b"facturen@", b"info@"))
    [notice] = sink.wait_for("info@bakker.example")
    sink.wait_for("inkoop@delinde.example")
    got = email.message_from_bytes(notice, policy=policy.default)
    assert got["Subject"] == "Niet afgeleverd: Factuur 2026-0417"
    assert got["Auto-Submitted"] == "auto-replied"
    text = got.get_body(("plain",)).get_content()
    assert "weg@delinde.example" in text
    assert "no such mailbox here" in text
    assert "Wat u kunt doen" in text
    assert got.get_content_type() == "multipart/report"
    report, original = list(got.iter_parts())[1:]
    per_message, per_recipient = report.get_payload()
    assert per_recipient["Action"] == "failed"
    assert per_recipient["Status"] == "5.1.1"
    assert per_recipient["Final-Recipient"] == "rfc822; weg@delinde.example"
    assert per_message["Reporting-MTA"] == "dns; relay.platform.example"
    assert "Factuur" in original.as_string()
    assert next(path for path, to, _ in sink.received if to == ["info@bakker.example"]) in {None, "", "<>"}
    [row] = relay.json("queue", "list", "--state", "failed")
    assert row["to"] == "weg@delinde.example"
    assert "5.1.1" in row["last_reply"]

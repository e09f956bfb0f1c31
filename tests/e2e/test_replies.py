"""A customer's program ignores Reply-To: the answer comes to the platform's address, and reaches the author."""

from __future__ import annotations

import email
import smtplib
from email import policy

import pytest

PLATFORM = "mail@customers.platform.example"
INVOICE = (
    "From: info@bakker.example\r\nTo: jan@klant.example\r\nSubject: Factuur 7\r\n"
    "Message-ID: <m7@bakker.example>\r\n\r\nx\r\n"
)
REPLY = (
    f"From: Jan Klant <jan@klant.example>\r\nTo: {PLATFORM}\r\nSubject: Re: Factuur 7\r\n"
    "In-Reply-To: <m7@bakker.example>\r\nMessage-ID: <r7@klant.example>\r\n"
)


@pytest.fixture
def receiving(relay):
    """A relay with a second listener, where mail comes in; its port; the invoice is sent."""
    listener = '\n[[listener]]\nport = 0\nauth = "none"\ntls = "starttls"\n'
    relay.config.write_text(relay.config.read_text() + listener)
    login = relay.add_tenant()["login"]
    relay.start()
    relay.client(login).sendmail("app@bakker.example", ["jan@klant.example"], INVOICE)
    return relay, int(relay.ready["smtp"][1]["port"])


def bring(port: int, mail: str, reverse_path: str = "jan@klant.example", to: str = PLATFORM) -> tuple[int, str]:
    """The reply to a mail that another server brings."""
    with smtplib.SMTP("127.0.0.1", port, "mx.klant.example", timeout=30) as client:
        client.ehlo()
        assert client.mail(reverse_path)[0] == 250
        code, text = client.rcpt(to)
        if code == 250:
            code, text = client.data(mail)
        return code, text.decode()


def test_a_persons_answer_reaches_the_author(receiving, sink):
    relay, port = receiving
    sink.wait_for("jan@klant.example")
    body = "Dank u!\r\n\r\n> x \r\n"
    code, said = bring(port, f"{REPLY}\r\n{body}")
    assert (code, said[:16]) == (250, "2.0.0 queued as ")
    [content] = sink.wait_for("info@bakker.example")
    header, _, rest = content.partition(b"\r\n\r\n")
    assert rest == body.encode()
    mail = email.message_from_bytes(content, policy=policy.default)
    assert mail["From"] == f"Jan Klant via Klantenplatform <{PLATFORM}>"
    assert mail["Reply-To"] == "Jan Klant <jan@klant.example>"
    assert mail["To"] == "info@bakker.example"
    assert (mail["Message-ID"], mail["In-Reply-To"]) == ("<r7@klant.example>", "<m7@bakker.example>")
    assert header.count(b"DKIM-Signature:") == 2
    [reverse_path] = [sender for sender, to, _ in sink.received if to == ["info@bakker.example"]]
    assert reverse_path.endswith("@bounce.platform.example")
    [invoice] = [row for row in relay.json("queue", "list", "--state", "delivered") if row["to"] == "jan@klant.example"]
    assert relay.json("message", "show", invoice["message_id"])["answers"] == {"person": 1}
    assert "1 person" in relay.cli("message", "show", invoice["message_id"])
    again = bring(port, content.decode())
    assert (again[0], again[1][:5]) == (554, "5.4.6")


def test_an_answer_to_the_reverse_path_reaches_the_author_too(receiving, sink):
    _, port = receiving
    sink.wait_for("jan@klant.example")
    [verp] = [sender for sender, to, _ in sink.received if to == ["jan@klant.example"]]
    code, _ = bring(port, "From: els@klant.example\r\nSubject: Re: Factuur 7\r\n\r\nDank\r\n", to=verp)
    assert code == 250
    [content] = sink.wait_for("info@bakker.example")
    assert b'From: "els via Klantenplatform" <mail@customers' in content


def test_a_program_that_answers_starts_nothing(receiving, sink):
    relay, port = receiving
    sink.wait_for("jan@klant.example")
    away = REPLY.replace("Re: Factuur", "Afwezig: Factuur") + "Auto-Submitted: auto-replied\r\n\r\nTot maandag\r\n"
    assert bring(port, away, reverse_path="")[0] == 250
    assert bring(port, f"{REPLY}\r\nna\r\n")[0] == 250
    sink.wait_for("info@bakker.example")  # the person's, which came later
    assert len(sink.received) == 2
    rows = relay.json("queue", "list", "--state", "delivered")
    [invoice] = [row for row in rows if row["to"] == "jan@klant.example"]
    assert relay.json("message", "show", invoice["message_id"])["answers"] == {"away": 1, "person": 1}


def test_somebody_who_answers_nothing_is_told_and_cannot_be_used_for_a_loop(receiving, sink):
    relay, port = receiving
    stray = f"From: jan@klant.example\r\nTo: {PLATFORM}\r\nSubject: Vraag\r\n\r\nHoe laat?\r\n"
    assert bring(port, stray)[0] == 250
    told = sink.wait_for("jan@klant.example", 2)[-1]
    assert b"Auto-Submitted: auto-replied\r\n" in told
    assert b"Hoe laat" not in told
    assert bring(port, stray)[0] == 550
    assert bring(port, told.decode(), reverse_path="")[0] in {250, 550, 554}  # somebody sends it back
    assert bring(port, stray, reverse_path="")[0] == 250
    [held] = relay.json("queue", "list", "--state", "held")
    assert held["to"] == "postmaster@customers.platform.example"
    assert "answer kept" in relay.log
    assert len(sink.received) == 2


def test_an_answer_that_bounces_answers_nobody(receiving, sink, until):
    relay, port = receiving
    sink.refused["info@bakker.example"] = "550 5.1.1 no such user"
    sink.wait_for("jan@klant.example")
    assert bring(port, f"{REPLY}\r\nDank\r\n")[0] == 250
    until(lambda: relay.json("queue", "list", "--state", "failed"))
    [failed] = relay.json("queue", "list", "--state", "failed")
    assert failed["to"] == "info@bakker.example"
    assert len(sink.received) == 1
    assert len(relay.json("queue", "list", "--state", "delivered")) == 1

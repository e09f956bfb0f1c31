"""Reports that come back to a running relay: who is told, how often, and what is not sent any more."""

from __future__ import annotations

import email
import smtplib
from email import policy

import pytest

AUTHOR = "info@bakker.example"
CUSTOMER = "weg@klant.example"
UNKNOWN = "550 5.1.1 no such user"
BOUNCES = 'tls = "starttls"\n[[listener]]\nport = 0\nauth = "none"\ntls = "starttls"'


def dsn(recipient: str, action: str = "failed", status: str = "5.1.1", said: str = "550 5.1.1 no such user") -> bytes:
    """A report as other servers write it (RFC 3464)."""
    return (
        "From: MAILER-DAEMON@mx.klant.example\r\nTo: <>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain\r\n\r\nSorry, it did not work out.\r\n"
        "--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.klant.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {said}\r\n\r\n--x--\r\n"
    ).encode()


def complaint(recipient: str) -> bytes:
    """A press on the button (RFC 5965)."""
    return (
        "From: fbl@provider.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
        "--x\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: abuse\r\nUser-Agent: Some/1.0\r\nVersion: 1\r\nOriginal-Rcpt-To: {recipient}\r\n\r\n--x--\r\n"
    ).encode()


class Bench:
    """A relay with a listener for bounces, a tenant's client, and the server that it delivers to."""

    def __init__(self, relay, sink, login, until) -> None:
        self.relay, self.sink, self.login, self.until = relay, sink, login, until

    def submit(self, *recipients: str, subject: str = "Factuur 12", options: tuple[str, ...] = ()) -> None:
        message = f"From: {AUTHOR}\r\nTo: {recipients[0]}\r\nSubject: {subject}\r\n\r\nx\r\n"
        with self.relay.client(self.login) as client:
            client.sendmail(AUTHOR, list(recipients), message, rcpt_options=list(options))

    def reverse_path(self, recipient: str, number: int = 0) -> str:
        """What the sink was given as the reverse-path of a mail to ``recipient``, once it has finished."""
        self.sink.wait_for(recipient, number + 1)
        self.until(lambda: recipient in [row["to"] for row in self.state("delivered")])
        paths = [path for path, recipients, _ in self.sink.received if recipient in recipients]
        return paths[number].strip("<>")

    def inbound(self) -> smtplib.SMTP:
        client = smtplib.SMTP("127.0.0.1", self.relay.ready["smtp"][1]["port"], timeout=30)
        self.relay.clients.append(client)
        client.ehlo("mx.klant.example")
        return client

    def report(self, to: str, content: bytes, sender: str = "<>") -> tuple[int, bytes]:
        """Send a mail to the listener for bounces; the last reply."""
        client = self.inbound()
        assert client.docmd("MAIL", f"FROM:{sender}")[0] == 250
        said = client.docmd("RCPT", f"TO:<{to}>")
        return client.data(content) if said[0] == 250 else said

    def state(self, state: str) -> list[dict]:
        return self.relay.json("queue", "list", "--state", state)

    def notices(self, count: int) -> list[bytes]:
        return self.sink.wait_for(AUTHOR, count)


@pytest.fixture
def bench(relay, sink, until) -> Bench:
    relay.config.write_text(relay.config.read_text().replace('tls = "starttls"', BOUNCES))
    login = relay.add_tenant()["login"]
    relay.start()
    return Bench(relay, sink, login, until)


def test_a_mailbox_that_bounces_is_told_once_and_suppressed(bench: Bench) -> None:
    bench.submit(CUSTOMER)
    path = bench.reverse_path(CUSTOMER)
    assert bench.report(path, dsn(CUSTOMER))[0] == 250
    assert bench.report(path.upper(), dsn(CUSTOMER))[0] == 250  # again, as some servers write it
    (notice,) = bench.notices(1)
    parsed = email.message_from_bytes(notice, policy=policy.default)
    kinds = [part.get_content_type() for part in parsed.walk()]
    assert "message/delivery-status" in kinds
    assert "message/rfc822" in kinds  # the report of the other server goes along
    assert b"no such user" in notice
    assert b"bestaat niet" in parsed.get_body(("plain",)).get_content().encode()
    assert [row["to"] for row in bench.state("failed")] == [CUSTOMER]

    (row,) = bench.relay.json("suppression", "list")
    assert (row["address"], row["reason"], row["times"], row["in_force"]) == (CUSTOMER, "bounce", 1, True)
    assert round((row["until"] - row["since"]) / 86400) == 30
    with pytest.raises(
        smtplib.SMTPDataError, match=r"5\.1\.1 Het adres weg@klant\.example bestaat niet meer"
    ) as refused:
        bench.submit(CUSTOMER)
    assert b"blokkeerlijst" in refused.value.smtp_error

    assert bench.relay.json("suppression", "remove", CUSTOMER) == {"address": CUSTOMER, "removed": 1}
    bench.submit(CUSTOMER)
    bench.sink.wait_for(CUSTOMER, 2)
    assert len(bench.sink.to(AUTHOR)) == 1
    bench.relay.cli("suppression", "remove", CUSTOMER, code=1)


def test_one_of_several_recipients_is_left_out_and_told(bench: Bench) -> None:
    bench.relay.cli("suppression", "add", CUSTOMER, "--reason", "overleden")
    bench.submit("er@klant.example", CUSTOMER)
    bench.sink.wait_for("er@klant.example")
    (notice,) = bench.notices(1)
    text = email.message_from_bytes(notice, policy=policy.default).get_body(("plain",)).get_content()
    assert "blokkeerlijst" in text
    assert "overleden" in text
    assert bench.sink.to(CUSTOMER) == []
    with pytest.raises(smtplib.SMTPDataError, match=r"550, b'5\.7\.1 .*overleden"):
        bench.submit(CUSTOMER)


def test_a_refusal_at_rcpt_suppresses_and_one_of_the_message_does_not(bench: Bench) -> None:
    bench.sink.refused = {
        CUSTOMER: UNKNOWN,
        "spam@klant.example": "550 5.7.1 looks like spam",
        "vol@klant.example": "552 5.2.2 mailbox full",
    }
    for recipient in bench.sink.refused:
        bench.submit(recipient)
    bench.notices(len(bench.sink.refused))
    assert [row["address"] for row in bench.relay.json("suppression", "list")] == [CUSTOMER]


@pytest.mark.parametrize(
    ("recipient", "status", "said"),
    [
        (CUSTOMER, "5.7.1", "550 5.7.1 policy"),
        (CUSTOMER, "5.2.2", "552 5.2.2 full"),
        ("x@elders.example", "5.1.1", UNKNOWN),
    ],
)
def test_bounces_that_suppress_nobody(bench: Bench, recipient: str, status: str, said: str) -> None:
    """What was said of the message, a full mailbox, and an address that ours was only passed on to."""
    bench.submit(CUSTOMER)
    assert bench.report(bench.reverse_path(CUSTOMER), dsn(recipient, "failed", status, said))[0] == 250
    bench.notices(1)
    assert bench.relay.json("suppression", "list") == []


def test_a_complaint_suppresses_for_its_tenant_until_removed(bench: Bench) -> None:
    bench.submit(CUSTOMER)
    assert bench.report(bench.reverse_path(CUSTOMER), complaint(CUSTOMER), "<fbl@provider.example>")[0] == 250
    (row,) = bench.relay.json("suppression", "list", "--tenant", "Bakker B.V.")
    assert (row["reason"], row["until"], row["tenant_name"]) == ("complaint", None, "Bakker B.V.")
    with pytest.raises(smtplib.SMTPDataError, match=r"5\.7\.1 De ontvanger"):
        bench.submit(CUSTOMER)
    assert [row["to"] for row in bench.state("delivered")] == [CUSTOMER]  # it did arrive
    other = bench.relay.add_tenant("Jansen", "info@jansen.example")["login"]
    with bench.relay.client(other) as client:
        client.sendmail("info@jansen.example", [CUSTOMER], f"From: info@jansen.example\r\nTo: {CUSTOMER}\r\n\r\nx\r\n")


def test_a_delay_is_kept_and_an_arrival_told_to_who_asked(bench: Bench) -> None:
    bench.submit(CUSTOMER)
    path = bench.reverse_path(CUSTOMER)
    assert bench.report(path, dsn(CUSTOMER, "delayed", "4.4.1", "connection timed out"))[0] == 250
    assert bench.report(path, dsn(CUSTOMER, "delivered", "2.0.0", "250 2.0.0 ok"))[0] == 250
    assert [row["to"] for row in bench.state("delivered")] == [CUSTOMER]
    bench.submit("graag@klant.example", options=("NOTIFY=NEVER",))
    path = bench.reverse_path("graag@klant.example")
    assert bench.report(path, dsn("graag@klant.example"))[0] == 250
    bench.until(lambda: len(bench.state("failed")) == 1)
    assert bench.sink.to(AUTHOR) == []  # nobody wanted to know


def test_only_what_we_wrote_ourselves_is_an_address_here(bench: Bench) -> None:
    bench.submit(CUSTOMER)
    local, _, domain = bench.reverse_path(CUSTOMER).partition("@")
    altered = ("a" if local[20] != "a" else "b").join((local[:20], local[21:]))
    client = bench.inbound()
    client.docmd("MAIL", "FROM:<>")
    for recipient, code in {
        f"{altered}@{domain}": b"5.1.1",
        f"{local[:-1]}@{domain}": b"5.1.1",
        f"bounce@{domain}": b"5.1.1",
        f"{local}@elders.example": b"5.7.1",
        f"{local}@customers.platform.example": b"5.1.1",
        AUTHOR: b"5.7.1",
        f"postmaster@{domain}": b"5.1.1",  # nobody is configured who would read it
    }.items():
        said = client.docmd("RCPT", f"TO:<{recipient}>")
        assert (said[0], said[1][:5]) == (550, code), recipient
    assert client.docmd("DATA")[0] == 503
    assert bench.state("failed") == []


def test_the_listener_offers_tls_and_no_logins(bench: Bench) -> None:
    client = bench.inbound()
    assert client.has_extn("starttls")
    assert not client.has_extn("auth")
    assert not client.has_extn("dsn")
    assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 502
    assert client.docmd("MAIL", "FROM:<info@bakker.example>")[0] == 250


def test_postmaster_is_passed_on_to_whoever_is_configured(relay, sink, until) -> None:
    text = relay.config.read_text().replace('tls = "starttls"', BOUNCES)
    relay.config.write_text(text.replace("[platform]", '[platform]\npostmaster = "beheer@platform.example"'))
    relay.start()
    bench = Bench(relay, sink, None, until)
    mail = b"From: Piet <piet@provider.example>\r\nSubject: uw mail\r\n\r\nkijk eens\r\n"
    for recipient in ("postmaster", "Abuse@bounce.platform.example", "postmaster@customers.platform.example"):
        assert bench.report(recipient, mail, "<piet@provider.example>")[0] == 250
    passed = sink.wait_for("beheer@platform.example", 3)
    assert all(b"Reply-To:" in each and b"piet@provider.example" in each and b"kijk eens" in each for each in passed)

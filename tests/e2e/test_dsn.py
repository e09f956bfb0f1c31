"""What clients want to be told (RFC 3461): passed on to servers that know how, told by us where they do not."""

from __future__ import annotations

import email
import socketserver
import threading
import time
from email import policy

import pytest

AUTHOR = "info@bakker.example"


def submit(relay, login, recipient: str, rcpt: list[str], mail: list[str] | None = None) -> None:
    with relay.client(login) as client:
        message = f"From: {AUTHOR}\r\nTo: {recipient}\r\nSubject: Factuur 12\r\n\r\nde inhoud\r\n"
        client.sendmail(AUTHOR, [recipient], message, mail_options=mail or [], rcpt_options=rcpt)


@pytest.fixture
def started(relay):
    login = relay.add_tenant()["login"]
    relay.start()
    return relay, login


def report(content: bytes):
    """The fields of the machine-readable part, a group each, and the text for people."""
    parsed = email.message_from_bytes(content, policy=policy.default)
    assert parsed.get_content_type() == "multipart/report"
    status = next(part for part in parsed.walk() if part.get_content_type() == "message/delivery-status")
    return [dict(group.items()) for group in status.get_payload()], parsed.get_body(("plain",)).get_content()


@pytest.mark.parametrize(("ret", "returned"), [("HDRS", "text/rfc822-headers"), ("FULL", "message/rfc822")])
def test_a_failure_is_reported_under_the_names_that_the_client_gave(started, sink, ret, returned) -> None:
    relay, login = started
    sink.refused["weg@klant.example"] = "550 5.1.1 no such user"
    options = ["NOTIFY=FAILURE", "ORCPT=rfc822;oud+2Bweg@klant.example"]
    submit(relay, login, "weg@klant.example", options, [f"RET={ret}", "ENVID=factuur+2B12"])
    [notice] = sink.wait_for(AUTHOR)
    assert returned.encode() in notice
    assert (b"\r\n\r\nde inhoud\r\n" in notice) == (ret == "FULL")
    message, recipient = report(notice)[0]
    assert message["Original-Envelope-Id"] == "factuur+12"
    assert recipient["Original-Recipient"] == "rfc822; oud+weg@klant.example"
    assert (recipient["Final-Recipient"], recipient["Action"]) == ("rfc822; weg@klant.example", "failed")


@pytest.mark.parametrize("notify", ["NEVER", "SUCCESS", "DELAY"])
def test_no_failure_is_reported_to_who_wants_none(started, sink, notify) -> None:
    relay, login = started
    sink.refused["weg@klant.example"] = "550 5.1.1 no such user"
    submit(relay, login, "weg@klant.example", [f"NOTIFY={notify}"])
    submit(relay, login, "er@klant.example", [])
    sink.wait_for("er@klant.example")
    for _ in range(100):
        if relay.json("queue", "list", "--state", "failed"):
            break
        time.sleep(0.05)
    time.sleep(0.3)
    assert sink.to(AUTHOR) == []


def test_an_arrival_is_reported_where_the_next_server_will_not(started, sink) -> None:
    relay, login = started
    submit(relay, login, "klant@klant.example", ["NOTIFY=SUCCESS,FAILURE"])
    [notice] = sink.wait_for(AUTHOR)
    (_, recipient), text = report(notice)
    assert (recipient["Action"], recipient["Status"]) == ("relayed", "2.0.0")
    assert "heeft het aangenomen" in text
    assert b"Afgeleverd: Factuur 12" in notice


class KnowsDsn(socketserver.StreamRequestHandler):
    """A next hop that announces DSN, takes everything, and remembers the commands."""

    def handle(self) -> None:
        self.wfile.write(b"220 sink ready\r\n")
        while line := self.rfile.readline().decode().strip():
            self.server.asked.append(line)
            verb = line.split()[0].upper()
            said = {"EHLO": "250-sink\r\n250 DSN", "DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 2.0.0 ok")
            self.wfile.write(f"{said}\r\n".encode())
            if verb == "DATA":
                while self.rfile.readline() != b".\r\n":
                    pass
                self.wfile.write(b"250 2.0.0 taken\r\n")


@pytest.fixture
def dsn_sink():
    """Its port, and what it was asked."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), KnowsDsn) as server:
        server.daemon_threads = True
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], server.asked
        server.shutdown()


def test_a_server_that_knows_dsn_is_asked_to_report_itself(relay, sink, dsn_sink) -> None:
    port, asked = dsn_sink
    relay.config.write_text(relay.config.read_text().replace(f"127.0.0.1:{sink.port}", f"127.0.0.1:{port}"))
    login = relay.add_tenant()["login"]
    relay.start()
    options = ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;k@klant.example"]
    submit(relay, login, "klant@klant.example", options, ["RET=FULL", "ENVID=x+2B1"])
    for _ in range(100):
        if relay.json("queue", "list", "--state", "delivered"):
            break
        time.sleep(0.05)
    assert f"RCPT TO:<klant@klant.example> {' '.join(options)}" in asked
    [mail] = [line for line in asked if line.startswith("MAIL")]
    assert mail.endswith(" RET=FULL ENVID=x+2B1")
    assert [row["to"] for row in relay.json("queue", "list", "--state", "delivered")] == ["klant@klant.example"]

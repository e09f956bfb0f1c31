"""H09: odd bodies pass octet for octet, from the app's socket to the receiving server; a NUL passes nowhere."""

from __future__ import annotations

import smtplib

import pytest

HEADER = b"From: info@bakker.example\r\nTo: a@customer.example\r\nSubject: odd\r\n"
BODIES = {
    "empty": b"",
    "an empty line": b"\r\n",
    "dots": b".\r\n..\r\n. \r\n.x\r\n",
    "UTF-8 with its mark first": "\ufeffcafé \u2028 \U0001f600\r\n".encode(),
    "windows-1252": bytes(range(0x80, 0x100)) + b"\r\n",
    "controls": bytes(octet for octet in range(1, 0x20) if octet not in b"\r\n") + b"\x7f\r\n",
    "end of file of another system": b"before\x1a\r\nafter\x1a\x04\r\n",
    "a line of a mailbox file": b"From info@bakker.example Tue Nov 24 08:00:00 2026\r\n>From x\r\n",
    "header fields": b"From: ceo@bank.example\r\nBcc: v@x.example\r\n\r\n\r\nTo: y\r\n",
    "commands": b"QUIT\r\nRSET\r\nMAIL FROM:<x@y.example>\r\nDATA\r\n",
    "white space at the ends": b" \t\r\nx \t \r\n\t\r\n   \r\n",
    "a MIME part that never ends": b"--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" * 100,
    "lines of 998": (b"x" * 998 + b"\r\n") * 5,
}
REFUSED = {
    "NUL": b"a\0b\r\n",
    "UTF-16": "a\r\n".encode("utf-16-le") + b"\r\n",
    "CR NUL LF": b"a\r\0\nb\r\n",
    "a bare CR": b"a\rb\r\n",
}


@pytest.fixture
def client(relay):
    login = relay.add_tenant()["login"]
    relay.start()
    with relay.client(login) as signed_in:
        yield signed_in


def submit(client: smtplib.SMTP, recipient: str, body: bytes) -> tuple[int, bytes]:
    """The reply to a message whose octets nobody touches on the way: not by the library, which repairs line ends."""
    client.mail("info@bakker.example", ["BODY=8BITMIME"])
    client.rcpt(recipient)
    assert client.docmd("DATA")[0] == 354
    client.send((HEADER + b"\r\n" + body).replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return client.getreply()


def test_every_body_arrives_as_it_left(client, sink) -> None:
    for number, body in enumerate(BODIES.values()):
        assert submit(client, f"b{number}@customer.example", body)[0] == 250
    for number, (name, body) in enumerate(BODIES.items()):
        (content,) = sink.wait_for(f"b{number}@customer.example")
        assert content.partition(b"\r\n\r\n")[2] == body, name


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_programs_is_refused(client, sink, name: str) -> None:
    code, text = submit(client, "a@customer.example", REFUSED[name])
    assert code == 550
    assert text.startswith(b"5.6.")
    assert client.noop()[0] == 250  # still in step

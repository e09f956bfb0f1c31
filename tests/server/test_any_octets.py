"""P11: any octets in any state are answered in words, and never by a defect."""

from __future__ import annotations

import re
import socket
from base64 import b64encode
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECRET = b64encode(b"\0app\0s3cret")
DIALOGUE = [
    b"EHLO app.example",
    b"AUTH PLAIN " + SECRET,
    b"MAIL FROM:<info@bakker.example>",
    b"RCPT TO:<klant@example.nl>",
    b"DATA",
]
WORDS = st.sampled_from(
    [
        *(b"EHLO x", b"HELO x", b"MAIL FROM:", b"RCPT TO:", b"DATA", b"RSET", b"NOOP", b"AUTH PLAIN", b"AUTH LOGIN"),
        *(b"VRFY a", b"HELP", b"STARTTLS", b"<a@b.example>", b"<>", b"<a@[1]>", b" SIZE=1", b" SMTPUTF8", b" RET=FULL"),
        *(b" NOTIFY=NEVER", b" ORCPT=rfc822;a", b" BODY=8BITMIME", SECRET, b"=", b"*", b"\r\n", b"\r\n.\r\n", b"\n"),
        *(b"\r", b"\0", b"\x1b", b"\xc3\xa9", b"\xff", b"%s{}\\", b"." * 3, b"x" * 600, b"A: b"),
    ]
)
OCTETS = st.lists(st.one_of(WORDS, st.just(b"\r\n"), st.binary(max_size=8)), max_size=12).map(b"".join)
REPLY = re.compile(r"[2345][0-9]{2}[ -][ -~]*")


@given(st.integers(0, len(DIALOGUE)), OCTETS)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_octets_are_answered_in_words_and_never_by_a_defect(served, begun: int, octets: bytes) -> None:
    client = served.connect()
    client.reply()
    for line in DIALOGUE[:begun]:
        client.command(line)
    with suppress(ConnectionError):  # another protocol's first line
        client.send(octets + b"\r\n.\r\nQUIT\r\n")
        client.sock.shutdown(socket.SHUT_WR)
        while line := client.line():
            assert REPLY.fullmatch(line), line
            assert not line.startswith("451"), line
    client.close()


@pytest.fixture
def served(serve):
    """A listener with patience, for many connections."""
    return serve(errors=1000, message_size=10_000)

"""Our own mails, read back by the stdlib's reader (an oracle: it never writes here)."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.mail.compose import Part, compose, crlf, multipart, octets_part, text_part
from relay.mail.message import Field, Message


def octets(message: Message) -> bytes:
    return message.header + b"\r\n" + b"".join(message.body.chunks())


def read(message: Message):
    return email.message_from_bytes(octets(message), policy=email.policy.default)


def is_fit_for_transport(raw: bytes) -> bool:
    lines = raw.split(b"\r\n")
    return raw.isascii() and all(len(line) <= 78 and b"\r" not in line and b"\n" not in line for line in lines)


TEXTS = st.lists(
    st.sampled_from(
        ["Factuur", " ", "é", "=", "\t", ".", "\n", "\r\n", "\r", "€" * 90, "x" * 100, "--", "From ", "\0"]
    ),
    max_size=20,
).map("".join)


@given(TEXTS | st.text())
@settings(max_examples=300, deadline=None)
def test_any_text_comes_back(text):
    message = compose([], text_part("plain", text))
    assert is_fit_for_transport(octets(message))
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert crlf(read(message).get_payload(decode=True)) == crlf(expected.encode("utf-8", "replace"))


def test_short_ascii_text_stays_readable():
    part = text_part("plain", "Dear customer,\n\nyour invoice = attached.\n")
    assert part.body == b"Dear customer,\r\n\r\nyour invoice = attached.\r\n"
    assert b"7bit" in part.octets


def test_long_or_non_ascii_text_is_quoted_printable():
    for text in ("Überweisung\n", "x" * 79 + "\n"):
        assert b"Content-Transfer-Encoding: quoted-printable\r\n" in text_part("plain", text).octets


def test_parts_are_nested_and_keep_their_order():
    alternative = multipart("alternative", [text_part("plain", "één"), text_part("html", "<p>één</p>")], seed="a")
    report = multipart("report; report-type=delivery-status", [alternative, text_part("plain", "two")], seed="b")
    message = read(compose([Field.make("Subject", "Test")], report))
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/report",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/plain",
    ]
    assert message["MIME-Version"] == "1.0"
    assert message.get_param("report-type") == "delivery-status"
    assert message.get_body(("plain",)).get_content() == "één"
    assert not [part.defects for part in message.walk() if part.defects]


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_boundary_never_occurs_in_a_part(rounds):
    taken: list[bytes] = []
    for _ in range(rounds):
        hostile = octets_part("text/plain", b"".join(b"--" + boundary + b"--\r\n" for boundary in taken))
        whole = multipart("mixed", [hostile], seed="s")
        boundary = whole.octets.partition(b'boundary="')[2].partition(b'"')[0]
        assert boundary not in taken
        taken.append(boundary)
        assert len(list(read(compose([], whole)).iter_parts())) == 1


def test_the_same_seed_gives_the_same_message():
    parts = [text_part("plain", "x")]
    assert multipart("mixed", parts, seed="a") == multipart("mixed", parts, seed="a")
    assert multipart("mixed", parts, seed="a") != multipart("mixed", parts, seed="b")


def test_a_part_prints_its_fields_and_its_body():
    assert (
        Part((Field.make("Content-Type", "text/plain"),), b"x\r\n").octets == b"Content-Type: text/plain\r\n\r\nx\r\n"
    )

"""Bytes survive: parsing loses nothing, and an edit leaves every other byte alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.message import BytesBody, Field, Message, MessageError, split_fields

NAMES = st.from_regex(r"[!-9;-~]{1,12}", fullmatch=True).map(str.encode)
TEXTS = st.binary(max_size=30).map(lambda octets: octets.translate(None, b"\r\n\0"))
FOLDS = st.sampled_from([b"\r\n ", b"\r\n\t", b" ", b""])
VALUES = st.lists(st.tuples(FOLDS, TEXTS), max_size=4).map(lambda parts: b"".join(b"".join(part) for part in parts))
FIELDS = st.builds(
    lambda name, gap, value: name + gap + b":" + value + b"\r\n", NAMES, st.sampled_from([b"", b" "]), VALUES
)
HEADERS = st.lists(FIELDS, max_size=8).map(b"".join)


@given(HEADERS)
def test_bytes_survive(header: bytes) -> None:
    assert Message.parse(header, BytesBody(b"")).header == header


@given(HEADERS, HEADERS)
def test_replacing_a_field_leaves_every_other_byte_alone(before: bytes, after: bytes) -> None:
    message = Message.parse(before + b"X-Marked: old\r\n fold\r\n" + after, BytesBody(b"b"))
    expected = [field.raw for field in message.fields if field.key != "x-marked"]
    place = next(number for number, field in enumerate(message.fields) if field.key == "x-marked")
    edited = message.put(Field.make("X-Marked", "new"))
    assert edited.fields[place].raw == b"X-Marked: new\r\n"
    assert [field.raw for field in edited.fields if field.key != "x-marked"] == expected
    assert edited.body is message.body


@given(st.binary(max_size=200))
def test_any_octets_give_fields_or_a_message_error(octets: bytes) -> None:
    try:
        fields = split_fields(octets)
    except MessageError:
        return
    assert (octets + b"\r\n").startswith(b"".join(field.raw for field in fields))


@pytest.mark.parametrize(
    ("header", "topic"),
    [
        (b"From: a\0b\r\n", "header.control"),
        (b"From: a\rb\r\n", "header.control"),
        (b"From: a\nTo: b\r\n", "header.control"),
        (b"From: a\r\r\n", "header.control"),
        (b" folded\r\nFrom: a\r\n", "header.continuation"),
        (b"\tfolded\r\nFrom: a\r\n", "header.continuation"),
        (b"From: a\r\nno colon here\r\n", "header.no_colon"),
        (b"From a@b Tue Nov 24 08:00:00 2026\r\nFrom: a\r\n", "header.no_colon"),
        (b": nameless\r\n", "header.no_colon"),
        (b"\xef\xbb\xbfFrom: a\r\n", "header.no_colon"),
        (b"Fr\x7fom: a\r\n", "header.no_colon"),
    ],
)
def test_what_no_header_may_hold(header: bytes, topic: str) -> None:
    with pytest.raises(MessageError) as caught:
        split_fields(header)
    assert caught.value.topic == topic
    assert (caught.value.refusal.code, caught.value.refusal.enhanced) == (550, "5.6.0")


def test_an_offending_line_is_quoted_escaped_and_at_most_80_characters_long() -> None:
    with pytest.raises(MessageError) as caught:
        split_fields(b"From: a\r\nB\xe9 {x} \x1b" + b"y" * 500)
    sample = caught.value.refusal.params["sample"]
    assert sample.startswith("B\\xe9 {x} \\x1b")
    assert len(sample) <= 80


def test_the_empty_line_ends_the_header() -> None:
    assert [field.key for field in split_fields(b"A: 1\r\n\r\nB: 2\r\n")] == ["a"]
    assert split_fields(b"\r\nA: 1\r\n") == []
    assert split_fields(b"") == []


def test_names_are_read_without_the_obsolete_space_and_kept_with_it() -> None:
    message = Message.parse(b"From : a\r\nSUBJECT:b\r\n", BytesBody(b""))
    assert [field.key for field in message.fields] == ["from", "subject"]
    assert [field.name for field in message.fields] == ["From", "SUBJECT"]
    assert message.header == b"From : a\r\nSUBJECT:b\r\n"


def test_a_value_is_unfolded() -> None:
    assert split_fields(b"Subject:  one\r\n two\r\n\tthree \r\n")[0].value == b"one two\tthree"


@pytest.mark.parametrize(
    "header",
    [
        b"X: a" + b"\r\n b" * 300_000 + b"\r\n",
        b"X: a\r\n" + b" \r\n" * 300_000,
        b"x: y\r\n" * 10_000,
        b"X: " + b"y" * 10_000_000 + b"\r\n",
        b"x" * 1_000_000,
    ],
    ids=["300k folds", "300k blank folds", "10k fields", "10 MB field", "no colon"],
)
def test_time_is_linear(header: bytes) -> None:
    began = time.process_time()
    try:
        fields = split_fields(header)
        assert b"".join(field.raw for field in fields) == header
    except MessageError:
        assert b":" not in header
    assert time.process_time() - began < 0.5

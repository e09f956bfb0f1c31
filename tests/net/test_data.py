"""Dot-stuffing, wherever the chunks are cut."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.net.data import DotStuffer

LINES = st.lists(st.sampled_from([b".", b"..", b"\r\n", b"\r", b"\n", b"a", b"\r\n.", b"\0", b"\xff"]), max_size=30)


def on_the_wire(body: bytes, cuts: list[int]) -> bytes:
    stuffer = DotStuffer()
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    pieces = [stuffer.feed(body[a:b]) for a, b in itertools.pairwise(edges)]
    return b"".join(pieces) + stuffer.finish()


def received(wire: bytes) -> bytes:
    """A receiver by the book: line by line, until the one that is a single dot; nothing may follow it."""
    lines = wire.split(b"\r\n")
    end = lines.index(b".")
    assert lines[end + 1 :] == [b""], "something follows the end of data"
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:end])


def canonical(body: bytes) -> bytes:
    body = re.sub(rb"\r\n|\r|\n", b"\r\n", body)
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"


@given(LINES.map(b"".join), st.lists(st.integers(0, 100), max_size=6))
def test_what_arrives_is_what_was_stored(body, cuts):
    wire = on_the_wire(body, cuts)
    assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
    assert received(wire) == canonical(body)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_any_octets(body, cuts):
    assert received(on_the_wire(body, cuts)) == canonical(body)


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (b"", b".\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
    ],
)
def test_the_plain_cases(body, wire):
    assert on_the_wire(body, []) == wire

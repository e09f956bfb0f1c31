"""From octets on the wire to a message: any cut gives the same, nothing is kept beyond its limit, nothing is slow."""

from __future__ import annotations

import errno
import os
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.locales import catalog
from relay.mail.reply import Refusal
from relay.server.data import FAULTS, Content, DataReader
from relay.server.smtp_contract import ListenerSettings
from relay.server.spool import CHUNK, BodySink

HEAD = b"Subject: x\r\n\r\n"
SMALL = ListenerSettings("relay.example", message_size=10_000, header_size=200, header_fields=5, header_line=60)


def read(wire: bytes, limits: ListenerSettings = SMALL, cuts: tuple[int, ...] = ()) -> tuple[object, bytes]:
    """What comes of ``wire`` when it arrives cut at ``cuts``, in a form that compares; and what follows the end."""
    reader = DataReader(limits)
    places = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    for start, end in pairwise(places):
        rest = reader.feed(wire[start:end])
        if rest is not None:
            return result(reader), rest + wire[end:]
    raise AssertionError("the message did not end")


def result(reader: DataReader) -> object:
    found = reader.content()
    if isinstance(found, Refusal):
        return found.code, found.enhanced, found.topic
    return found.header, b"".join(found.body.chunks()), found.eightbit


def oracle(wire: bytes) -> tuple[bytes, bytes]:
    """The same by lines, as RFC 5321 4.5.2 tells it; only for what holds no bare CR or LF."""
    lines, message = wire.split(b"\r\n"), b""
    for number, line in enumerate(lines):
        if line == b".":
            return message, b"\r\n".join(lines[number + 1 :])
        message += line.removeprefix(b".") + b"\r\n"
    raise AssertionError("no end")


@pytest.mark.parametrize(
    ("wire", "header", "body"),
    [
        (b".\r\n", b"", b""),
        (b"\r\n.\r\n", b"", b""),
        (b"A: b\r\n.\r\n", b"A: b\r\n", b""),
        (b"A: b\r\n\r\n.\r\n", b"A: b\r\n", b""),
        (b"A: b\r\n\r\nhello\r\n.\r\n", b"A: b\r\n", b"hello\r\n"),
        (b"\r\nhello\r\n\r\nyou\r\n.\r\n", b"", b"hello\r\n\r\nyou\r\n"),
        (b"..A: b\r\n\r\n..\r\n...\r\n.x\r\n.\r\n", b".A: b\r\n", b".\r\n..\r\nx\r\n"),
        (b"A: b\n\nhello\nyou\r\n.\r\n", b"A: b\r\n", b"hello\r\nyou\r\n"),
        (b"A: b\n\n.\n.\r\nyou\r\n.\r\n", b"A: b\r\n", b".\r\n.\r\nyou\r\n"),
        (b"A: b\r\n\r\n\r\n\r\n.\r\n", b"A: b\r\n", b"\r\n\r\n"),
    ],
)
def test_a_message_is_split_and_unstuffed(wire: bytes, header: bytes, body: bytes) -> None:
    assert read(wire + b"NOOP\r\n") == ((header, body, False), b"NOOP\r\n")


@pytest.mark.parametrize(
    ("wire", "refusal"),
    [
        (HEAD + b"a\rb\r\n.\r\n", (550, "5.6.11", "message.bare_cr")),
        (b"A: a\rb\r\n\r\n\r\n.\r\n", (550, "5.6.11", "message.bare_cr")),
        (HEAD + b"a\r\r\n.\r\n", (550, "5.6.11", "message.bare_cr")),
        (HEAD + b"\0\r\n.\r\n", (550, "5.6.0", "message.nul")),
        (HEAD + b"a\rb\0\r\n.\r\n", (550, "5.6.0", "message.nul")),
        (HEAD + b"x" * 10_000 + b"\r\n.\r\n", (552, "5.3.4", "message.too_large")),
        (b"A: " + b"x" * 70 + b"\r\n\r\n.\r\n", (550, "5.6.0", "header.line_too_long")),
        (b"A: b\r\n" * 6 + b"\r\n.\r\n", (550, "5.6.0", "header.too_many")),
        (b"A: b\r\n" * 50 + b"\r\n.\r\n", (550, "5.6.0", "header.too_large")),
        (b"A: b\r\n" * 50 + b".\r\n", (550, "5.6.0", "header.too_large")),
    ],
)
def test_what_must_not_be_is_refused_after_the_end(wire: bytes, refusal: tuple[int, str, str]) -> None:
    assert read(wire + b"NOOP\r\n") == (refusal, b"NOOP\r\n")


def test_limits_are_reached_exactly() -> None:
    assert read(HEAD + b"x" * (10_000 - len(HEAD) - 2) + b"\r\n.\r\n")[0][2] is False
    assert read(HEAD + b"x" * (10_000 - len(HEAD) - 1) + b"\r\n.\r\n")[0] == (552, "5.3.4", "message.too_large")
    assert read(b"A: " + b"x" * 57 + b"\r\n\r\n.\r\n")[0][1] == b""
    assert read(b"A: b\r\n" * 5 + b" c\r\n" * 5 + b"\r\n.\r\n")[0][1] == b""
    assert read(b"A: b\r\n" + b" cde\r\n" * 32 + b"12\r\n\r\n.\r\n")[0] == (550, "5.6.0", "header.too_large")


def test_bare_lf_is_refused_where_the_listener_says_so() -> None:
    strict = ListenerSettings("relay.example", bare_newline="reject")
    assert read(HEAD + b"a\nb\r\n.\r\n", strict)[0] == (550, "5.6.11", "message.bare_lf")
    assert read(HEAD + b"a\r\nb\r\n.\r\n", strict)[0] == (b"Subject: x\r\n", b"a\r\nb\r\n", False)


def test_octets_above_127_are_noticed() -> None:
    assert read(HEAD + "é\r\n.\r\n".encode())[0] == (b"Subject: x\r\n", "é\r\n".encode(), True)


PIECES = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b":", b"\0", b"\xe9", b"\r\n.", b"\r\n\r\n", b"x" * 70]),
    max_size=30,
).map(b"".join)


@given(PIECES, st.lists(st.integers(0, 10_000), max_size=20).map(tuple))
@settings(max_examples=500, deadline=None)
def test_it_does_not_matter_how_a_message_is_cut(wire: bytes, cuts: tuple[int, ...]) -> None:
    whole = wire + b"\r\n.\r\nQUIT\r\n"
    one_by_one = tuple(range(len(whole)))
    assert read(whole, cuts=cuts) == read(whole) == read(whole, cuts=one_by_one)


LINES = st.lists(st.binary(max_size=20).map(lambda line: line.translate(None, b"\r\n\0")), max_size=20)


@given(LINES, st.integers(0, 500))
@settings(max_examples=300, deadline=None)
def test_it_reads_what_a_reader_of_lines_would(lines: list[bytes], cut: int) -> None:
    wire = b"A: b\r\n\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\nrest"
    (header, body, _), rest = read(wire, cuts=(cut,))
    assert (header + b"\r\n" + body, rest) == oracle(wire)


@pytest.mark.parametrize(
    "unit", [b"\r\n", b"\n", b"..\r\n", b"\r\n..", b"\r", b"x", b"x: y\r\n", b"\r\n.\r", b"\0"], ids=repr
)
def test_no_stream_is_slow_or_grows_memory(unit: bytes, tmp_path: Path) -> None:
    """25 MB of the worst that can be thought of: under a second, and memory within a few blocks of 64 kB."""
    reader = DataReader(ListenerSettings("relay.example", message_size=60_000_000, spool_directory=str(tmp_path)))
    block = unit * (65_536 // len(unit))
    reader.feed(b"A: b\r\n\r\n")
    tracemalloc.start()
    began = time.perf_counter()
    for _ in range(25_000_000 // len(block)):
        assert reader.feed(block) is None
    rest = reader.feed(b"x\r\n.\r\n")
    took = time.perf_counter() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rest == b""
    assert peak < 1_500_000
    assert took < 4.0  # traced; a loop over lines takes ten times as long


def test_a_header_without_end_is_not_kept() -> None:
    reader = DataReader(ListenerSettings("relay.example"))
    for _ in range(100):
        reader.feed(b"x: y\r\n" * 10_000)
    assert len(reader.header) == 0
    assert reader.feed(b"\r\n.\r\n") == b""
    assert result(reader) == (550, "5.6.0", "header.too_large")


def test_a_large_body_waits_in_a_file_without_a_name(tmp_path: Path) -> None:
    reader = DataReader(ListenerSettings("relay.example", spool_directory=str(tmp_path)))
    octets = os.urandom(70_000).translate(None, b"\r\n.\0")[:60_000]
    body = (octets + b"\r\n") * 11
    assert reader.feed(HEAD + body + b".\r\n") == b""
    found = reader.content()
    assert isinstance(found, Content)
    assert list(tmp_path.iterdir()) == []
    for _ in range(2):  # as often as it is asked for
        chunks = list(found.body.chunks())
        assert max(len(chunk) for chunk in chunks) == CHUNK
        assert b"".join(chunks) == body
    assert found.body.size == len(body)
    descriptor = found.body.file.fileno()
    del found, reader
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_file_that_lost_its_end_is_not_passed_on(tmp_path: Path) -> None:
    sink = BodySink(str(tmp_path), 0)
    sink.write(b"x" * 1000)
    body = sink.body()
    os.ftruncate(body.file.fileno(), 500)
    with pytest.raises(OSError, match="ends at 500 instead of 1000"):
        list(body.chunks())


def test_a_full_disk_is_temporary_and_the_reader_stays_in_step() -> None:
    reader = DataReader(ListenerSettings("relay.example", memory_size=10))
    reader.sink.file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    for _ in range(3):
        assert reader.feed(HEAD + b"x\r\n" * 30_000) is None
    assert reader.feed(b"\r\n.\r\nNOOP\r\n") == b"NOOP\r\n"
    assert result(reader) == (452, "4.3.1", "message.disk_full")


def test_a_broken_disk_is_not_hidden(tmp_path: Path) -> None:
    reader = DataReader(ListenerSettings("relay.example", memory_size=10, spool_directory=str(tmp_path / "nowhere")))
    assert reader.feed(HEAD + b"x" * 100 + b"\r\n.\r\nNOOP\r\n") == b"NOOP\r\n"
    with pytest.raises(FileNotFoundError) as caught:
        reader.content()
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize("language", ["en", "nl", "de", "fr"])
def test_every_fault_has_a_sentence_that_knows_what_it_is_given(language: str) -> None:
    sentences = catalog(language).sentences
    reader = DataReader(SMALL)
    for topic in FAULTS:
        sentence = sentences[f"reply.{topic}"]
        wanted = {field for _, field, _, _ in Formatter().parse(sentence) if field}
        assert wanted == set(reader.params(topic)), topic
        assert sentence.isascii()

"""Replies of remote servers, good and bad."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.net.reply import RemoteReply, read_reply
from relay.net.wire import Broken, Wire


async def read(octets: bytes) -> RemoteReply:
    wire = Wire()
    wire.data_received(octets)
    wire.eof_received()
    return await read_reply(wire)


@pytest.mark.parametrize(
    ("octets", "code", "enhanced", "text"),
    [
        (b"250 ok\r\n", 250, "", "ok"),
        (b"250\r\n", 250, "", ""),
        (b"250 ok\n", 250, "", "ok"),
        (b"250 2.1.5 ok\r\n", 250, "2.1.5", "ok"),
        (b"550-5.7.1 we do\r\n550-5.7.1 not want\r\n550 5.7.1 you\r\n", 550, "5.7.1", "we do not want you"),
        (b"550 4.7.1 classes differ\r\n", 550, "", "classes differ"),
        (b"550 see 5.7.1 there\r\n", 550, "", "see 5.7.1 there"),
        (b"550 a\x1b[31mb\xc3\xa9\r\n", 550, "", "a?[31mb?"),
        (b"550 no\r\r\n", 550, "", "no"),
        (b"554-\r\n554 \r\n", 554, "", ""),
    ],
)
async def test_replies(octets, code, enhanced, text):
    reply = await read(octets)
    assert (reply.code, reply.enhanced, reply.text) == (code, enhanced, text)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"250 cut of",
        b"250-more to come\r\n",
        b"550-five\r\n250 two\r\n",
        b"\r\n",
        b"25 short\r\n",
        b"2500 long\r\n",
        b"150 one\r\n",
        b"650 six\r\n",
        b"250+ok\r\n",
        b"550 no\r250 ok\r\n",  # where does a line begin?
        b"HTTP/1.1 400 Bad Request\r\n",
        b"250-" + b"x" * 70_000,
        b"250-x\r\n" * 101,
    ],
)
async def test_what_is_no_reply(octets):
    with pytest.raises(Broken) as broken:
        await read(octets)
    assert broken.value.enhanced in {"4.4.2", "4.5.0"}


async def test_what_is_kept_is_bounded():
    reply = await read(b"550-" + b"x" * 60_000 + b"\r\n" + b"550 y\r\n")
    assert len(reply.lines[0]) == 2048
    assert len(reply.text) == 1000


@given(st.binary(max_size=300))
def test_never_anything_else_than_a_reply_or_broken(octets):
    import asyncio

    async def attempt() -> None:
        try:
            reply = await read(octets)
        except Broken:
            return
        assert 200 <= reply.code <= 599
        assert reply.text.isprintable()

    asyncio.run(attempt())

"""P03: whatever lies in the queue, on the wire it is one message with whole line ends, and its signatures verify."""

from __future__ import annotations

import re
from itertools import product

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.mail.delivery import Delivered
from relay.mail.message import BytesBody, Message
from relay.mail.sign import BodyHash, SigningKey, key_record, sign
from relay.net.smtp import open_session

HEADER = b"From: a@b.example\r\nSubject: hi\r\n.dot: at the start of a line\r\n"
LINE_ENDS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r"]
BODIES = [
    *(b"one" + a + b"." + b + b"two\r\n" for a, b in product([*LINE_ENDS, b"\r\n\0"], [*LINE_ENDS, b"\0\r\n"])),
    *(
        b".",
        b".\r\n",
        b"..",
        b"",
        b"no line end",
        b"\r\n",
        b"\r\n.\r\n",
        b"x\r\n..\r\n.\r\n",
        b"x\r\n.\r\ny\r\n\r\n\r\n",
    ),
]
PIECES = st.lists(
    st.sampled_from([*LINE_ENDS, b".", b"..", b"a", b" ", b"\t", b"\xe9", b"\0", b"\r\n.", b"\r\n.\r\n", b"x" * 90]),
    max_size=30,
).map(b"".join)
KEYS = [
    SigningKey("b.example", "e1", "ed25519-sha256", ed25519.Ed25519PrivateKey.generate()),
    SigningKey("b.example", "r1", "rsa-sha256", rsa.generate_private_key(65537, 2048)),
]
RECORDS = {key.record_name: key_record(key).encode() for key in KEYS}


def stored(body: bytes) -> bytes:
    """A body as the listener stores it."""
    body = re.sub(rb"\r\n|\r|\n", b"\r\n", body)
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"


def signed(body: bytes, keys: list[SigningKey]) -> bytes:
    """The header of a message with that body and its signatures."""
    hashed = BodyHash()
    hashed.update(body)
    return sign(Message.parse(HEADER, BytesBody(body)), keys, body_hash=hashed.digest(), now=1764000000).header


def understood(wire: bytes) -> bytes:
    """What a receiver makes of it, line by line (RFC 5321 4.5.2)."""
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in wire.split(b"\r\n")[:-1])


def published(name: bytes, timeout: int = 5) -> bytes | None:
    return RECORDS.get(name.decode().rstrip("."))


@pytest.fixture
async def wire(remote, client, transaction):
    """Sends a message in a session that stays open; returns what was read up to the only end of data."""
    server = await remote("PIPELINING", "8BITMIME")
    session = await open_session(server.endpoint, client())
    (dialogue,) = server.dialogues

    async def send(header: bytes, body: bytes, chunk: int = 65536) -> bytes:
        commands = len(dialogue.commands)
        (outcome,) = await session.send(transaction(body, header=header, chunk=chunk))
        assert isinstance(outcome, Delivered)
        # an end of data too early would make commands of what follows it, or leave it in the buffer
        assert [line.split()[0] for line in dialogue.commands[commands:]] == ["MAIL", "RCPT", "DATA"]
        (message,) = dialogue.messages
        dialogue.messages.clear()
        dialogue.segments.clear()
        assert message.count(b"\r") == message.count(b"\n") == message.count(b"\r\n")
        return message

    yield send
    await session.quit()


async def test_every_body_as_it_lies_in_the_queue(wire) -> None:
    for body in BODIES:
        header = signed(stored(body), KEYS)
        for chunk in (1, 65536):
            message = understood(await wire(header, body, chunk))
            assert message == header + b"\r\n" + stored(body), body
            assert [dkim.DKIM(message).verify(idx=index, dnsfunc=published) for index in (0, 1)] == [True, True], body


@given(PIECES, st.integers(1, 40))
@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_two_thousand_bodies(wire, body: bytes, chunk: int) -> None:
    header = signed(stored(body), KEYS[:1])
    message = understood(await wire(header, body, chunk))
    assert message == header + b"\r\n" + stored(body)
    assert dkim.DKIM(message).verify(dnsfunc=published)

"""What is kept of what was said: with whom, in order, without secrets and without the message."""

from __future__ import annotations

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.conversation import Said, Side, pack, unpack
from relay.mail.route import TlsMode
from relay.net.client import Credentials, Endpoint
from relay.net.conversation import LONGEST_LINE, MOST_LINES, hear, listening
from relay.net.session import Session
from relay.net.smtp import open_session


def said(conversation) -> list[str]:
    return [f"{line.side.value} {line.text}" for line in conversation.lines()]


async def test_a_refusal_is_heard_from_the_connection_to_the_last_word(remote, client, transaction):
    server = await remote("PIPELINING", "SIZE 5000", RCPT={"ann@customer.example": "550 5.1.1 no such user"})
    with listening() as conversation:
        session = await open_session(server.endpoint, client())
        await session.send(transaction())
        await session.quit()
    lines = said(conversation)
    assert lines[0].startswith(f"* connected to remote.example[127.0.0.1]:{server.port}")
    assert lines[2:6] == ["> EHLO relay.example", "< 250-remote.example", "< 250-PIPELINING", "< 250 SIZE 5000"]
    assert "> RCPT TO:<ann@customer.example>" in lines
    assert "< 550 5.1.1 no such user" in lines
    assert lines[-2] == "> QUIT"
    afters = [line.after for line in conversation.lines()]
    assert afters == sorted(afters)


async def test_of_the_message_there_is_its_size(remote, client, transaction):
    server = await remote(dot="451 4.3.0 not now")
    with listening() as conversation:
        session = await open_session(server.endpoint, client())
        await session.send(transaction(body=b"AUTH secret\r\n" * 200, size=2345))
    lines = said(conversation)
    start = lines.index("> (2,345 octets)")
    assert lines[start : start + 3] == ["> (2,345 octets)", "> .", "< 451 4.3.0 not now"]
    assert "secret" not in "".join(lines)
    session.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2"])
async def test_secrets_are_masked(remote, client, certificate, ca_file, mechanism):
    secrets = ["s3cret pass", "t0ken", "user@bakker.example"]
    script = {"AUTH": "334 VXNlcm5hbWU6" if mechanism == "LOGIN" else "535 5.7.8 no"}
    encoded = [base64.b64encode(each.encode()).decode() for each in secrets]
    script |= {encoded[2].upper(): "334 UGFzc3dvcmQ6", encoded[0].upper(): "535 5.7.8 no"}
    server = await remote(f"AUTH {mechanism}", context=certificate("remote.example"), implicit=True, **script)
    token = secrets[1] if mechanism == "XOAUTH2" else ""
    credentials = Credentials(secrets[2], secrets[0], token)
    with listening() as conversation:
        await open_session(server.endpoint, client(TlsMode.IMPLICIT, ca_file=ca_file, credentials=credentials))
    text = "\n".join(said(conversation))
    assert f"> AUTH {mechanism}" in text
    assert "(masked)" in text
    assert "535 5.7.8 no" in text
    for each in secrets:
        assert each not in text
        assert base64.b64encode(each.encode()).decode().rstrip("=")[:-1] not in text
        assert base64.b64encode(f"\0{secrets[2]}\0{each}".encode()).decode() not in text


async def test_nobody_there_is_heard_too(client, unused_tcp_port):
    with listening() as conversation:
        await open_session(Endpoint("remote.example", "127.0.0.1", unused_tcp_port), client())
    [line] = said(conversation)
    assert line.startswith(f"* remote.example[127.0.0.1]:{unused_tcp_port}: ")


async def test_silence_is_heard(remote, client, transaction, fault):
    server = await remote(MAIL=fault.DROP)
    session = await open_session(server.endpoint, client())
    with listening() as conversation:
        await session.send(transaction())
    assert said(conversation)[-1] == "* connection lost"


async def test_each_attempt_hears_its_own_part_of_a_session(remote, client, transaction):
    server = await remote()

    async def attempt(session: Session | None, to: str) -> tuple[Session, list[str]]:
        with listening() as conversation:
            session = session or await open_session(server.endpoint, client())
            await session.send(transaction(to=(to,)))
        return session, said(conversation)

    session, first = await asyncio.create_task(attempt(None, "ann@customer.example"))
    _, second = await asyncio.create_task(attempt(session, "bob@customer.example"))
    assert "bob" not in "".join(first)
    assert "ann" not in "".join(second)
    assert second[0].startswith("* transaction 2 of a session with remote.example")
    session.close()


def test_memory_is_bounded_and_lines_are_lines():
    with listening() as conversation:
        for number in range(MOST_LINES + 50):
            hear(Side.THEM, f"{number} " + "x\n\x1b" * LONGEST_LINE)
    lines = conversation.lines()
    assert len(lines) == MOST_LINES
    assert lines[-1].text.startswith(f"{MOST_LINES + 49} ")
    assert max(len(line.text) for line in lines) <= LONGEST_LINE
    assert all(line.text.isprintable() for line in lines)


def test_where_nobody_listens_nothing_is_kept():
    hear(Side.US, "NOOP")
    with listening() as conversation:
        pass
    hear(Side.US, "NOOP")
    assert conversation.lines() == ()


LINES = st.builds(
    Said,
    st.integers(0, 10**7).map(lambda each: each / 1000),
    st.sampled_from(Side),
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])),
)


@given(st.lists(LINES))
def test_what_is_packed_comes_back(lines):
    assert unpack(pack(lines)) == tuple(lines)

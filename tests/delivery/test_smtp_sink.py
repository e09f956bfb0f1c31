"""Postfix's smtp-sink as a remote: a real server's ways of refusing, hanging up, waiting and aborting."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path

import pytest

from relay.mail.delivery import Deferred, Delivered, Failed
from relay.net.client import Endpoint, Timeouts
from relay.net.session import Session
from relay.net.smtp import open_session

SINK = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

CASES = [
    ([], Delivered, ""),
    (["-p"], Delivered, ""),  # no PIPELINING
    (["-e"], Delivered, ""),  # HELO only
    (["-P"], Delivered, ""),  # looks like a PIX firewall
    (["-8"], Delivered, ""),
    (["-N"], Delivered, ""),
    *[(["-q", command], Deferred, "4.") for command in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".")],
    *[(["-Q", command], Deferred, "421") for command in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".")],
    *[(["-r", command], Deferred, "450 4.3.0") for command in ("CONNECT", "MAIL", "RCPT", "DATA", ".")],
    *[(["-f", command], Failed, "500 5.3.0") for command in ("CONNECT", "MAIL", "RCPT", "DATA", ".")],
    (["-f", "EHLO"], Delivered, ""),  # takes HELO
    (["-f", "RSET,QUIT"], Delivered, ""),
    (["-q", "QUIT"], Delivered, ""),
    (["-A", "0"], Failed, "550 This violates SMTP"),  # aborts while the message comes
    (["-w", "1"], Deferred, ""),  # longer than we wait here for the answer to DATA
    (["-H", "1"], Deferred, "4.4.2 no answer to the final dot"),  # reads nothing for a while: in doubt
]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
async def smtp_sink(tmp_path: Path):
    """Starts smtp-sink with options; the endpoint, and the messages it was handed."""
    if not SINK:
        pytest.skip("smtp-sink is not here: it comes with Debian's postfix, which .ci/run installs")
    running: list[asyncio.subprocess.Process] = []

    async def start(*options: str) -> Endpoint:
        port = free_port()
        user = ["-u", "root"] if os.getuid() == 0 else []
        command = [SINK, *user, *options, "-D", str(tmp_path / "mail"), f"127.0.0.1:{port}", "10"]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
        running.append(process)
        for _ in range(200):
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            await asyncio.sleep(0.02)
        return Endpoint("sink.example", "127.0.0.1", port)

    yield start
    for process in running:
        process.kill()
        await process.wait()


@pytest.mark.parametrize(
    ("options", "expected", "said"), CASES, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
async def test_what_smtp_sink_does(smtp_sink, client, transaction, tmp_path, options, expected, said):
    endpoint = await smtp_sink(*options)
    async with asyncio.timeout(20):
        session = await open_session(endpoint, client())
        outcome = session
        if isinstance(session, Session):
            (outcome,) = await session.send(transaction(b"one line\r\n.dot\r\n" * 2000))
            await session.quit()
    assert isinstance(outcome, expected), outcome
    answer = str(outcome.answer)
    assert answer.startswith(said), answer
    if expected is Delivered:
        assert (tmp_path / "mail").read_bytes().count(b"one line\n.dot\n") == 2000


@pytest.mark.parametrize("option", ["-w", "-H"])
async def test_with_patience_a_slow_one_gets_its_mail(smtp_sink, client, transaction, tmp_path, option):
    session = await open_session(await smtp_sink(option, "1"), client(timeouts=Timeouts()))
    assert isinstance(session, Session)
    (outcome,) = await session.send(transaction())
    await session.quit()
    assert isinstance(outcome, Delivered)
    assert b"Hello\n" in (tmp_path / "mail").read_bytes()


async def test_many_messages_over_one_connection(smtp_sink, client, transaction, tmp_path):
    session = await open_session(await smtp_sink(), client())
    assert isinstance(session, Session)
    for number in range(50):
        (outcome,) = await session.send(transaction(f"number {number}\r\n".encode()))
        assert isinstance(outcome, Delivered)
    await session.quit()
    mail = (tmp_path / "mail").read_text()
    assert [f"number {number}\n" in mail for number in range(50)] == [True] * 50
    assert mail.count("X-Client-Addr: 127.0.0.1") in {0, 50}

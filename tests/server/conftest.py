"""A listener on loopback with a desk that remembers, and a client of raw octets."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from relay.mail.envelope import Submission
from relay.mail.reply import Reply
from relay.mail.tenant import Tenant
from relay.server.smtp import Listener, ListenerSettings, listen
from relay.server.tls import self_signed_context

TENANT = Tenant("t1", "Bakker B.V.", "info@bakker.example", "nl", 0.0)
QUEUED = Reply(250, "2.0.0", ("queued as 0123456789abcdef",))
PATIENCE = 5.0


@dataclass
class RecordingDesk:
    """Accepts everything from one login; what it does instead is set by a test."""

    submissions: list[Submission] = field(default_factory=list)
    sign_ins: list[tuple[str, str, str]] = field(default_factory=list)
    reply: Reply = QUEUED
    takes_for: float = 0.0
    error: Exception | None = None
    neighbours: tuple[str, ...] = ()
    logins: dict[str, str] = field(default_factory=lambda: {"app": "s3cret", "jörg": "pässwörd"})

    async def sign_in(self, username: str, secret: str, peer: str) -> Tenant | None:
        self.sign_ins.append((username, secret, peer))
        if self.error:
            raise self.error
        return TENANT if self.logins.get(username) == secret else None

    async def neighbour(self, peer: str) -> Tenant | None:
        return TENANT if peer in self.neighbours else None

    async def accept(self, submission: Submission) -> Reply:
        if self.error:
            raise self.error
        await asyncio.sleep(self.takes_for)
        self.submissions.append(submission)
        return self.reply

    def refuse(self, tenant: Tenant, topic: str, code: int = 550, enhanced: str = "5.6.0", **params: str) -> Reply:
        return Reply(code, enhanced, (f"{topic} {' '.join(params.values())}".strip(),))


def content(submission: Submission) -> bytes:
    """A submission as it would lie on disk."""
    return submission.message.header + b"\r\n" + b"".join(submission.message.body.chunks())


class Client:
    """A client that sends exactly what it is told."""

    def __init__(self, port: int, source: str = "127.0.0.1", tls: bool = False) -> None:
        self.sock: socket.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(source, 0))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if tls:
            self.start_tls()

    def start_tls(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def line(self) -> str:
        """One line without its CRLF; an empty text when the server has closed."""
        while b"\r\n" not in self.buffer:
            received = self.sock.recv(65536)
            if not received:
                return ""
            self.buffer += received
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        assert all(32 <= octet < 127 for octet in line), line
        return line.decode("ascii")

    def reply(self) -> str:
        """A whole reply, lines joined by a newline."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def command(self, line: bytes | str) -> str:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def sign_in(self) -> None:
        assert self.command(b"AUTH PLAIN " + b64encode(b"\0app\0s3cret")).startswith("235 2.7.0 ")

    def begin(self) -> Client:
        """Greeting, EHLO and login: ready for MAIL."""
        assert self.reply().startswith("220 ")
        assert self.command("EHLO app.example").startswith("250-")
        self.sign_in()
        return self

    def envelope(self) -> None:
        """MAIL, RCPT and DATA."""
        assert self.command("MAIL FROM:<info@bakker.example>").startswith("250 ")
        assert self.command("RCPT TO:<klant@example.nl>").startswith("250 ")
        assert self.command("DATA").startswith("354 ")

    def submit(self, data: bytes) -> str:
        """The reply to a message; ``data`` is sent as it is, the end included."""
        self.envelope()
        self.send(data)
        return self.reply()

    @property
    def closed(self) -> bool:
        """True when the server has closed, without a further word, while we wait."""
        try:
            return not self.buffer and self.sock.recv(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True

    def close(self) -> None:
        self.sock.close()


class Serving:
    """A listener that runs in another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: ListenerSettings, desk: Any) -> None:
        self.loop = loop
        self.desk = desk
        self.clients: list[Client] = []
        self.settings = settings
        self.listener: Listener = self.call(listen(settings, self.desk))
        self.port = self.listener.port

    def later(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def call(self, work: Any) -> Any:
        return self.later(work).result(PATIENCE)

    def connect(self, source: str = "127.0.0.1", tls: bool = False) -> Client:
        client = Client(self.port, source, tls)
        self.clients.append(client)
        return client

    def begin(self) -> Client:
        """A client that is ready for MAIL; the listener has to allow logins in the clear."""
        return self.connect().begin()

    def eventually(self, condition: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + PATIENCE
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.005)
        return condition()

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.call(self.listener.stop())


def new_loop(kind: str) -> asyncio.AbstractEventLoop:
    if kind == "uvloop":
        return pytest.importorskip("uvloop").new_event_loop()
    return asyncio.new_event_loop()


@pytest.fixture(scope="session", params=["asyncio", "uvloop"])
def server_loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own; both kinds, since they differ under TLS and when connections end."""
    loop = new_loop(request.param)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session")
def server_context() -> ssl.SSLContext:
    return self_signed_context("relay.example")


@pytest.fixture
def serve(
    server_loop: asyncio.AbstractEventLoop, server_context: ssl.SSLContext, tmp_path: Path
) -> Iterator[Callable[..., Serving]]:
    """Start a listener: in the clear unless ``tls`` says otherwise, with any setting of `ListenerSettings`, and a desk
    that accepts everything unless there is another."""
    running: list[Serving] = []

    def start(tls: str = "none", desk: Any = None, **changes: Any) -> Serving:
        usual = {
            "hostname": "relay.example",
            "context": server_context,
            "auth_without_tls": tls == "none",
            "auth_delay": 0.0,
            "stop_for": 1.0,
            "spool_directory": str(tmp_path),
        }
        serving = Serving(server_loop, ListenerSettings(**{**usual, "tls": tls, **changes}), desk or RecordingDesk())
        running.append(serving)
        return serving

    yield start
    for serving in running:
        serving.close()


@pytest.fixture(scope="session")
def content_of() -> Callable[[Submission], bytes]:
    return content

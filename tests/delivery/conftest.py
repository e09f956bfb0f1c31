"""A remote SMTP server that does what a script says and keeps every octet it was sent."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import trustme
import uvloop

from relay.mail.delivery import Delivery, State
from relay.mail.ids import make_id
from relay.mail.route import RouteKind, TlsMode
from relay.net.client import Client, Endpoint, Timeouts
from relay.net.transaction import Transaction
from relay.store.model import MessageKind, Queued, StoredMessage

HASTY = Timeouts(connect=5, tls=0.3, greeting=0.3, helo=0.3, mail=0.3, rcpt=0.3, data=0.3, final=0.3, total=5)

DEFAULTS = {
    "greeting": "220 remote.example ESMTP",
    "HELO": "250 remote.example",
    "STARTTLS": "220 2.0.0 go ahead",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go ahead",
    "dot": "250 2.0.0 taken",
    "RSET": "250 2.0.0 forgotten",
    "QUIT": "221 2.0.0 bye",
}


class Fault:
    """Things a remote does instead of answering."""

    DROP = object()  # close the connection
    HANG = object()  # say nothing more
    FLOOD = object()  # reply lines for ever
    ENDLESS = object()  # one line for ever
    DEAF = object()  # read nothing more


@dataclass
class Dialogue:
    """One connection: what came in, as it was cut by the network, and as it was understood."""

    segments: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)  # as they were on the wire, dots stuffed, without the last dot
    tls: bool = False
    closed: bool = False

    @property
    def received(self) -> bytes:
        return b"".join(self.segments)

    @property
    def verbs(self) -> list[str]:
        return [command.partition(" ")[0] for command in self.commands]


class Remote:
    """``script`` maps a verb (or greeting, dot) to a reply, a fault, a list of them (the last one stays), or, for RCPT,
    a table by address. ``early`` is said when so many octets of a message have come."""

    def __init__(self, *extensions: str, early: tuple[int, Any] | None = None, **script: Any) -> None:
        self.script = DEFAULTS | script
        self.extensions = extensions
        self.early = early
        self.context: ssl.SSLContext | None = None
        self.dialogues: list[Dialogue] = []
        self.open = 0
        self.most_open = 0
        self.host = ""
        self.port = 0

    @property
    def messages(self) -> list[bytes]:
        return [message for dialogue in self.dialogues for message in dialogue.messages]

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("remote.example", self.host, self.port)

    async def start(self, host: str, port: int, *, implicit: bool) -> None:
        ssl_context = self.context if implicit else None
        self.server = await asyncio.start_server(self.talk, host, port, ssl=ssl_context)
        self.host, self.port = self.server.sockets[0].getsockname()[:2]
        self.tasks: set[asyncio.Task[Any]] = set()

    async def stop(self) -> None:
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        dialogue = Dialogue()
        self.dialogues.append(dialogue)
        try:
            await Conversation(self, dialogue, reader, writer).run()
        except (ConnectionError, ssl.SSLError, EOFError, asyncio.CancelledError):
            pass
        finally:
            dialogue.closed = True
            self.open -= 1
            writer.transport.abort()


class Conversation:
    def __init__(
        self, remote: Remote, dialogue: Dialogue, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.remote, self.dialogue, self.reader, self.writer = remote, dialogue, reader, writer
        self.buffer = b""

    async def more(self) -> None:
        segment = await self.reader.read(65536)
        if not segment:
            raise EOFError
        self.dialogue.segments.append(segment)
        self.buffer += segment

    async def line(self) -> str:
        while b"\n" not in self.buffer:
            await self.more()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode()

    async def run(self) -> None:
        await self.answer(self.remote.script["greeting"])
        while True:
            command = await self.line()
            self.dialogue.commands.append(command)
            verb = command.partition(" ")[0].upper()
            if verb == "EHLO" and "EHLO" not in self.remote.script:
                await self.hello()
                continue
            await self.answer(self.scripted(verb, command))
            if verb == "STARTTLS":
                await self.secure()
            if verb == "QUIT":
                return

    def scripted(self, verb: str, command: str) -> Any:
        reply = self.remote.script.get(verb, "500 5.5.1 what?")
        if isinstance(reply, dict):
            reply = reply.get(command.partition("<")[2].partition(">")[0], DEFAULTS[verb])
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        return reply

    async def answer(self, reply: Any) -> None:
        if isinstance(reply, tuple):
            for each in reply:
                await self.answer(each)
            return
        if reply is Fault.DROP:
            raise EOFError
        if reply is Fault.DEAF:
            await asyncio.sleep(60)
        if reply is Fault.HANG:
            while True:
                await self.more()
        while reply in {Fault.FLOOD, Fault.ENDLESS}:
            self.writer.write(b"250-more and more\r\n" * 500 if reply is Fault.FLOOD else b"2" * 10_000)
            await self.writer.drain()
        self.writer.write(reply if isinstance(reply, bytes) else f"{reply}\r\n".encode())
        await self.writer.drain()
        if isinstance(reply, str) and reply.startswith("354"):
            await self.message()

    async def hello(self) -> None:
        offered = [each for each in self.remote.extensions if each != "STARTTLS" or not self.dialogue.tls]
        lines = ["remote.example", *offered]
        await self.answer("\r\n".join(f"250{' ' if n == len(lines) - 1 else '-'}{t}" for n, t in enumerate(lines)))

    async def secure(self) -> None:
        if self.remote.context is None:
            return
        await self.writer.start_tls(self.remote.context)
        self.buffer = b""
        self.dialogue.tls = True

    async def message(self) -> None:
        early = self.remote.early
        data, self.buffer = bytearray(b"\r\n" + self.buffer), b""
        while (end := data.find(b"\r\n.\r\n", max(0, len(data) - 70_000))) < 0:
            await self.more()
            data += self.buffer
            self.buffer = b""
            if early and len(data) >= early[0]:
                await self.answer(early[1])
                early = None
        self.dialogue.messages.append(bytes(data[2 : end + 2]))
        self.buffer = bytes(data[end + 5 :])
        await self.answer(self.scripted("dot", ""))


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """Sessions run under both loops that the relay runs on, whose transports differ; the rest under uvloop only."""
    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return loops if item.path.stem == "test_session" else {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def fault() -> type[Fault]:
    return Fault


@pytest.fixture
async def remote() -> AsyncIterator[Callable[..., Any]]:
    """Starts remotes: ``await remote("PIPELINING", MAIL="450 later")``."""
    started: list[Remote] = []

    async def start(
        *extensions: str,
        host: str = "127.0.0.1",
        port: int = 0,
        context: ssl.SSLContext | None = None,
        implicit: bool = False,
        early: tuple[int, Any] | None = None,
        **script: Any,
    ) -> Remote:
        each = Remote(*extensions, early=early, **script)
        each.context = context
        await each.start(host, port, implicit=implicit)
        started.append(each)
        return each

    yield start
    for each in started:
        await each.stop()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA) -> Callable[[str], ssl.SSLContext]:
    """A server's TLS context with a certificate for a name."""

    def issue(name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(context)
        return context

    return issue


@pytest.fixture
def client() -> Callable[..., Client]:
    """Who we are, in a hurry."""

    def make(tls: TlsMode = TlsMode.NONE, **settings: Any) -> Client:
        return Client("relay.example", tls=tls, **({"timeouts": HASTY} | settings))

    return make


@pytest.fixture
def transaction() -> Callable[..., Transaction]:
    """A transaction over a body in memory, cut into chunks."""

    def make(
        body: bytes = b"Hello\r\n", to: tuple[str, ...] = ("ann@customer.example",), chunk: int = 65536, **settings: Any
    ) -> Transaction:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(body), chunk):
                yield body[start : start + chunk]

        header = settings.pop("header", b"From: a@b.example\r\nSubject: hi\r\n")
        size = settings.pop("size", len(header) + 2 + len(body))
        reverse_path = settings.pop("reverse_path", "bounce@platform.example")
        return Transaction(reverse_path, to, header, chunks, size, **settings)

    return make


@pytest.fixture
def queued(clock):
    """A message for some recipients, ready to be queued."""
    count = 0

    def make(*recipients: str, body: bytes = b"Hello\r\n", **message) -> Queued:
        nonlocal count
        count += 1
        stored = StoredMessage(
            id=make_id(clock(), count),
            kind=MessageKind.SUBMISSION,
            tenant_id=None,
            login="app",
            author="info@bakkerij.example",
            subject="Invoice",
            document="invoice",
            original_header=b"From: info@bakkerij.example\r\n",
            header=b"From: Bakkerij <mail@customers.platform.example>\r\n",
            body_size=len(body),
            body_sha256=hashlib.sha256(body).digest(),
            changes=(),
            events=(),
            route=RouteKind.PLATFORM,
            reverse_path="verp",
            smtputf8=False,
            eightbit=False,
            received_at=clock(),
            peer="192.0.2.9",
        )
        deliveries = tuple(
            Delivery(
                id=make_id(clock(), count << 16 | number),
                message_id=stored.id,
                recipient=recipient,
                domain=recipient.rpartition("@")[2],
                state=State.QUEUED,
                attempt=0,
                created_at=clock(),
                due_at=clock(),
            )
            for number, recipient in enumerate(recipients or ("ann@customer.example",))
        )
        return Queued(replace(stored, **message), deliveries, body)

    return make

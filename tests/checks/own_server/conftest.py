"""A fake SMTP server in a thread, which keeps every octet it is sent, and certificates of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from relay.checks.asking import Asking
from relay.checks.own_server.check import Answer, check_own_server
from relay.checks.own_server.question import Question
from relay.net.zone import Zone

HOST = "mail.example.nl"
ZONE = {HOST: {"A": ["127.0.0.1"]}}
OFFERS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 30000000")


@dataclass(frozen=True)
class Script:
    """How a server behaves. ``clear`` and ``inside`` are its extensions before and within TLS; ``raw`` is said in place
    of a greeting, or in answer to the first octets where ``waits``."""

    greeting: str | None = "220 mail.example.nl ESMTP"
    delay: float = 0.0
    raw: bytes = b""
    waits: bool = False
    resets: bool = False
    closes: bool = False
    clear: tuple[str, ...] = (*OFFERS, "STARTTLS")
    inside: tuple[str, ...] = (*OFFERS, "AUTH PLAIN LOGIN")
    ehlo: str = "250"
    helo: str = "250 mail.example.nl"
    starttls: str = "220 2.0.0 go ahead"
    injected: bytes = b""
    context: ssl.SSLContext | None = None
    implicit: bool = False
    login: str = "235 2.7.0 welcome"
    mail: str = "250 2.1.0 ok"
    rcpt: str = "250 2.1.5 ok"


@dataclass
class Connection:
    """What one client said: in the clear, and within TLS."""

    clear: bytearray = field(default_factory=bytearray)
    inside: bytearray = field(default_factory=bytearray)
    commands: list[str] = field(default_factory=list)
    envelope: list[str] = field(default_factory=list)


class Server:
    """Serves a script on 127.0.0.1 until `stop`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections: list[Connection] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda loop, context: None)
        self.over = asyncio.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    @property
    def octets(self) -> bytes:
        """Everything that any client said, in whichever way."""
        return b"\n".join(bytes(each.clear + b"\n" + each.inside) for each in self.connections)

    @property
    def commands(self) -> list[str]:
        return [command for each in self.connections for command in each.commands]

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self.serve())

    async def serve(self) -> None:
        context = self.script.context if self.script.implicit else None
        server = await asyncio.start_server(self.accept, sock=self.socket, ssl=context)
        await self.over.wait()
        server.close()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(10)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection()
        self.connections.append(connection)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await Talk(self.script, connection, reader, writer).run()
        with contextlib.suppress(OSError):
            writer.close()


class Talk:
    """One connection."""

    def __init__(self, script: Script, connection: Connection, reader: Any, writer: Any) -> None:
        self.script = script
        self.connection = connection
        self.reader = reader
        self.writer = writer
        self.tls = script.implicit

    async def run(self) -> None:
        script = self.script
        if script.resets:
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            return
        await asyncio.sleep(script.delay)
        if script.waits:
            self.note(await self.reader.read(4096))
        if script.raw:
            self.writer.write(script.raw)
        elif script.greeting is not None:
            self.say(script.greeting)
        while not script.closes and (line := await self.line()):
            await self.answer(line)

    def note(self, octets: bytes) -> None:
        (self.connection.inside if self.tls else self.connection.clear).extend(octets)

    def say(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())

    async def line(self) -> str:
        octets = await self.reader.readline()
        self.note(octets)
        return octets.decode("latin-1").rstrip("\r\n")

    async def answer(self, line: str) -> None:
        verb = line.partition(" ")[0].upper()
        self.connection.commands.append(verb)
        if verb == "EHLO":
            self.hello()
        elif verb == "HELO":
            self.say(self.script.helo)
        elif verb == "STARTTLS":
            await self.start_tls()
        elif verb == "AUTH":
            await self.sign_in(line)
        elif verb in {"MAIL", "RCPT"}:
            self.connection.envelope.append(line)
            self.say(getattr(self.script, verb.lower()))
        else:
            self.say("250 ok" if verb in {"QUIT", "RSET"} else "502 no")

    def hello(self) -> None:
        if self.script.ehlo != "250":
            self.say(self.script.ehlo)
            return
        lines = ["mail.example.nl", *(self.script.inside if self.tls else self.script.clear)]
        for number, line in enumerate(lines, 1):
            self.say(f"250{' ' if number == len(lines) else '-'}{line}")

    async def start_tls(self) -> None:
        self.writer.write(f"{self.script.starttls}\r\n".encode() + self.script.injected)
        if self.script.starttls.startswith("220") and self.script.context:
            await self.writer.start_tls(self.script.context)
            self.tls = True

    async def sign_in(self, line: str) -> None:
        if line.upper() == "AUTH LOGIN":
            for asked in ("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"):
                self.say(asked)
                await self.line()
        self.say(self.script.login)


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Server]]:
    """Starts servers, and ends them after the test."""
    started: list[Server] = []

    def start(script: Script) -> Server:
        started.append(Server(script))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def context_of(*pems: bytes) -> ssl.SSLContext:
    """A server's context with key and certificates, however weak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    path = Path("server.pem").resolve()
    path.write_bytes(b"".join(pems))
    context.load_cert_chain(path)
    return context


def made(key: rsa.RSAPrivateKey, name: str = HOST) -> bytes:
    """A certificate that the server issued itself (PEM)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True)
class Certificates:
    """Servers' contexts by what is wrong with them."""

    authority: trustme.CA

    def good(self, *names: str, **dates: Any) -> ssl.SSLContext:
        leaf = self.authority.issue_cert(*(names or (HOST,)), **dates)
        return context_of(leaf.private_key_pem.bytes(), *(each.bytes() for each in leaf.cert_chain_pems))

    def expired(self) -> ssl.SSLContext:
        now = datetime.now(UTC)
        return self.good(not_before=now - timedelta(days=9), not_after=now - timedelta(days=2))

    def not_yet(self) -> ssl.SSLContext:
        now = datetime.now(UTC)
        return self.good(not_before=now + timedelta(days=2), not_after=now + timedelta(days=9))

    def soon(self) -> ssl.SSLContext:
        return self.good(not_after=datetime.now(UTC) + timedelta(days=5, hours=1))

    def self_signed(self, bits: int = 2048) -> ssl.SSLContext:
        key = rsa.generate_private_key(65537, bits)
        return context_of(key_pem(key), made(key))

    def without_intermediate(self) -> ssl.SSLContext:
        leaf = self.authority.create_child_ca().issue_cert(HOST)
        return context_of(leaf.private_key_pem.bytes(), leaf.cert_chain_pems[0].bytes())

    def of_another_authority(self) -> ssl.SSLContext:
        leaf = trustme.CA().create_child_ca().issue_cert(HOST)
        return context_of(leaf.private_key_pem.bytes(), *(each.bytes() for each in leaf.cert_chain_pems))

    def old_tls(self) -> ssl.SSLContext:
        context = self.good()
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context

    def old_cipher(self) -> ssl.SSLContext:
        context = self.good()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
        return context

    def wants_ours(self) -> ssl.SSLContext:
        """No handshake without a certificate of the client's."""
        context = self.good()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        self.authority.configure_trust(context)
        return context


@pytest.fixture
def certificates(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    monkeypatch.chdir(tmp_path)
    return Certificates(authority)


@pytest.fixture
def ask(ca_file: str) -> Callable[..., Any]:
    """Asks about the server at a port, by way of a zone."""

    async def run(port: int | None, zone: dict[str, Any] | None = None, **settings: Any) -> Answer:
        question = Question(
            HOST, datetime.now(UTC), port=port, ca_file=ca_file, hello="relay.example", seconds=6, usual_ports=()
        )
        return await check_own_server(Asking(Zone(zone or ZONE)), replace(question, **settings))

    return run


@pytest.fixture
def script() -> type[Script]:
    return Script


@pytest.fixture
def filtered() -> Iterator[int]:
    """A port of 127.0.0.1 where connections are neither taken nor refused: its queue is full."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield full.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return int(gone.getsockname()[1])

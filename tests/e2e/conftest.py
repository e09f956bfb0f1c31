"""A real relay in its own processes, a separate SMTP server that it delivers to, and the standard library as client."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller

SIGNED_UP = "info@bakker.example"


@dataclass
class Sink:
    """What a receiving server got: raw bytes, in order."""

    port: int = 0
    received: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)
    refused: dict[str, str] = field(default_factory=dict)
    takes_for: float = 0.0  # seconds from the final dot to the reply

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 known"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        with self.news:
            self.received.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
            self.news.notify_all()
        await asyncio.sleep(self.takes_for)
        return "250 2.0.0 taken"

    def to(self, recipient: str) -> list[bytes]:
        """The messages for one recipient."""
        return [content for _, recipients, content in list(self.received) if recipient in recipients]

    def wait_for(self, recipient: str, count: int = 1, seconds: float = 15) -> list[bytes]:
        """The messages for one recipient, once there are ``count``."""
        with self.news:
            self.news.wait_for(lambda: len(self.to(recipient)) >= count, seconds)
        assert len(self.to(recipient)) >= count, f"nothing for {recipient} within {seconds} s"
        return self.to(recipient)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def listening_sink() -> Iterator[Sink]:
    """A separate SMTP server on a free port of loopback."""
    box = Sink(free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port, decode_data=False, data_size_limit=50_000_000)
    controller.start()
    yield box
    controller.stop()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiving server of this test alone."""
    with listening_sink() as box:
        yield box


@dataclass
class Relay:
    """A relay with its own folder; started, killed and started again by the tests."""

    folder: Path
    processes: int = 1
    options: tuple[str, ...] = ()  # further ones of `relay serve`
    process: subprocess.Popen[str] | None = None
    ready: dict[str, Any] = field(default_factory=dict)
    clients: list[smtplib.SMTP] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "relay.toml"

    @property
    def port(self) -> int:
        return int(self.ready["smtp"][0]["port"])

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.ready['http']['port']}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def cli(self, *arguments: str, code: int = 0) -> str:
        """The output of a ``relay`` command on this relay's database."""
        command = [sys.executable, "-m", "relay", "--config", str(self.config), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.cli(*arguments, "--json"))

    def start(self) -> None:
        """Start and wait for the ready line."""
        command = [
            sys.executable,
            "-m",
            "relay",
            "serve",
            "--config",
            str(self.config),
            "--processes",
            str(self.processes),
            *self.options,
        ]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log
        self.process.stdout.close()  # nothing else is ever printed
        self.ready = json.loads(line)

    def kill(self) -> None:
        """kill -9 of every process of it."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit code. What clients left open is closed."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(60)
        for client in self.clients:
            client.close()
        return code

    def add_tenant(self, name: str = "Bakker B.V.", email: str = SIGNED_UP, locale: str = "nl") -> dict[str, Any]:
        return self.json("tenant", "add", name, "--email", email, "--verified", "--locale", locale)

    def client(self, login: dict[str, str], tls: bool = True) -> smtplib.SMTP:
        """A signed-in client."""
        client = smtplib.SMTP("127.0.0.1", self.port, timeout=30)
        self.clients.append(client)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            client.starttls(context=context)
        client.login(login["username"], login["password"])
        return client


def write_config(folder: Path, sink_port: int, extra: str = "", listener: str = 'tls = "starttls"') -> None:
    """A configuration that delivers to the sink; keys made by the relay's own command."""
    command = [sys.executable, "-m", "relay", "key", "generate", "--directory", str(folder), "--json"]
    made = json.loads(subprocess.check_output(command))
    keys = ", ".join(
        f'{{selector = "{key["selector"]}", algorithm = "{key["algorithm"]}", file = "{key["file"]}"}}'
        for key in made["keys"]
    )
    (folder / "relay.toml").write_text(
        f'[platform]\nname = "Klantenplatform"\naddress = "mail@customers.platform.example"\n'
        f'hostname = "relay.platform.example"\nbounce_domain = "bounce.platform.example"\n'
        f'[database]\nurl = "sqlite:///relay.db"\n[[listener]]\nport = 0\n{listener}\n[http]\nport = 0\n'
        f'[delivery]\nvia = "smarthost"\nsmarthost = "127.0.0.1:{sink_port}"\n[dkim]\nkeys = [{keys}]\n{extra}\n'
    )


@pytest.fixture
def relay(tmp_path: Path, sink: Sink) -> Iterator[Relay]:
    """A configured relay that delivers to the sink; not started yet."""
    write_config(tmp_path, sink.port)
    running = Relay(tmp_path)
    yield running
    if running.process is not None:
        running.stop()


@pytest.fixture
def make_relay():
    """Makes a relay in a folder that delivers to a port; stopped when the test is over."""
    made: list[Relay] = []

    def make(folder: Path, port: int, listener: str) -> Relay:
        write_config(folder, port, listener=listener)
        made.append(Relay(folder))
        return made[-1]

    yield make
    for each in made:
        if each.process is not None:
            each.stop()


@pytest.fixture
def free_ports():
    """Ports that nobody listens on, all different."""

    def find(count: int) -> list[int]:
        found: set[int] = set()
        while len(found) < count:
            found.add(free_port())
        return sorted(found)

    return find


@dataclass
class Shared:
    """A running relay that the tests of a module share, its login, its receiving server, and whom its clients trust."""

    relay: Relay
    sink: Sink
    login: dict[str, str]
    authority: trustme.CA

    def port(self, tls: str) -> int:
        """The port of the listener with ``starttls`` or ``implicit`` TLS."""
        return next(int(smtp["port"]) for smtp in self.relay.ready["smtp"] if smtp["tls"] == tls)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """A relay for ``localhost`` on a STARTTLS and an implicit TLS port, with a certificate that clients can verify."""
    folder = tmp_path_factory.mktemp("shared")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    files = '\ncertificate = "certificate.pem"\nkey = "key.pem"'
    listeners = f'tls = "starttls"{files}\n[[listener]]\nport = 0\ntls = "implicit"{files}'
    with listening_sink() as sink:
        write_config(folder, sink.port, listener=listeners)
        relay = Relay(folder)
        login = relay.add_tenant(locale="en")["login"]
        relay.start()
        yield Shared(relay, sink, login, authority)
        relay.stop()


@pytest.fixture
def confirm():
    """Do what a person does with a verification link: open it, choose, submit."""

    def choose(page: str, mail: bytes, choice: str = "yes") -> str:
        link = find_link(mail)
        url = page + urllib.parse.urlsplit(link).path
        shown = urllib.request.urlopen(url, timeout=10).read().decode()
        nonce = re.search(r'name="nonce" value="([^"]+)"', shown)
        assert nonce, shown
        form = urllib.parse.urlencode({"nonce": nonce[1], "answer": choice}).encode()
        return urllib.request.urlopen(url, form, timeout=10).read().decode()

    return choose


def find_link(mail: bytes) -> str:
    """The confirmation link in a verification mail, read as a mail program would."""
    import email
    from email import policy

    parsed = email.message_from_bytes(mail, policy=policy.default)
    body = parsed.get_body(("plain",))
    assert body is not None
    found = re.search(r"https?://\S+/confirm/\S+", body.get_content())
    assert found, body.get_content()
    return found[0]


@pytest.fixture
def until():
    """Wait for something to become true."""

    def wait(condition, seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.05)

    return wait

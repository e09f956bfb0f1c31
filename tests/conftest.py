"""Settings that hold for every test."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import secrets
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import trustme
from hypothesis import HealthCheck, settings

settings.register_profile("ci", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


Twins = Callable[[], tuple[socket.socket, socket.socket]]


@pytest.fixture(scope="session")
def twins() -> Twins:
    """Makes a TCP and a UDP socket at the same free port of loopback, as a nameserver needs them."""

    def make() -> tuple[socket.socket, socket.socket]:
        while True:
            tcp = socket.create_server(("127.0.0.1", 0))
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                tcp.close()
                udp.close()
            else:
                return tcp, udp

    return make


@dataclass
class Web:
    """A web server on loopback, in a thread. ``answer`` is all that it says to any request, octet by octet, then
    ``more`` of it ``times`` over; ``holds`` keeps the connection open after that. Without ``context`` it speaks no
    TLS."""

    authority: trustme.CA
    ca_file: str
    context: ssl.SSLContext | None = None
    answer: bytes = b""
    more: bytes = b""
    times: int = 0
    holds: bool = False
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    sent: int = 0

    def certificate(self, name: str, authority: trustme.CA | None = None, **validity: Any) -> None:
        """Present a certificate for a name from now on."""
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        (authority or self.authority).issue_cert(name, **validity).configure_cert(self.context)

    def file(self, body: bytes, media_type: str = "text/plain") -> None:
        """Answer with a file from now on."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.answer = head.encode() + body

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.context:
                await writer.start_tls(self.context)
            self.requests.append(await reader.readuntil(b"\r\n\r\n" if self.context else b"\x01"))
            writer.write(self.answer)
            for _ in range(self.times):
                writer.write(self.more)
                self.sent += len(self.more)
                await writer.drain()
                await asyncio.sleep(0)  # to notice when the other side hangs up
            if self.holds:
                await reader.read()
        except (OSError, EOFError):
            pass
        finally:
            writer.transport.abort()


def serve_web(web: Web, ready: threading.Event, stop: list[Any]) -> None:
    """Run a web server until its stop event."""

    async def run() -> None:
        server = await asyncio.start_server(web.talk, "127.0.0.1", 0)
        web.port = server.sockets[0].getsockname()[1]
        over = asyncio.Event()
        stop.extend([asyncio.get_running_loop(), over])
        ready.set()
        await over.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(run())


@pytest.fixture(scope="session")
def web_authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def web(web_authority: trustme.CA, tmp_path: Path) -> Iterator[Web]:
    """A web server whose certificate and answer the test chooses."""
    ca_file = tmp_path / "web-ca.pem"
    web_authority.cert_pem.write_to_path(str(ca_file))
    server, ready, stop = Web(web_authority, str(ca_file)), threading.Event(), []
    thread = threading.Thread(target=serve_web, args=(server, ready, stop))
    thread.start()
    assert ready.wait(5)
    yield server
    stop[0].call_soon_threadsafe(stop[1].set)
    thread.join(5)


class OwnSession(socketserver.StreamRequestHandler):
    """One connection to an own server: STARTTLS first, then a login, then mail."""

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        own = self.server.own
        secure = signed_in = False
        self.say("220 own ready")
        with contextlib.suppress(OSError):
            while line := self.rfile.readline().decode().strip():
                verb = line.split()[0].upper()
                if verb == "EHLO":
                    self.say(f"250-own\r\n250-8BITMIME\r\n250 {f'AUTH {own.signs_in}' if secure else 'STARTTLS'}")
                elif verb == "STARTTLS":
                    self.say("220 go on")
                    self.connection = own.context.wrap_socket(self.connection, server_side=True)
                    self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
                    secure = True
                elif verb == "AUTH":
                    own.logins.append(line)
                    if line.split()[1].upper() == "XOAUTH2":
                        signed_in = self.xoauth2(own, line.split()[2])
                        continue
                    signed_in = base64.b64decode(line.split()[2]) == f"\0{own.username}\0{own.password}".encode()
                    self.say("235 2.7.0 welcome" if signed_in else "535 5.7.8 wrong user name or password")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                elif not (secure and signed_in):
                    self.say("530 5.7.0 sign in first")
                else:
                    self.transact(own, verb, line)

    def xoauth2(self, own: OwnServer, response: str) -> bool:
        """True with a token that is good; else a 334 with JSON, an empty line, and the 535 that counts."""
        tokens = [f"user={own.username}\1auth=Bearer {token}\1\1" for token in own.tokens]
        if base64.b64decode(response).decode() in tokens:
            self.say("235 2.7.0 Authentication successful")
            return True
        said = b'{"status":"401","schemes":"Bearer","scope":"https://mail.google.com/"}'
        self.say(f"334 {base64.b64encode(said).decode()}")
        assert self.rfile.readline() == b"\r\n"
        self.say(own.xoauth2_refusal)
        return False

    def transact(self, own: OwnServer, verb: str, line: str) -> None:
        address = line.partition("<")[2].partition(">")[0]
        if verb == "MAIL":
            self.mail_from, self.recipients = address, []
            own.asked.append(address)
            if address in own.denied:
                self.say("553 5.7.1 not owned by user")
                return
        elif verb == "RCPT":
            self.recipients.append(address)
        elif verb == "DATA":
            self.say("354 go on")
            content = b""
            while (line_read := self.rfile.readline()) != b".\r\n":
                content += line_read
            own.received.append((self.mail_from, self.recipients, content))
        self.say("250 2.0.0 ok")


class OwnThreads(socketserver.ThreadingTCPServer):
    """Threads that end with it."""

    allow_reuse_address = True
    daemon_threads = True

    def shutdown_request(self, request: Any) -> None:
        with contextlib.suppress(OSError):
            super().shutdown_request(request)


class OwnServer:
    """A tenant's own server at 127.0.0.1: STARTTLS, a login, and lists of what it was told."""

    def __init__(self, authority: trustme.CA) -> None:
        self.authority = authority
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(self.context)
        self.username = "info@bakker.example"
        self.password = "geheim-CANARY-1"
        self.signs_in = "PLAIN"
        self.tokens: list[str] = []
        self.xoauth2_refusal = "535 5.7.3 Authentication unsuccessful [AM0PR02CA0001.eurprd02.prod.outlook.com]"
        self.logins: list[str] = []
        self.asked: list[str] = []
        self.denied: set[str] = set()
        self.received: list[tuple[str, list[str], bytes]] = []
        self.server: OwnThreads | None = None
        self.port = 0

    def write_authority(self, file: Path) -> None:
        self.authority.cert_pem.write_to_path(str(file))

    def start(self) -> None:
        self.server = OwnThreads(("127.0.0.1", self.port), OwnSession)
        self.server.own = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def to(self, recipient: str) -> list[bytes]:
        return [content for _, recipients, content in list(self.received) if recipient in recipients]


@pytest.fixture
def own_smtp(web_authority: trustme.CA) -> Iterator[OwnServer]:
    """An own server that runs."""
    server = OwnServer(web_authority)
    server.start()
    yield server
    server.stop()


class Provider(ThreadingHTTPServer):
    """An OAuth provider at loopback that rotates: each refresh token serves once, and one that comes again revokes all
    others. ``failure`` (status and document) is its answer in place of all others."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ProviderSession)
        self.base = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[dict[str, str]] = []
        self.challenges: dict[str, str] = {}  # by code
        self.account = "info@bakker.example"
        self.lifetime = 3600
        self.good: set[str] = set()  # refresh tokens
        self.used: set[str] = set()
        self.access: list[str] = []
        self.failure: tuple[int, dict[str, str]] | None = None
        self.pending: list[str] = []  # what a device is told until somebody agrees
        self.slow = 0.0
        self.lock = threading.Lock()

    def agree(self, link: str) -> str:
        """What a browser brings back, as a query, when a person opens the link and says yes."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
        code = secrets.token_hex(8)
        self.challenges[code] = asked["code_challenge"]
        return urlencode({"state": asked["state"], "code": code})

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer to a form."""
        with self.lock:
            self.asked.append(form)
            return self.failure or self.refusal(form) or self.grant(form)

    def refusal(self, form: dict[str, str]) -> tuple[int, dict[str, Any]] | None:
        """What speaks against it."""
        kind, refresh = form.get("grant_type", ""), form.get("refresh_token", "")
        if kind == "authorization_code":
            challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
            if self.challenges.pop(form["code"], "") != challenge.decode().rstrip("="):
                return 400, {"error": "invalid_grant", "error_description": "AADSTS501481: not the verifier"}
        if kind == "refresh_token" and refresh not in self.good:
            if refresh in self.used:
                self.good.clear()
            return 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
        if kind.endswith("device_code") and self.pending:
            return 400, {"error": self.pending.pop(0)}
        return None

    def grant(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """What is given."""
        kind, refresh = form.get("grant_type", ""), form.get("refresh_token", "")
        if not kind:
            page = {"verification_uri": f"{self.base}/device", "expires_in": 900, "interval": 0}
            return 200, {"device_code": "d1", "user_code": "WDJB-MJHT", **page}
        self.access.append(f"access-CANARY-{secrets.token_hex(8)}")
        found = {"access_token": self.access[-1], "expires_in": self.lifetime}
        if kind == "client_credentials":
            return 200, found
        self.good.discard(refresh)
        self.used.add(refresh)
        fresh = f"refresh-CANARY-{secrets.token_hex(8)}"
        self.good.add(fresh)
        told = base64.urlsafe_b64encode(json.dumps({"email": self.account}).encode()).decode().rstrip("=")
        return 200, {**found, "refresh_token": fresh, "id_token": f"e30.{told}.x"}


class ProviderSession(BaseHTTPRequestHandler):
    """One request to it."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        time.sleep(self.server.slow)
        status, document = self.server.answer({name: values[0] for name, values in parse_qs(body).items()})
        octets = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    """An OAuth provider that runs."""
    server = Provider()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()

"""The dialogue as it is written in tests/transcripts, played to a listener.

A file has a heading ``# row: P12`` with the rows of docs/threats.md that it shows, and one dialogue or more. Each
begins with ``@listener name=value…`` (settings of `ListenerSettings`; ``desk=intake`` is the real intake, where only
info@bakker.example is confirmed).

- ``C:`` is sent with CRLF, ``O:`` as it is; lines that follow each other go out in one write. ``\\x00``, ``\\r``,
  ``\\n`` are octets, ``{x*500}`` is 500 times x.
- ``S:`` is how the next line must begin; ``S: ...`` is whatever stands before the last line of a reply.
- ``@begin`` reads the greeting, says EHLO and signs in; ``@login`` signs in; ``@tls`` shakes hands; ``@closed``: the
  server has hung up; ``@client 2`` goes on as another client; ``@queued 1``: so many messages have been taken so far.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from relay.config import Config
from relay.mail.address import parse_address
from relay.mail.envelope import Submission
from relay.mail.reply import Reply
from relay.mail.sender import SenderState
from relay.mail.tenant import Tenant
from relay.server.intake import Intake
from relay.server.office import Office
from relay.server.signer import Signer
from relay.store.group import CommitGroup
from relay.store.model import Queued

TESTS = Path(__file__).parents[1]
TRANSCRIPTS = sorted(TESTS.joinpath("transcripts").glob("*.smtp"))
THREATS = TESTS.parent.joinpath("docs", "threats.md").read_text("utf-8")
ROWS = re.compile(r"^\| ([A-Z][0-9]+) \|", re.MULTILINE)
ESCAPE = re.compile(rb"\\x([0-9a-f]{2})|\\([rn])|\{(.+?)\*([0-9]+)\}")
BAKKER = Tenant("t1", "Bakker B.V.", "info@bakker.example", "en", 0.0)


def rows_of(path: Path) -> list[str]:
    """The rows that a transcript shows."""
    first = path.read_text("utf-8").partition("\n")[0]
    return first.removeprefix("# row:").split() if first.startswith("# row:") else []


@dataclass
class IntakeDesk:
    """The real intake; only who signs in is made up."""

    intake: Intake
    outbox: Outbox

    @property
    def submissions(self) -> list[Queued]:
        return self.outbox.queued

    async def sign_in(self, _username: str, secret: str, _peer: str) -> Tenant | None:
        return BAKKER if secret == "s3cret" else None

    async def neighbour(self, _peer: str) -> Tenant | None:
        return None

    async def accept(self, submission: Submission) -> Reply:
        return await self.intake.accept(submission)

    def refuse(self, tenant: Tenant, topic: str, code: int = 550, enhanced: str = "5.6.0", **params: str) -> Reply:
        return self.intake.refuse(tenant, topic, code, enhanced, **params)


@dataclass
class Outbox:
    """Stands where the worker does: writes what is queued and sends nothing."""

    group: CommitGroup
    queued: list[Queued] = field(default_factory=list)

    async def enqueue(self, queued: Queued, _tenant: Tenant) -> None:
        self.queued.append(queued)
        await self.group.write(lambda store: store.enqueue(queued))

    def wake(self) -> None:
        """Nobody to wake."""


@pytest.fixture
def desks(server_loop: asyncio.AbstractEventLoop, tmp_path: Path) -> Iterator[dict[str, Callable[[], Any]]]:
    """Makers of desks by name."""
    group = CommitGroup(f"sqlite:///{tmp_path}/relay.db")
    started = False

    def call(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, server_loop).result(10)

    def fill(store: Any) -> None:
        store.add_tenant(BAKKER)
        store.put_sender(BAKKER.id, parse_address(BAKKER.email), SenderState.VERIFIED, 0.0)

    async def start() -> None:
        await group.start()
        await group.write(fill)

    def intake() -> IntakeDesk:
        nonlocal started
        if not started:
            call(start())
            started = True
        outbox, office = Outbox(group), Office(Config(), Signer([]), "relay.platform.example")
        return IntakeDesk(Intake(group, office, outbox, lambda: 1_600_000_000.0, bytes(32)), outbox)

    yield {"intake": intake}
    if started:
        call(group.close())


class Player:
    """Plays one dialogue."""

    def __init__(self, name: str, serving: Any) -> None:
        self.name = name
        self.serving = serving
        self.clients: dict[str, Any] = {}
        self.heard: list[str] = []
        self.out = b""
        self.as_client("1")

    def as_client(self, which: str) -> None:
        if which not in self.clients:
            self.clients[which] = self.serving.connect(tls=self.serving.settings.tls == "implicit")
        self.client = self.clients[which]

    def play(self, steps: list[str]) -> None:
        for step, following in pairwise([*steps, ""]):
            word, _, text = step.partition(" ")
            if word in {"C:", "O:"}:
                self.out += octets(text) + (b"\r\n" if word == "C:" else b"")
                if following[:2] not in {"C:", "O:"}:
                    self.client.send(self.out)
                    self.out = b""
            elif word == "S:":
                self.hear(text)
            else:
                self.act(word, text)

    def hear(self, text: str) -> None:
        if text == "...":
            while (line := self.client.line())[3:4] == "-":
                self.heard.append(line)
            self.client.buffer = line.encode() + b"\r\n" + self.client.buffer
            return
        self.heard.append(self.client.line())
        said = "\n".join(self.heard[-5:])
        assert self.heard[-1].startswith(text), f"{self.name}: expected {text!r}, heard\n{said}"

    def act(self, word: str, text: str) -> None:
        if word == "@begin":
            self.client.begin()
        elif word == "@tls":
            self.client.start_tls()
        elif word == "@login":
            self.client.sign_in()
        elif word == "@client":
            self.as_client(text)
        elif word == "@queued":
            assert len(self.serving.desk.submissions) == int(text), self.name
        else:
            assert word == "@closed", f"{self.name}: cannot read {word!r}"
            assert self.client.closed, f"{self.name}: still open"


def octets(text: str) -> bytes:
    """A line with its escapes."""
    named = {b"r": b"\r", b"n": b"\n"}

    def meant(found: re.Match[bytes]) -> bytes:
        if found[1]:
            return bytes.fromhex(found[1].decode())
        return named[found[2]] if found[2] else octets(found[3].decode()) * int(found[4])

    return ESCAPE.sub(meant, text.encode())


def setting(word: str) -> tuple[str, Any]:
    name, _, value = word.partition("=")
    for kind in (int, float):
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) and ("." in value) == (kind is float):
            return name, kind(value)
    return name, value


def dialogues(path: Path) -> list[list[str]]:
    """The steps of each dialogue of a file; the first is its listener."""
    found: list[list[str]] = []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("@listener"):
            found.append([])
        if line and not line.startswith("#"):
            found[-1].append(line)
    return found


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_dialogue(path: Path, desks: dict[str, Callable[[], Any]], serve: Callable[..., Any]) -> None:
    for number, (head, *steps) in enumerate(dialogues(path), 1):
        settings = dict(setting(word) for word in head.split()[1:])
        if name := settings.pop("desk", ""):
            settings["desk"] = desks[name]()
        Player(f"{path.name}, dialogue {number}", serve(**settings)).play(steps)


def test_every_row_of_smtp_in_has_a_dialogue() -> None:
    wanted = set(ROWS.findall(THREATS.partition("## SMTP, in")[2].partition("\n## ")[0])) | {"H02", "H10", "H14"}
    assert len(wanted) > 15
    assert wanted - {row for path in TRANSCRIPTS for row in rows_of(path)} == set()


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_each_names_its_rows(path: Path) -> None:
    rows = rows_of(path)
    assert rows
    assert set(rows) <= set(ROWS.findall(THREATS))

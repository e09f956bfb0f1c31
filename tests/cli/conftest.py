"""The command line on a database of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from relay.cli import main
from relay.mail.delivery import Answer, Attempt, Deferred, Delivery, State
from relay.mail.ids import make_id
from relay.mail.rewrite import Change
from relay.mail.route import RouteKind
from relay.store.model import MessageKind, Queued, Settlement, StoredMessage
from relay.store.store import Store, open_store


@dataclass(frozen=True)
class Shell:
    """Runs ``relay --config FILE …`` and checks the exit code."""

    config: Path

    def run(self, *arguments: str, code: int = 0, input: str | None = None) -> Result:
        result = CliRunner().invoke(main, ["--config", str(self.config), *arguments], input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """The command line, with a configuration that names a database in ``tmp_path``."""
    config = tmp_path / "relay.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{tmp_path / "relay.db"}"\n')
    return Shell(config)


@pytest.fixture
def store(shell: Shell) -> Iterator[Store]:
    """The same database, seen from beside."""
    opened = open_store(f"sqlite:///{shell.config.parent / 'relay.db'}")
    yield opened
    opened.close()


@pytest.fixture
def tenant(shell: Shell) -> str:
    """The identifier of a tenant, Bakker B.V."""
    added = shell.json("tenant", "add", "Bakker B.V.", "--email", "info@bakker.example", "--verified")
    return str(added["id"])


@pytest.fixture
def queue(store: Store, tenant: str) -> Callable[..., Queued]:
    """Queues a rewritten invoice of the tenant, a delivery a recipient, received ``age`` seconds before 2023-11-14."""
    count = iter(range(1, 1000))

    def queued(*recipients: str, age: float = 0, body: bytes = b"Beste klant,\r\n") -> Queued:
        at = 1_700_000_000.0 - age
        message = StoredMessage(
            id=make_id(at, next(count)),
            kind=MessageKind.SUBMISSION,
            tenant_id=tenant,
            login="bakker",
            author="info@bakker.example",
            subject="Factuur 12",
            document="invoice",
            original_header=b"From: info@bakker.example\r\nTo: a@x.example\r\nSubject: Factuur\r\n 12\r\n",
            header=b'From: "Bakker B.V." <mail@p.example>\r\nTo: a@x.example\r\nSubject: Factuur\r\n 12\r\n'
            b'Reply-To: "Bakker B.V." <info@bakker.example>\r\n',
            body_size=len(body),
            body_sha256=bytes(32),
            changes=(
                Change("From", "From: info@bakker.example", 'From: "Bakker B.V." <mail@p.example>', "from"),
                Change("Reply-To", None, 'Reply-To: "Bakker B.V." <info@bakker.example>', "no.such.reason"),
            ),
            events=("name_cut",),
            route=RouteKind.PLATFORM,
            reverse_path="verp",
            smtputf8=False,
            eightbit=False,
            received_at=at,
            peer="192.0.2.7",
        )
        deliveries = tuple(
            Delivery(make_id(at, next(count)), message.id, each, each.rpartition("@")[2], State.QUEUED, 0, at, at)
            for each in recipients
        )
        store.enqueue(Queued(message, deliveries, body))
        return Queued(message, deliveries, body)

    return queued


@pytest.fixture
def defer(store: Store) -> Callable[[str], None]:
    """Lets an attempt at a delivery be deferred by the other side."""

    def deferred(text: str) -> None:
        answer = Answer(text, 451, "4.7.1", "mx.x.example[192.0.2.1]:25", "TLSv1.3")
        for work in store.lease("test", 2e9, 2e9 + 60, 100):
            attempt = Attempt(work.delivery.attempt, 1_700_000_001.0, 0.25, "deferred", answer)
            assert store.settle(
                Settlement(work.delivery, work.delivery.after(Deferred(answer), 1_700_000_001.0), attempt)
            )

    return deferred

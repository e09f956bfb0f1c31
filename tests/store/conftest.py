"""A real SQLite file, and messages to put into it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relay.mail.delivery import Delivery, State
from relay.mail.ids import make_id
from relay.mail.rewrite import Change
from relay.mail.route import RouteKind
from relay.mail.tenant import Tenant
from relay.store.model import MessageKind, Queued, StoredMessage
from relay.store.store import Store, open_store

NOW = 1_800_000_000.0

Make = Callable[..., Queued]


@pytest.fixture
def now() -> float:
    """The moment at which everything in a test happens unless it says otherwise."""
    return NOW


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'relay.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An open store."""
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def tenant(store: Store) -> Tenant:
    """A tenant that is in the store."""
    made = Tenant(make_id(NOW, 1), "Bakker B.V.", "info@bakker.example", "nl", NOW)
    store.add_tenant(made)
    return made


@pytest.fixture
def make() -> Make:
    """Makes a message of a tenant with a delivery a recipient; the keywords are fields of both."""
    numbers = itertools.count(1)

    def queued(
        tenant_id: str | None = None,
        *recipients: str,
        body: bytes | None = b"Hello\r\n",
        at: float = NOW,
        due_at: float | None = None,
        state: State = State.QUEUED,
        subject: str = "Factuur 12",
    ) -> Queued:
        message = StoredMessage(
            id=make_id(at, next(numbers)),
            kind=MessageKind.SUBMISSION,
            tenant_id=tenant_id,
            login="bakker",
            author="info@bakker.example",
            subject=subject,
            document="invoice",
            original_header=b"From: info@bakker.example\r\n",
            header=b'From: "Bakker B.V." <mail@platform.example>\r\n',
            body_size=len(body or b""),
            body_sha256=bytes(32),
            changes=(Change("From", "From: a\u20ac", None, "from.platform"),),
            events=("from_repaired", "name_cut"),
            route=RouteKind.PLATFORM,
            reverse_path="verp",
            smtputf8=False,
            eightbit=True,
            received_at=at,
            peer="192.0.2.7",
        )
        deliveries = tuple(
            Delivery(
                id=make_id(at, next(numbers)),
                message_id=message.id,
                recipient=recipient,
                domain=recipient.rpartition("@")[2],
                state=state,
                attempt=0,
                created_at=at,
                due_at=at if due_at is None else due_at,
            )
            for recipient in recipients or ("inkoop@delinde.example",)
        )
        return Queued(message, deliveries, body)

    return queued

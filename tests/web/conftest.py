"""A web application on a real SQLite store, asked without sockets."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import pytest

from relay.config import Platform
from relay.mail.address import Address
from relay.mail.delivery import Answer, Attempt, Delivered, Delivery, State
from relay.mail.ids import make_id
from relay.mail.rewrite import Change
from relay.mail.route import RouteKind
from relay.mail.sender import SenderState
from relay.mail.tenant import Tenant
from relay.server.web import WebContext, create_app
from relay.store.group import CommitGroup
from relay.store.model import Confirmation, MessageKind, Queued, Settlement, StoredMessage

NOON = 1_795_521_600.0  # 2026-11-24 12:00:00 UTC
DAY = 86_400.0
ORIGINAL = (
    b"From: =?utf-8?Q?Caf=C3=A9_Bakker?= <info@bakker.example>\r\n"
    b"To: klant@example.net\r\n"
    b"Subject: Factuur 2026-17\r\n"
    b"Bcc: boekhouding@bakker.example\r\n"
    b"X-Mailer: Facturen 4\r\n"
)
SENT = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=customers.platform.example; s=r1; b=abc\r\n"
    b'From: "Bakker B.V." <mail@customers.platform.example>\r\n'
    b'Reply-To: "Bakker B.V." <info@bakker.example>\r\n'
    b"To: klant@example.net\r\n"
    b"Subject: Factuur 2026-17\r\n"
    b"X-Mailer: Facturen 4\r\n"
)
CHANGES = (
    Change("From", "info@bakker.example", '"Bakker B.V." <mail@customers.platform.example>', "from"),
    Change("Reply-To", None, '"Bakker B.V." <info@bakker.example>', "reply_to"),
    Change("Bcc", "boekhouding@bakker.example", None, "bcc"),
)


@dataclass
class Clock:
    """The time, which a test moves."""

    at: float = NOON

    def __call__(self) -> float:
        return self.at


@dataclass
class Site:
    """An application with its store, its clock and a browser for it."""

    file: Path
    group: CommitGroup
    clock: Clock
    context: WebContext
    client: httpx2.AsyncClient
    tenant: Tenant
    events: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def dump(self) -> list[str]:
        """Everything that is in the database."""
        with sqlite3.connect(self.file) as connection:
            return list(connection.iterdump())

    async def ask(self, token: str, address: str = "info@bakker.example", tenant_id: str = "") -> None:
        """A verification link ``token`` with its withdraw link ``<token>-w``, as a refused submission leaves it."""
        local, _, domain = address.rpartition("@")
        owner, at = tenant_id or self.tenant.id, self.clock.at
        confirmation = Confirmation(sha(token), sha(token + "-w"), owner, address, at, at + 7 * DAY)

        def work(store):
            if store.sender(owner, Address(local, domain)) is None:
                store.put_sender(owner, Address(local, domain), SenderState.PENDING, at)
            store.add_confirmation(confirmation)

        await self.group.write(work)

    async def state(self, address: str = "info@bakker.example", tenant_id: str = "") -> SenderState | None:
        """What is decided of an address."""
        local, _, domain = address.rpartition("@")
        row = await self.group.read(lambda store: store.sender(tenant_id or self.tenant.id, Address(local, domain)))
        return row.state if row else None

    async def put_state(self, state: SenderState, address: str = "info@bakker.example") -> None:
        """Decide something of an address."""
        local, _, domain = address.rpartition("@")
        await self.group.write(
            lambda store: store.put_sender(self.tenant.id, Address(local, domain), state, self.clock.at)
        )

    async def answer(self, path: str, choice: str | None, **more: str) -> httpx2.Response:
        """Open a form and send it back with a choice, as a person does."""
        page = await self.client.get(path)
        data = {"nonce": nonce_in(page.text)} | ({"answer": choice} if choice else {}) | more
        return await self.client.post(path, data=data)

    async def catch(
        self,
        body: bytes = b"Beste klant\r\n",
        *,
        header: bytes = SENT,
        original: bytes = ORIGINAL,
        kind: MessageKind = MessageKind.SUBMISSION,
        recipients: tuple[str, ...] = ("klant@example.net",),
        **fields: object,
    ) -> str:
        """Put a message into the inbox, delivered; returns its id."""
        self.clock.at += 1
        at = self.clock.at
        message = StoredMessage(
            id=make_id(at, 7),
            kind=kind,
            tenant_id=self.tenant.id,
            login="bakker",
            author="info@bakker.example",
            subject="Factuur 2026-17",
            document="invoice",
            original_header=original,
            header=header,
            body_size=len(body),
            body_sha256=hashlib.sha256(body).digest(),
            changes=CHANGES if kind is MessageKind.SUBMISSION else (),
            events=(),
            route=RouteKind.PLATFORM,
            reverse_path="verp",
            smtputf8=False,
            eightbit=False,
            received_at=at,
            peer="127.0.0.1",
        )
        message = replace(message, **fields)
        ways = [
            Delivery(make_id(at, 100 + n), message.id, to, to.rpartition("@")[2], State.QUEUED, 1, at, at)
            for n, to in enumerate(recipients)
        ]
        done = Delivered(Answer("2.0.0 caught", code=250, remote="capture"))
        settlements = [
            Settlement(way, way.after(done, at + 1), Attempt(1, at, 0.25, "delivered", done.answer)) for way in ways
        ]

        def work(store):
            store.enqueue(Queued(message, tuple(ways), body))
            for settlement in settlements:
                store.settle(settlement)

        await self.group.write(work)
        return message.id


def sha(token: str) -> bytes:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def nonce_in(page: str) -> str:
    """The nonce of the form on a page."""
    match = re.search(r'name="nonce" value="([0-9a-f]+)"', page)
    assert match, "the page has no form"
    return match[1]


@pytest.fixture
def sent_header() -> bytes:
    """The header as it left, of messages in the inbox."""
    return SENT


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The pages of `relay dev`: links and inbox."""
    file, clock = tmp_path / "relay.db", Clock()
    group = CommitGroup(f"sqlite:///{file}")
    await group.start()
    tenant = Tenant(make_id(NOON, 1), "Bakker B.V.", "info@bakker.example", "nl", NOON)
    await group.write(lambda store: store.add_tenant(tenant))
    events: list[tuple[str, dict[str, str]]] = []
    context = WebContext(
        platform=Platform(name="Klantenplatform", base_url="http://mail.platform.example:8025"),
        group=group,
        secret=b"k" * 32,
        now=clock,
        inbox=True,
        hints=(("SMTP", "127.0.0.1:2587"), ("Username", "bakker")),
        log=lambda event, facts: events.append((event, dict(facts))),
    )
    transport = httpx2.ASGITransport(create_app(context), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025") as client:
        yield Site(file, group, clock, context, client, tenant, events)
    await group.close()

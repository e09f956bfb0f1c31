"""The real intake on a real database, with three tenants and every state an address can be in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from relay.config import Config
from relay.mail.address import Address, parse_address
from relay.mail.envelope import Envelope, Peer, Submission
from relay.mail.message import BytesBody, Message
from relay.mail.reply import Reply
from relay.mail.sender import SenderState
from relay.mail.tenant import Tenant
from relay.server.intake import Intake
from relay.server.office import Office
from relay.server.signer import Signer
from relay.store.group import CommitGroup
from relay.store.model import MessageKind, Queued, StoredMessage

PLATFORM = "mail@customers.platform.example"
CUSTOMER = parse_address("klant@customer.example")
TENANTS = {
    name: Tenant(name, f"{name} B.V.", f"info@{name}.example", "en", 0.0) for name in ("bakker", "slager", "new")
}
ROWS = (
    ("bakker", "info@bakker.example", SenderState.VERIFIED),
    ("bakker", "both@shared.example", SenderState.VERIFIED),
    ("slager", "both@shared.example", SenderState.VERIFIED),
    ("slager", "info@slager.example", SenderState.VERIFIED),
    ("bakker", "asked@bakker.example", SenderState.PENDING),
    ("slager", "no@slager.example", SenderState.BLOCKED),
    ("bakker", "was@bakker.example", SenderState.REVOKED),
    ("bakker", "was@domain.example", SenderState.REVOKED),
)
DOMAINS = (("bakker", "domain.example"),)


@dataclass
class Outbox:
    """Stands where the worker does: writes what is queued and sends nothing."""

    group: CommitGroup
    queued: list[Queued] = field(default_factory=list)

    async def enqueue(self, queued: Queued, tenant: Tenant) -> None:
        self.queued.append(queued)
        await self.group.write(lambda store: store.enqueue(queued))

    def wake(self) -> None:
        """Nobody to wake."""


@dataclass
class Desk:
    """An intake under a clock that the test turns."""

    intake: Intake
    outbox: Outbox
    group: CommitGroup
    clock: list[float]

    async def submit(
        self,
        header: str | bytes,
        tenant: str | Tenant = "bakker",
        *,
        reverse_path: str = "app@bakker.example",
        to: Address = CUSTOMER,
        body: bytes = b"Beste klant,\r\n",
    ) -> Reply:
        """The reply to a submission; raises MessageError for a header that never gets as far as the intake."""
        octets = header if isinstance(header, bytes) else header.encode()
        message = Message.parse(octets, BytesBody(body))
        envelope = Envelope(parse_address(reverse_path), (to,))
        who = TENANTS[tenant] if isinstance(tenant, str) else tenant
        return await self.intake.accept(Submission(envelope, message, who, Peer("192.0.2.1", "app", "ESMTPSA", "app")))

    def left(self) -> Queued:
        """The latest message that was accepted, as it leaves."""
        return self.outbox.queued[-1]

    async def verification_mails(self) -> list[StoredMessage]:
        """Every mail to an owner so far."""
        stored = await self.group.read(lambda store: store.messages(10_000))
        return [message for message in stored if message.kind is MessageKind.VERIFICATION]


@pytest.fixture
async def make_desk(tmp_path: Path) -> AsyncIterator[Callable[..., Desk]]:
    """Make an intake with keys; without, messages leave unsigned."""
    group = CommitGroup(f"sqlite:///{tmp_path}/relay.db")
    await group.start()

    def fill(store) -> None:
        for tenant in TENANTS.values():
            store.add_tenant(tenant)
        for tenant_id, address, state in ROWS:
            store.put_sender(tenant_id, parse_address(address), state, 0.0)
        for tenant_id, domain in DOMAINS:
            store.put_sender_domain(tenant_id, domain, 0.0)

    await group.write(fill)

    def make(keys=()) -> Desk:
        office = Office(Config(), Signer(list(keys)), "relay.platform.example")
        outbox, clock = Outbox(group), [1_600_000_000.0]
        return Desk(Intake(group, office, outbox, lambda: clock[0], bytes(32)), outbox, group, clock)

    yield make
    await group.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()

"""Mail for our own addresses, from anybody: whose an address is, and which desk takes what comes to it.

The only place that decides that, for RCPT (`Inbound.recipient`) and again after the message (`Inbound.accept`):

- a VERP address on the bounce domain, of a delivery that is known: the desk for bounces, and what is no report goes on
  to the desk for answers;
- the platform's address: the desk for answers;
- postmaster and abuse at our domains (RFC 5321 4.5.1, RFC 2142 4): passed on to ``platform.postmaster``;
- anything else is refused at RCPT, before anything is read or written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.locales import catalog
from relay.mail.address import Address, parse_address
from relay.mail.forward import writer_of
from relay.mail.loop import own_hops
from relay.mail.message import Message, MessageError
from relay.mail.platform_address import whose
from relay.mail.reply import Refusal, Reply
from relay.mail.rewrite import resolve_platform_address
from relay.mail.verp import open_verp
from relay.server.forwarding import Arrival
from relay.server.smtp_commands import RECIPIENT_OK
from relay.store.database import StoreError

if TYPE_CHECKING:
    from relay.mail.envelope import Incoming
    from relay.server.bounces import BounceDesk
    from relay.server.office import Office
    from relay.server.replies import ReplyDesk
    from relay.server.smtp_session import Session
    from relay.store.group import CommitGroup

log = logging.getLogger("relay.inbound")

POSTMASTER = "postmaster"  # also who sends for no tenant, where each has an address of its own
OFFICERS = frozenset({POSTMASTER, "abuse"})
MOST_REPORTS = 20  # about one delivery: whoever has its address cannot fill the disk

NOT_OURS = Reply(550, "5.7.1", ("mail for that domain is not taken here",))
NOBODY = Reply(550, "5.1.1", ("there is no such address here",))
EXPIRED = Reply(550, "5.1.1", ("that address was for one message and is not valid any more",))
FORGOTTEN = Reply(550, "5.1.1", ("nothing is known of that message any more",))
ENOUGH = Reply(550, "5.7.1", ("enough was said about that message",))
LATER = Reply(451, "4.3.0", ("cannot be looked up at this moment, come back later",))
UNREADABLE = Reply(550, "5.6.0", ("the header cannot be read",))
LOOP = Reply(554, "5.4.6", ("the message has passed here before",))
NO_WRITER = Reply(550, "5.6.0", ("the message does not say who wrote it",))


@dataclass(frozen=True, slots=True)
class ForBounces:
    """The reverse-path of a delivery."""

    delivery_id: str


@dataclass(frozen=True, slots=True)
class ForAnswers:
    """The platform's address; ``tenant_id`` is empty where it is that of all tenants."""

    tenant_id: str


@dataclass(frozen=True, slots=True)
class ForPostmaster:
    """Somebody who answers for a domain of ours."""


Ours = ForBounces | ForAnswers | ForPostmaster


class Inbound:
    """One per process: what listeners with ``auth = "none"`` ask."""

    def __init__(
        self,
        office: Office,
        group: CommitGroup,
        verp_key: bytes,
        bounces: BounceDesk,
        answers: ReplyDesk,
        now: Callable[[], float],
    ) -> None:
        self.office = office
        self.platform = office.config.platform
        self.group = group
        self.verp_key = verp_key
        self.bounces = bounces
        self.answers = answers
        self.now = now
        sends_from = self.platform.address.rpartition("@")[2]
        self.domains = frozenset(name.lower() for name in (self.platform.bounce_domain, sends_from, office.hostname))

    async def recipient(self, session: Session) -> bytes:
        """The reply to the RCPT that has just been read well; its recipient stays unless it is refused."""
        transaction = session.transaction
        assert transaction is not None  # the recipient is in it
        key, path = transaction.forward_paths.popitem()
        said = await self.weigh(path)
        if said is not None:
            log.info("recipient refused ip=%s to=%r reply=%r", session.address, str(path)[:100], said.text)
            return said.encode()
        transaction.forward_paths[key] = path
        return RECIPIENT_OK

    async def weigh(self, path: Address) -> Reply | None:
        """Why nothing is taken for an address, or None."""
        found = self.whose(path)
        if isinstance(found, Reply):
            return found
        if not isinstance(found, ForBounces):
            return None
        try:
            count = await self.group.read(lambda store: store.reports_of(found.delivery_id))
        except StoreError:
            log.warning("recipient not looked up", exc_info=True)
            return LATER
        if count is None:
            return FORGOTTEN
        return ENOUGH if count >= MOST_REPORTS else None

    def whose(self, path: Address) -> Ours | Reply:
        """Which desk an address belongs to, or the refusal."""
        if path.domain not in self.domains:
            return NOT_OURS
        if path.local.lower() in OFFICERS:
            return ForPostmaster() if self.platform.postmaster else NOBODY
        tenant_id = whose(self.platform.address, path)
        if tenant_id is not None:
            return ForAnswers(tenant_id)
        opened = open_verp(path.local, self.verp_key) if path.domain == self.platform.bounce_domain.lower() else None
        if opened is None:
            return NOBODY
        delivery_id, expires_at = opened
        return ForBounces(delivery_id) if self.now() <= expires_at else EXPIRED

    async def accept(self, incoming: Incoming) -> Reply:
        """Take responsibility for a mail, or say why not."""
        (path,) = incoming.envelope.forward_paths  # one a transaction: `ListenerSettings.recipients`
        found = self.whose(path)
        try:
            match found:
                case Reply():
                    return found
                case ForBounces(delivery_id):
                    taken = await self.bounces.take(incoming, delivery_id)
                    return taken or await self.answer(incoming, "", delivery_id)
                case ForAnswers(tenant_id):
                    return await self.answer(incoming, tenant_id, "")
                case ForPostmaster():
                    return await self.pass_on(incoming)
        except StoreError:
            log.warning("mail not taken to=%r", str(path)[:100], exc_info=True)
            return LATER

    async def answer(self, incoming: Incoming, tenant_id: str, delivery_id: str) -> Reply:
        """An answer to a message of a tenant's. Raises StoreError."""
        arrival = self.arrival(incoming, tenant_id, delivery_id)
        return await self.answers.take(arrival) if arrival else UNREADABLE

    async def pass_on(self, incoming: Incoming) -> Reply:
        """Mail to whoever answers for our domains. Raises StoreError."""
        arrival = self.arrival(incoming, POSTMASTER, "")
        if arrival is None:
            return UNREADABLE
        if own_hops(arrival.message, self.answers.loop_secret):
            return LOOP
        writer = writer_of(arrival.message, arrival.reverse_path, smtputf8=arrival.smtputf8)
        if writer is None:
            return NO_WRITER
        to = parse_address(self.platform.postmaster)
        queued = await self.answers.forwarding.queued(arrival, writer, [to], None)
        await self.group.write(lambda store: store.enqueue(queued))
        self.answers.wake()
        log.info("passed on to=%s id=%s peer=%s", to, queued.message.id, arrival.peer.address)
        return Reply(250, "2.0.0", (f"queued as {queued.message.id}",))

    def arrival(self, incoming: Incoming, tenant_id: str, delivery_id: str) -> Arrival | None:
        """A mail as the desk for answers takes it; None when its header is none."""
        envelope = incoming.envelope
        try:
            message = Message.parse(incoming.header, incoming.body)
        except MessageError:
            return None
        return Arrival(
            message=message,
            reverse_path=envelope.reverse_path,
            recipient=resolve_platform_address(self.platform.address, tenant_id or POSTMASTER),
            peer=incoming.peer,
            tenant_id=tenant_id,
            delivery_id=delivery_id,
            smtputf8=envelope.smtputf8,
            eightbit=envelope.eightbit,
        )

    def refuse(self, refusal: Refusal) -> Reply:
        """A refusal of what came after DATA, in English: the reader is a server's."""
        text = catalog("en").text(f"reply.{refusal.topic}", **refusal.params)
        return Reply(refusal.code, refusal.enhanced, tuple(text.split("\n")[:3]))

"""A mail that came to the platform's address, ready to be queued: rewritten, traced, signed, its body stored."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from relay.locales import catalog
from relay.mail.address import Address, parse_address
from relay.mail.date import mail_date
from relay.mail.forward import forward
from relay.mail.loop import trace_id
from relay.mail.message import Field, Message
from relay.mail.platform_address import SHARED
from relay.mail.rewrite import RewritePolicy, resolve_platform_address
from relay.mail.route import RouteKind
from relay.server.intake import IN_MEMORY, put_chunk
from relay.server.office import Office, fresh_id, new_delivery, subject_of
from relay.store.model import MessageKind, Queued, StoredMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from relay.config import Platform
    from relay.mail.envelope import Peer
    from relay.mail.mailbox import Mailbox
    from relay.mail.tenant import Tenant
    from relay.store.group import CommitGroup

NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9.:_-]")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail to the platform's address, or to a VERP address without being a report. ``recipient`` is the platform's
    address; ``tenant_id`` says whose it is (`relay.mail.platform_address.whose`), ``delivery_id`` what the VERP address
    names."""

    message: Message
    reverse_path: Address | None
    recipient: Address
    peer: Peer
    tenant_id: str = SHARED
    delivery_id: str = ""
    smtputf8: bool = False
    eightbit: bool = False


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Makes mails ready to go on; ``loop_secret`` marks what has passed here."""

    group: CommitGroup
    office: Office
    now: Callable[[], float]
    loop_secret: bytes

    async def queued(self, arrival: Arrival, writer: Mailbox, to: Sequence[Address], tenant: Tenant | None) -> Queued:
        """The mail of ``writer`` on its way ``to`` others, under a VERP address. Raises StoreError."""
        now = self.now()
        message_id = fresh_id(now)
        policy = self.policy(arrival, tenant)
        date, new_id = mail_date(now), self.office.message_id(now)
        passed = forward(arrival.message, writer, to, policy, date=date, message_id=new_id, smtputf8=arrival.smtputf8)
        traced = passed.prepend([self.received(arrival.peer, message_id, now)])
        signed, body_sha256 = await asyncio.to_thread(self.office.signer.sign, traced, now)
        stored = StoredMessage(
            id=message_id,
            kind=MessageKind.REPLY,
            tenant_id=tenant.id if tenant else None,
            login="",
            author=str(policy.platform),
            subject=subject_of(arrival.message),
            document="",
            original_header=arrival.message.header,
            header=signed.header,
            body_size=arrival.message.body.size,
            body_sha256=body_sha256,
            changes=(),
            events=(),
            route=RouteKind.PLATFORM,
            reverse_path="verp",
            smtputf8=arrival.smtputf8 or not all(str(address).isascii() for address in to),
            eightbit=arrival.eightbit,
            received_at=now,
            peer=arrival.peer.address,
        )
        deliveries = tuple(new_delivery(message_id, str(address), now) for address in to)
        return Queued(stored, deliveries, await self.small_body(message_id, arrival.message))

    async def small_body(self, message_id: str, message: Message) -> bytes | None:
        """The body, or None where it is large: its chunks are stored already then."""
        if message.body.size <= IN_MEMORY:
            return b"".join(message.body.chunks())
        for number, chunk in enumerate(message.body.chunks()):
            await self.group.write(partial(put_chunk, message_id, number, chunk))
        return None

    def policy(self, arrival: Arrival, tenant: Tenant | None) -> RewritePolicy:
        """How the mail is rewritten: under the platform's address, named behind the writer."""
        platform = self.office.config.platform
        tenant_id = tenant.id if tenant else arrival.tenant_id
        return RewritePolicy(
            platform=resolve_platform_address(platform.address, tenant_id),
            platform_name=platform.name,
            company=platform.name,
            protected_names=(platform.name,),
            suffix=catalog(tenant.locale if tenant else platform.locale).text("mail.from.suffix"),
            authserv_id=self.office.hostname,
        )

    def received(self, peer: Peer, message_id: str, now: float) -> Field:
        """Our trace field (RFC 5321 4.4)."""
        helo = NOT_IN_A_NAME.sub("?", peer.helo)[:255] or "unknown"
        origin = f"from {helo} ([{NOT_IN_A_NAME.sub('?', peer.address)}])\r\n\tby {self.office.hostname}"
        trace = f"with {peer.protocol} id {trace_id(message_id, self.loop_secret)}"
        return Field.make("Received", f"{origin}\r\n\t{trace};\r\n\t{mail_date(now)}")


def postmaster(platform: Platform, recipient: Address) -> Address:
    """Who looks at what nobody can match: the configured postmaster, else the one of the domain (RFC 5321 4.5.1)."""
    return parse_address(platform.postmaster) if platform.postmaster else replace(recipient, local="postmaster")

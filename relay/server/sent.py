"""Which message an answer is about: by the reverse-path that it came to, else by the Message-IDs that it names.

Messages can be looked up by Message-ID a while after they were accepted, or as soon as an answer asks: the table is
filled here, where answers come in, and not where apps hand in mail.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from relay.mail.address import Address, AddressError, parse_address
from relay.mail.ids import make_id
from relay.mail.mailbox import reply_to_mailboxes
from relay.mail.message import BytesBody, Message, MessageError
from relay.mail.message_id import id_of
from relay.mail.route import RouteKind
from relay.store.model import MessageKind, StoredMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from relay.mail.tenant import Tenant
    from relay.store.group import CommitGroup
    from relay.store.store import Store

AT_ONCE = 500  # messages a transaction
LATE_FOR = 900.0  # seconds after which no message of an earlier identifier is committed any more


@dataclass(frozen=True, slots=True)
class Target:
    """Whose an answer is, the message it is about where that is known, and where it goes."""

    tenant: Tenant
    message: StoredMessage | None
    to: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Clues:
    """What an answer says of the message it is about. ``delivery_id`` is from its VERP address, ``tenant_id`` from the
    platform's address where that is a tenant's own; both may be empty."""

    delivery_id: str
    tenant_id: str
    message_ids: Sequence[str]
    writer_key: str


class SentMessages:
    """What was sent, to be found by answers. ``kept_for`` is how many seconds messages are kept."""

    def __init__(self, group: CommitGroup, now: Callable[[], float], kept_for: float) -> None:
        self.group = group
        self.now = now
        self.since = now() - kept_for
        self.filling = asyncio.Lock()

    async def fill(self) -> None:
        """Let every message that is committed be found. Raises StoreError."""
        async with self.filling:
            reached, after = self.now() - LATE_FOR, make_id(self.since, 0)
            while rows := await self.group.read(partial(without_key, after)):
                await self.group.write(partial(add_keys, rows))
                after = rows[-1][0]
            self.since = max(self.since, reached)

    async def target(self, clues: Clues) -> Target | None:
        """Where an answer goes, or None when nothing says. Raises StoreError."""
        found = await self.group.read(lambda store: find(store, clues))
        if (found is None or found.message is None) and clues.message_ids:
            await self.fill()
            found = await self.group.read(lambda store: find(store, clues))
        return found


def without_key(after: str, store: Store) -> list[tuple[str, bytes]]:
    """The next messages that cannot be found."""
    return store.messages_without_key(after, AT_ONCE)


def add_keys(rows: list[tuple[str, bytes]], store: Store) -> None:
    """Let them be found."""
    store.add_message_keys(rows)


def find(store: Store, clues: Clues) -> Target | None:
    """Whose an answer is, as far as the store knows now."""
    message = by_delivery(store, clues) or by_message_id(store, clues)
    tenant_id = message.tenant_id if message else clues.tenant_id
    tenant = store.tenant(tenant_id) if tenant_id else None
    if tenant is None:
        return None
    return Target(tenant, message, targets(message) if message else (parse_address(tenant.email, smtputf8=True),))


def by_delivery(store: Store, clues: Clues) -> StoredMessage | None:
    """The message behind a VERP address."""
    delivery = store.delivery(clues.delivery_id) if clues.delivery_id else None
    message = store.message(delivery.message_id) if delivery else None
    return message if message and message.kind is MessageKind.SUBMISSION else None


def by_message_id(store: Store, clues: Clues) -> StoredMessage | None:
    """The message that is answered: of several, one that went to the writer, then the one that was there first, so that
    nobody draws the answers to another's mail to himself by using its Message-ID again."""
    for message_id in clues.message_ids:
        named = [store.message(identifier) for identifier in store.ids_by_message_id(message_id)]
        found = [
            message
            for message in named
            if message and id_of(message.header) == message_id and clues.tenant_id in {"", message.tenant_id}
        ]
        if found:
            return next((message for message in found if went_to(store, message, clues.writer_key)), found[0])
    return None


def went_to(store: Store, message: StoredMessage, key: str) -> bool:
    """True when a delivery of the message was to that address."""
    for delivery in store.deliveries(message.id):
        local, _, domain = delivery.recipient.rpartition("@")
        if Address(local, domain).key == key:
            return True
    return False


def targets(message: StoredMessage) -> tuple[Address, ...]:
    """Where answers to a message were meant to go: its Reply-To as it left, else its author."""
    author = parse_address(message.author, smtputf8=True)
    if message.route is RouteKind.OWN:
        return (author,)  # nobody verified its Reply-To
    try:
        sent = Message.parse(message.header, BytesBody(b""))
        mailboxes = reply_to_mailboxes(sent, smtputf8=True)
    except (AddressError, MessageError):
        return (author,)
    return tuple(mailbox.address for mailbox in mailboxes) or (author,)

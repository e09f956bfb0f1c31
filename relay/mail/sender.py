"""The verified-sender table: who may send as what (rules A1-A5 and D)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from relay.mail.address import Address, AddressError
from relay.mail.mailbox import Mailbox, parse_from, parse_mailboxes, reply_to_mailboxes
from relay.mail.reply import Refusal

if TYPE_CHECKING:
    from relay.mail.message import Message


class SenderState(StrEnum):
    """PENDING until its owner confirms; BLOCKED when the owner said no; REVOKED when it was withdrawn."""

    PENDING = "pending"
    VERIFIED = "verified"
    BLOCKED = "blocked"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Sender:
    """A row of the verified-sender table: one address for one tenant. ``address`` is as it was first typed."""

    tenant_id: str
    address: str
    state: SenderState
    created_at: float
    decided_at: float | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What a tenant may send as: keys of addresses (`Address.key`) and whole domains (lower-case A-labels; D4)."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def __contains__(self, address: Address) -> bool:
        return address.key in self.addresses or address.domain in self.domains


@dataclass(frozen=True, slots=True)
class Admitted:
    """A message that may be sent: its author (the verified From as typed), and what was odd about it.

    ``smtputf8`` says whether its other addresses may be other than ASCII too (rule A5).
    """

    author: Mailbox
    events: tuple[str, ...] = ()
    smtputf8: bool = False


RECEIPTS = frozenset({"disposition-notification-to", "return-receipt-to", "errors-to"})  # rule C6


def mentioned(message: Message, *, smtputf8: bool = False) -> frozenset[Address]:
    """Every address in the header whose verification decides something; look these up, then call `admit`.

    A field that cannot be read adds nothing, nor does what `admit` and `relay.mail.rewrite` refuse unseen.
    """
    found: list[Mailbox] = []
    if author := message.first("from"):
        with suppress(AddressError):
            found.append(parse_from(author.value, smtputf8=smtputf8)[0])
    with suppress(AddressError):
        found += reply_to_mailboxes(message, smtputf8=smtputf8)
    for receipt in filter(None, map(message.first, RECEIPTS)):
        with suppress(AddressError):
            found += parse_mailboxes(receipt.value, smtputf8=smtputf8)
    return frozenset(mailbox.address for mailbox in found)


def admit(message: Message, known: Verified, *, smtputf8: bool = False) -> Admitted | Refusal:
    """Whether the tenant that ``known`` belongs to may send this: one From, one mailbox in it, verified (A1-A5, D1)."""
    fields = message.all("from")
    if len(fields) != 1:
        return Refusal(550, "5.6.0", "from.several" if fields else "from.missing")  # RFC 5322 3.6
    try:
        author, was_repaired = parse_from(fields[0].value, smtputf8=smtputf8)
    except AddressError as error:
        return error.refusal("From")
    if author.address not in known:
        return unverified("sender.unverified", author.address)
    return Admitted(author, ("from_repaired",) if was_repaired else (), smtputf8)


def unverified(topic: str, address: Address) -> Refusal:
    """The refusal for want of a confirmation. To an address literal no confirmation mail can be sent."""
    return Refusal(550, "5.7.1", topic, {"address": str(address)}, confirm=None if address.is_literal else address)

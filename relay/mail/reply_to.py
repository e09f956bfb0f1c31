"""Who gets the replies (rules C1 to C5): nobody that the tenant has not verified, and never the platform itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.mail.address import Address, AddressError
from relay.mail.mailbox import Mailbox, reply_to_mailboxes
from relay.mail.name import clean_name
from relay.mail.reply import Refusal
from relay.mail.sender import Admitted, Verified, unverified

if TYPE_CHECKING:
    from relay.mail.message import Message
    from relay.mail.rewrite import RewritePolicy

DROPPED = "reply_to_dropped"


@dataclass(frozen=True, slots=True)
class Replies:
    """What the Reply-To holds: clean names (or none) with addresses, and what was remarkable."""

    mailboxes: list[tuple[str, Address]]
    events: tuple[str, ...]


def replies(
    message: Message, author: Admitted, known: Verified, display: str, policy: RewritePolicy
) -> Replies | Refusal:
    """The mailboxes of the message's own Reply-To where it has one (C4), else the author under the ``display`` name."""
    try:
        wanted = others(message, policy.platform, smtputf8=author.smtputf8)
    except AddressError as error:
        return error.refusal("Reply-To")  # C3
    kept = [mailbox for mailbox in wanted if mailbox.address in known]
    if len(kept) < len(wanted) and policy.reply_to == "refuse":
        stranger = next(mailbox for mailbox in wanted if mailbox.address not in known)
        return unverified("reply_to.unverified", stranger.address)
    events = [DROPPED] if len(kept) < len(wanted) else []
    if not kept:
        return Replies([(display, author.author.address)], tuple(events))  # C1
    shown: list[tuple[str, Address]] = []
    for mailbox in kept:
        name, name_events = clean_name(mailbox.name, mailbox.address, policy.protected_names)  # C5
        shown.append((name, mailbox.address))
        events += name_events
    return Replies(shown, tuple(events))


def others(message: Message, platform: Address, *, smtputf8: bool) -> list[Mailbox]:
    """The mailboxes of all Reply-To fields in order, each address once, without the platform's (rule C2).

    Raises `AddressError`.
    """
    found: dict[str, Mailbox] = {}
    for mailbox in reply_to_mailboxes(message, smtputf8=smtputf8):
        found.setdefault(mailbox.address.key, mailbox)
    found.pop(platform.key, None)
    return list(found.values())

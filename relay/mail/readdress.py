"""The visible recipients of a document in its header: further ones behind those that are there, or others instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.mail.address import AddressError
from relay.mail.mailbox import parse_mailboxes
from relay.mail.message import CRLF, Field, Message
from relay.mail.rewrite import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relay.mail.address import Address
    from relay.mail.document import Addressed

FIELDS = {"to": "To", "cc": "Cc"}


def readdress(message: Message, addressed: Addressed, *, smtputf8: bool = False) -> tuple[Message, tuple[Change, ...]]:
    """The message with To and Cc as its document type wants them, and what changed. A field that cannot be read stays
    as it is: its further recipients get the message all the same, unseen."""
    if addressed.redirected:
        return redirect(message, addressed)
    changes: list[Change] = []
    present = {address.key for key in FIELDS for address in readable(message, key, smtputf8=smtputf8) or ()}
    for key, wanted in (("to", addressed.to), ("cc", addressed.cc)):
        further = [address for address in wanted if address.key not in present]
        present |= {address.key for address in further}
        if further and readable(message, key, smtputf8=smtputf8) is not None:
            before = message.first(key)
            after = appended(key, before, further)
            message = message.put(after)
            changes.append(Change(after.name, before.text if before else None, after.text, "document"))
    return message, tuple(changes)


def redirect(message: Message, addressed: Addressed) -> tuple[Message, tuple[Change, ...]]:
    """The fixed recipients in place of all that were there; without fixed To the Cc stand in the To."""
    to, cc = (addressed.to, addressed.cc) if addressed.to else (addressed.cc, ())
    changes: list[Change] = []
    for key, wanted in (("to", to), ("cc", cc)):
        before = message.first(key)
        after = appended(key, None, wanted) if wanted else None
        message = message.put(after) if after else without(message, key)
        if before or after:
            name = FIELDS[key]
            changes.append(Change(name, before.text if before else None, after.text if after else None, "redirect"))
    return message, tuple(changes)


def without(message: Message, key: str) -> Message:
    """The message with no field of that name."""
    return message.drop(lambda field: field.key == key)


def readable(message: Message, key: str, *, smtputf8: bool) -> list[Address] | None:
    """The addresses in a field, none when it is not there; None when they cannot be read."""
    field = message.first(key)
    if field is None or not field.value:
        return []
    try:
        return [mailbox.address for mailbox in parse_mailboxes(field.value, smtputf8=smtputf8)]
    except AddressError:
        return None


def appended(key: str, field: Field | None, further: Sequence[Address]) -> Field:
    """A field with addresses behind what it has, each on a line of its own (RFC 5322 2.2.3)."""
    lines = b"".join(b"," + CRLF + b" " + str(address).encode() for address in further)
    if field is None or not field.value.rstrip(b", \t"):
        return Field.make(FIELDS[key], lines.removeprefix(b"," + CRLF + b" "))
    return Field(key, field.raw.removesuffix(CRLF).rstrip(b", \t\r\n") + lines + CRLF)

"""The polite mail to somebody who wrote to the platform's address, and whose mail answers nothing that was sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from relay.locales import catalog
from relay.mail.compose import compose
from relay.mail.forward import is_addressed
from relay.mail.message import Field
from relay.mail.message_id import first_id
from relay.mail.text import decode_raw
from relay.server.letter import Block, Note, Paragraph
from relay.server.notices import letter, own_fields

if TYPE_CHECKING:
    from relay.config import Platform
    from relay.mail.address import Address
    from relay.mail.message import Message

LONGEST_ID = 200  # octets of a Message-ID that is named
# Local parts behind which no person reads (RFC 3834 2).
UNREAD = re.compile(
    r"(?i)owner-|.*-(?:request|owner|bounces?|relay)$|(?:mailer-daemon|postmaster|nobody|listserv|majordomo|mdaemon|"
    r"no[._-]?reply|do[._-]?not[._-]?reply|bounces?)(?:[+._-].*)?$|(?:bounces?|prvs|srs[01]|msprvs1)[+=_-]"
)


def may_hint(message: Message, recipient: Address, reverse_path: Address | None, own_domains: set[str]) -> bool:
    """True when a program may answer a mail that looks like a person's (RFC 3834 2): somebody is there, and named us in
    To or Cc."""
    if reverse_path is None or reverse_path.domain in own_domains or UNREAD.match(reverse_path.local):
        return False
    return is_addressed(message, recipient)


def hint(
    platform: Platform, recipient: Address, to: Address, message: Message, *, now: float, message_id: str
) -> Message:
    """The mail ``to`` whoever wrote ``message`` to ``recipient``, which is the platform's address. It quotes nothing:
    whoever forges a reverse-path must not have us carry words of theirs."""
    words = catalog(platform.locale)
    known = {"platform": platform.name, "address": str(recipient)}
    title = words.text("mail.hint.title")
    blocks: list[Block] = [
        Paragraph(words.text("mail.hint.what", **known)),
        Paragraph(words.text("mail.hint.where")),
        Note(words.text("mail.hint.note", **known)),
    ]
    subject = words.text("mail.hint.subject")
    fields = own_fields(platform, recipient, to, subject, now, message_id, "auto-replied", words)  # RFC 3834 5
    fields += answering(message)
    return compose(fields, letter(title, blocks, platform, words, seed=message_id))


def answering(message: Message) -> list[Field]:
    """The fields that say which mail is answered (RFC 3834 3.1.5 and 3.1.6)."""
    field = message.first("message-id")
    answered = first_id(decode_raw(field.value)) if field else ""
    if not answered or len(answered) > LONGEST_ID or not (answered.isascii() and answered.isprintable()):
        return []
    return [Field.make(name, f"<{answered}>") for name in ("In-Reply-To", "References")]

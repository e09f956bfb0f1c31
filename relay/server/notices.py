"""The mails that we write ourselves, complete but for their signature: the question to the owner of an address, and
the notice that nobody answered it; `relay.server.reports` tells what became of deliveries. Clock, links and identifiers
come in as arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from relay.locales import Catalog, catalog
from relay.mail.address import Address, parse_address
from relay.mail.compose import Part, compose, multipart, text_part
from relay.mail.date import mail_date
from relay.mail.document_number import document_number
from relay.mail.dsn import one_line
from relay.mail.message import Field, Message
from relay.mail.name import clean_name, clean_text
from relay.mail.rewrite import resolve_platform_address
from relay.mail.text import encode_unstructured, print_mailboxes
from relay.server.letter import Block, Button, Facts, Heading, Link, Note, Paragraph, as_html, as_text

if TYPE_CHECKING:
    from relay.config import Platform
    from relay.mail.tenant import Tenant
    from relay.store.model import StoredMessage

LONGEST_SUBJECT = 150  # characters of a message's subject that are repeated
WEB_ADDRESS = re.compile(r"\S*(://|\bwww\.|\w\.\w+/)\S*", re.IGNORECASE)


# ---- the question to the owner of an address (rule D2) -------------------------------------------------------------


def verification_mail(
    platform: Platform,
    tenant: Tenant,
    address: Address,
    confirm_url: str,
    withdraw_url: str,
    expires_at: float,
    *,
    locale: str,
    now: float,
    message_id: str,
) -> Message:
    """The mail that asks whether ``tenant`` may send as ``address``; nothing in it is the tenant's but its name.

    ``message_id`` has its angle brackets; times are seconds since 1970.
    """
    words = catalog(locale)
    sender = resolve_platform_address(platform.address, tenant.id)
    known = {
        "company": company_name(platform, tenant, words),
        "address": str(address),
        "platform": platform.name,
        "platform_address": str(sender),
        "asked": written_date(now, words),
        "until": written_date(expires_at, words),
    }
    blocks = verification_blocks(known, confirm_url, withdraw_url, words)
    subject = words.text("mail.verify.subject", **known)
    fields = own_fields(platform, sender, address, subject, now, message_id, "auto-generated", words)
    title = words.text("mail.verify.title", **known)
    return compose(fields, letter(title, blocks, platform, words, seed=message_id))


def verification_blocks(known: Mapping[str, str], confirm_url: str, withdraw_url: str, words: Catalog) -> list[Block]:
    """What is asked and by whom, how to answer and until when, and what to do when one asked for nothing."""

    def text(key: str) -> str:
        return words.text(f"mail.verify.{key}", **known)

    asked_by = [
        (text("address"), known["address"]),
        (text("company"), known["company"]),
        (text("asked_at"), known["asked"]),
    ]
    return [
        Paragraph(text("why")),
        Facts(asked_by),
        Paragraph(text("ask")),
        Button(text("button"), confirm_url),
        Paragraph(text("until")),
        Paragraph(text("after")),
        Heading(text("stranger.title")),
        Paragraph(text("stranger.text")),
        Heading(text("withdraw.title")),
        Paragraph(text("withdraw.text")),
        Link(text("withdraw.link"), withdraw_url),
        Note(text("note")),
    ]


def company_name(platform: Platform, tenant: Tenant, words: Catalog) -> str:
    """The tenant's name as a stranger may read it: clean, and without anything that becomes a link."""
    name = " ".join(WEB_ADDRESS.sub(" ", clean_name(tenant.name)[0]).split())
    return name or words.text("mail.verify.unnamed", platform=platform.name)


# ---- the notice that nobody confirmed the sender -------------------------------------------------------------------


def lapse_notice(
    platform: Platform,
    tenant: Tenant,
    message: StoredMessage,
    recipients: Sequence[str],
    *,
    now: float,
    message_id: str,
) -> Message:
    """The notice to ``tenant`` that a held message was given up, since nobody confirmed the address it came from."""
    words = catalog(tenant.locale)
    sender = resolve_platform_address(platform.address, tenant.id)
    subject = one_line(clean_text(message.subject), LONGEST_SUBJECT)
    shown = [clean_text(recipient) for recipient in recipients]
    about = words.text("mail.failure.subject", subject=subject) if subject else untitled(shown, words)
    title = words.text("mail.lapsed.title")
    blocks: list[Block] = [
        Paragraph(words.text("mail.lapsed.intro", address=message.author, platform=platform.name)),
        Facts([*message_facts(message, subject, words), (words.text("mail.lapsed.to"), ", ".join(shown))]),
        Paragraph(words.text("mail.failure.advice", advice=words.text("mail.lapsed.advice", address=message.author))),
        Note(words.text("mail.lapsed.note", platform=platform.name)),
    ]
    to = parse_address(tenant.email, smtputf8=True)
    fields = own_fields(platform, sender, to, about, now, message_id, "auto-generated", words)
    return compose(fields, letter(title, blocks, platform, words, seed=message_id))


# ---- what all share ------------------------------------------------------------------------------------------------


def untitled(recipients: Sequence[str], words: Catalog) -> str:
    """The subject of a notice about a message that had none."""
    return words.text("mail.failure.untitled", recipient=recipients[0])


def message_facts(message: StoredMessage, subject: str, words: Catalog) -> Iterator[tuple[str, str]]:
    """What tells the author which message it is."""
    if subject:
        yield words.text("mail.failure.about"), subject
    if document := document_fact(message, words):
        yield words.text("mail.failure.document"), document
    yield words.text("mail.failure.author"), message.author
    yield words.text("mail.failure.handed_in_at"), written_date(message.received_at, words)
    yield words.text("mail.failure.reference"), message.id


def document_fact(message: StoredMessage, words: Catalog) -> str:
    """The type of the document, with its number where the subject says it."""
    kind = clean_text(message.document)
    key = f"mail.document.{kind}"
    named = words.text(key) if key in words else kind
    return " ".join(part for part in (named, document_number(clean_text(message.subject))) if part)


def own_fields(
    platform: Platform,
    sender: Address,
    to: Address,
    subject: str,
    now: float,
    message_id: str,
    auto_submitted: str,
    words: Catalog,
) -> list[Field]:
    """The header fields of any mail of ours (RFC 5322 3.6); ``auto_submitted`` is a keyword of RFC 3834 5."""
    return [
        Field.make("From", print_mailboxes("From", [(clean_name(platform.name)[0], sender)])),
        Field.make("To", print_mailboxes("To", [("", to)])),
        Field.make("Subject", encode_unstructured("Subject", subject)),
        Field.make("Date", mail_date(now)),
        Field.make("Message-ID", message_id),
        Field.make("Auto-Submitted", auto_submitted),
        Field.make("Content-Language", words.language),  # RFC 3282
    ]


def letter(title: str, blocks: Sequence[Block], platform: Platform, words: Catalog, *, seed: str) -> Part:
    """The blocks as plain text and as HTML, for the reader's program to choose from (RFC 2046 5.1.4)."""
    html = as_html(title, blocks, sender=platform.name, language=words.language)
    return multipart("alternative", [text_part("plain", as_text(title, blocks)), text_part("html", html)], seed=seed)


def written_date(at: float, words: Catalog) -> str:
    """A date with its time as people write it, in UTC and said so."""
    when = datetime.fromtimestamp(at, UTC)
    return words.text(
        "mail.date.text",
        weekday=words.text("mail.date.weekdays").split()[when.weekday()],
        day=words.text("mail.date.first") if when.day == 1 else when.day,
        month=words.text("mail.date.months").split()[when.month - 1],
        year=when.year,
        time=f"{when:%H:%M}",
    )

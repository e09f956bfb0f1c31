"""What the author of a message is told while it is late: that it is, and that it arrived after all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from relay.locales import Catalog, catalog
from relay.mail.address import parse_address
from relay.mail.compose import compose, multipart
from relay.mail.delivery import LIFETIME, Answer, Delivery
from relay.mail.dsn import is_permanent, one_line, original_header
from relay.mail.name import clean_text
from relay.mail.rewrite import resolve_platform_address
from relay.server.failure_reason import failure_reason
from relay.server.letter import Block, Facts, Heading, Note, Paragraph
from relay.server.notices import LONGEST_SUBJECT, letter, message_facts, own_fields, written_date
from relay.server.reports import said_blocks, status_part

if TYPE_CHECKING:
    from relay.config import Platform
    from relay.mail.message import Message
    from relay.mail.tenant import Tenant
    from relay.store.model import StoredMessage


def delay_notice(
    platform: Platform,
    tenant: Tenant,
    message: StoredMessage,
    results: Sequence[tuple[Delivery, Answer]],
    *,
    hostname: str,
    now: float,
    message_id: str,
) -> Message:
    """The notice that a message did not reach some recipients yet: which ones, why, and until when it is tried; for
    people, then for programs."""
    words = catalog(tenant.locale)
    subject = one_line(clean_text(message.subject), LONGEST_SUBJECT)
    recipient = clean_text(results[0][0].recipient)
    about = (
        words.text("mail.delay.subject", subject=subject)
        if subject
        else words.text("mail.delay.untitled", recipient=recipient)
    )
    blocks: list[Block] = [
        Paragraph(words.text("mail.delay.intro", platform=platform.name)),
        Facts(list(message_facts(message, subject, words))),
    ]
    for delivery, answer in results:
        blocks += delay_blocks(delivery, answer, now, words)
    blocks.append(Note(words.text("mail.delay.note", platform=platform.name)))
    report = [
        letter(words.text("mail.delay.title"), blocks, platform, words, seed=f"{message_id} letter"),
        status_part(message, results, hostname, now),
        original_header(message.original_header),
    ]
    sender = resolve_platform_address(platform.address, tenant.id)
    author = parse_address(message.author, smtputf8=True)
    fields = own_fields(platform, sender, author, about, now, message_id, "auto-replied", words)
    return compose(fields, multipart("report; report-type=delivery-status", report, seed=message_id))  # RFC 6522 3


def delay_blocks(delivery: Delivery, answer: Answer, now: float, words: Catalog) -> Iterator[Block]:
    """What is the matter with one recipient, the words of whoever put it off, and what happens next."""
    recipient = clean_text(delivery.recipient)
    reason = "expired_unreachable" if is_permanent(answer) else failure_reason(answer)
    yield Heading(recipient)
    why = words.text(f"mail.reason.{reason}.why", recipient=recipient, since=written_date(delivery.created_at, words))
    yield Paragraph(why)
    yield from said_blocks(answer, words)
    yield Facts(
        [
            (words.text("mail.delay.next"), written_date(max(delivery.due_at, now), words)),
            (words.text("mail.delay.until"), written_date(delivery.created_at + LIFETIME, words)),
        ]
    )
    if reason == "expired_unreachable":
        yield Paragraph(words.text("mail.delay.unreachable", recipient=recipient))


def recovered_notice(
    platform: Platform,
    tenant: Tenant,
    message: StoredMessage,
    results: Sequence[tuple[Delivery, Answer]],
    *,
    hostname: str,  # noqa: ARG001 - all notices take the same
    now: float,
    message_id: str,
) -> Message:
    """The notice that a message which was late has arrived everywhere. Not a report of RFC 3464: nobody asked for one
    about success."""
    words = catalog(tenant.locale)
    subject = one_line(clean_text(message.subject), LONGEST_SUBJECT)
    recipients = ", ".join(clean_text(delivery.recipient) for delivery, _ in results)
    about = words.text("mail.recovered.subject", subject=subject or one_line(recipients, LONGEST_SUBJECT))
    blocks: list[Block] = [
        Paragraph(words.text("mail.recovered.intro", platform=platform.name)),
        Facts([*message_facts(message, subject, words), (words.text("mail.recovered.to"), recipients)]),
        Note(words.text("mail.recovered.note", platform=platform.name)),
    ]
    sender = resolve_platform_address(platform.address, tenant.id)
    author = parse_address(message.author, smtputf8=True)
    fields = own_fields(platform, sender, author, about, now, message_id, "auto-generated", words)
    return compose(fields, letter(words.text("mail.recovered.title"), blocks, platform, words, seed=message_id))

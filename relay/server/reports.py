"""What became of a delivery, told to the author of its message: for people, then for programs (RFC 3464)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from relay.locales import Catalog, catalog
from relay.mail.address import Address, parse_address
from relay.mail.compose import Part, compose, is_plain, multipart, octets_part
from relay.mail.delivery import Answer, Delivery
from relay.mail.dsn import delivery_status, one_line, original_header, original_message, remote_host
from relay.mail.message import Message
from relay.mail.name import clean_text
from relay.mail.rewrite import resolve_platform_address
from relay.server.failure_reason import failure_reason
from relay.server.letter import Block, Facts, Heading, Note, Paragraph, Quote
from relay.server.notices import LONGEST_SUBJECT, letter, message_facts, own_fields, untitled, written_date

if TYPE_CHECKING:
    from relay.config import Platform
    from relay.mail.tenant import Tenant
    from relay.store.model import StoredMessage

LONGEST_WORDS = 400  # characters of a server's words that are shown


def failure_notice(
    platform: Platform,
    tenant: Tenant,
    message: StoredMessage,
    failures: Sequence[tuple[Delivery, Answer]],
    *,
    hostname: str,
    now: float,
    message_id: str,
    body: bytes | None = None,
    reports: Sequence[bytes] = (),
) -> Message:
    """The notice to the author of ``message`` that it did not reach some recipients: for people, then for programs.

    ``failures`` holds each failed delivery with its last answer; ``hostname`` is ours (Reporting-MTA); with ``body``
    the message comes back whole. ``reports`` are mails of other servers that say so, and go along.
    """
    words = catalog(tenant.locale)
    sender = resolve_platform_address(platform.address, tenant.id)
    recipients = [clean_text(delivery.recipient) for delivery, _ in failures]
    subject = one_line(clean_text(message.subject), LONGEST_SUBJECT)
    about = words.text("mail.failure.subject", subject=subject) if subject else untitled(recipients, words)
    title = words.text(
        "mail.failure.title.one" if len(failures) == 1 else "mail.failure.title.many", count=len(failures)
    )
    blocks: list[Block] = [
        Paragraph(words.text("mail.failure.intro", platform=platform.name)),
        Facts(list(message_facts(message, subject, words))),
    ]
    for delivery, answer in failures:
        blocks += failure_blocks(platform, sender, delivery, answer, words)
    blocks.append(Note(words.text("mail.failure.note", platform=platform.name)))
    told = letter(title, blocks, platform, words, seed=f"{message_id} letter")
    parts = [
        with_reports(told, reports, seed=f"{message_id} report") if reports else told,
        status_part(message, failures, hostname, now),
        original_message(message.original_header, body),
    ]
    author = parse_address(message.author, smtputf8=True)
    fields = own_fields(platform, sender, author, about, now, message_id, "auto-replied", words)
    return compose(fields, multipart("report; report-type=delivery-status", parts, seed=message_id))  # RFC 6522 3


def with_reports(told: Part, reports: Sequence[bytes], *, seed: str) -> Part:
    """What people read, and behind it the mails of other servers: the first part of a report may be any (RFC 6522 3),
    and a fourth there is not. Mail that is not plain goes as a file: a message within another is never encoded (RFC
    2046 5.2.1)."""
    kinds = ["message/rfc822" if is_plain(each) else "application/octet-stream" for each in reports]
    parts = [octets_part(kind, each) for kind, each in zip(kinds, reports, strict=True)]
    return multipart("mixed", [told, *parts], seed=seed)


def failure_blocks(
    platform: Platform, sender: Address, delivery: Delivery, answer: Answer, words: Catalog
) -> Iterator[Block]:
    """What happened to one recipient, what can be done, and the words of whoever refused."""
    recipient = clean_text(delivery.recipient)
    known = {
        "recipient": recipient,
        "domain": delivery.domain,
        "platform": platform.name,
        "platform_address": str(sender),
        "since": written_date(delivery.created_at, words),
    }
    reason = f"mail.reason.{failure_reason(answer)}"
    yield Heading(recipient)
    yield Paragraph(words.text(f"{reason}.why", **known))
    yield Paragraph(words.text("mail.failure.advice", advice=words.text(f"{reason}.advice", **known)))
    yield from said_blocks(answer, words)


def said_blocks(answer: Answer, words: Catalog) -> Iterator[Block]:
    """The words of the server, or what we found where it said none."""
    if answer.code and (host := remote_host(answer)):
        yield Paragraph(words.text("mail.failure.said", host=clean_text(host)))
    else:
        yield Paragraph(words.text("mail.failure.found"))
    yield Quote(one_line(clean_text(str(answer)), LONGEST_WORDS))


def status_part(message: StoredMessage, results: Sequence[tuple[Delivery, Answer]], hostname: str, now: float) -> Part:
    """The part of a report that programs read."""
    return delivery_status(
        results, reporting_mta=hostname, arrived_at=message.received_at, attempted_at=now, envid=message.envid
    )


def success_notice(
    platform: Platform,
    tenant: Tenant,
    message: StoredMessage,
    results: Sequence[tuple[Delivery, Answer]],
    *,
    hostname: str,
    now: float,
    message_id: str,
) -> Message:
    """The notice that the server of some recipients took a message; whether anybody reads it nobody will say."""
    words = catalog(tenant.locale)
    sender = resolve_platform_address(platform.address, tenant.id)
    subject = one_line(clean_text(message.subject), LONGEST_SUBJECT)
    recipient = clean_text(results[0][0].recipient)
    about = words.text("mail.success.subject", subject=subject or recipient)
    blocks: list[Block] = [
        Paragraph(words.text("mail.success.intro", platform=platform.name)),
        Facts(list(message_facts(message, subject, words))),
    ]
    for delivery, answer in results:
        host = clean_text(remote_host(answer)) or delivery.domain
        blocks += [Heading(clean_text(delivery.recipient)), Paragraph(words.text("mail.success.taken", host=host))]
        blocks.append(Quote(one_line(clean_text(str(answer)), LONGEST_WORDS)))
    blocks.append(Note(words.text("mail.success.note", platform=platform.name)))
    report = [
        letter(words.text("mail.success.title"), blocks, platform, words, seed=f"{message_id} letter"),
        status_part(message, results, hostname, now),
        original_header(message.original_header),
    ]
    author = parse_address(message.author, smtputf8=True)
    fields = own_fields(platform, sender, author, about, now, message_id, "auto-replied", words)
    return compose(fields, multipart("report; report-type=delivery-status", report, seed=message_id))  # RFC 6522 3

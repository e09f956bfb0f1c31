"""The header of a message: what every mail has, and what filters hold against one that lacks it (RFC 5322 3.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_tz

from relay.checks.message.mail import Mail
from relay.checks.model import Finding, Severity

ONCE = (
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "date",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
)  # RFC 5322 3.6, RFC 2045 3
FUTURE = 3 * 3600  # seconds that a Date may lie ahead
PAST = 4 * 86400  # seconds that a Date may lie before the first server's
LONGEST_SUBJECT = 150  # characters; mail programs show about 60
CAPITALS = 8  # letters from which a Subject in capitals is shouting
MESSAGE_ID = re.compile(r"<[^<>@\s]+@((?:[a-z0-9-]+\.)+[a-z0-9-]{2,})>", re.IGNORECASE)
NOT_PUBLIC = re.compile(r"\.(?:local|localdomain|lan|internal|home|arpa|invalid)$|^\d+(?:\.\d+){3}$", re.IGNORECASE)
REPLY = re.compile(r"\s*(?:re|aw|sv|antw|fw|fwd|wg|tr|rv|doorst)\s*:", re.IGNORECASE)
FORWARD = re.compile(r"\s*(?:fw|fwd|wg|tr|rv|doorst)\s*:", re.IGNORECASE)


def judge_header(mail: Mail, now: float) -> Iterator[Finding]:
    """Everything about single header fields. ``now`` is in seconds since the epoch."""
    yield from judge_from(mail)
    yield from judge_date(mail, now)
    yield from judge_message_id(mail)
    if not mail.mailboxes("to") and not mail.mailboxes("cc"):
        yield Finding("msg.to.missing", Severity.WARNING, "To", rfc="RFC 5322 3.6.3")
    yield from judge_repeated(mail)
    yield from judge_subject(mail)


def judge_from(mail: Mail) -> Iterator[Finding]:
    """A From that is missing, or that nobody can read."""
    if mail.author is None:
        seen = tuple(field.text[:200] for field in mail.all("from")[:3])
        yield Finding("msg.from.invalid", Severity.ERROR, "From", evidence=seen, rfc="RFC 5322 3.6.2")


def judge_date(mail: Mail, now: float) -> Iterator[Finding]:
    """The Date, against the clock, and against the first server that had the message."""
    value = mail.value("date")
    if value is None:
        yield Finding("msg.date.missing", Severity.ERROR, "Date", rfc="RFC 5322 3.6.1")
        return
    sent_at = seconds(value)
    facts = {"date": value[:100]}
    if sent_at is None:
        yield Finding("msg.date.invalid", Severity.ERROR, "Date", facts, rfc="RFC 5322 3.3")
        return
    received_at = first_received(mail)
    is_early = received_at is not None and received_at - sent_at > PAST
    if sent_at - (now if received_at is None else min(now, received_at)) > FUTURE or is_early:
        yield Finding("msg.date.skew", Severity.ERROR, "Date", facts, rfc="RFC 5322 3.6.1")


def first_received(mail: Mail) -> int | None:
    """When the first server took the message, by the lowest Received field (RFC 5321 4.4)."""
    fields = mail.all("received")
    return seconds(fields[-1].text.rpartition(";")[2]) if fields else None


def seconds(text: str) -> int | None:
    """A date-time as seconds since the epoch (RFC 5322 3.3), or None for what is none."""
    try:
        parsed = parsedate_tz(text[:100])
        if parsed is None or parsed[0] < 1970:
            return None
        zone = timezone(timedelta(seconds=parsed[9] or 0))  # RFC 5322 3.3: none is a fault, and read as UTC
        return round(datetime(*parsed[:6], tzinfo=zone).timestamp())
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def judge_message_id(mail: Mail) -> Iterator[Finding]:
    """The Message-ID, and the domain in it, which must be one that its maker owns (RFC 5322 3.6.4)."""
    value = mail.value("message-id")
    if not value:
        yield Finding("msg.mid.missing", Severity.WARNING, "Message-ID", rfc="RFC 5322 3.6.4")
        return
    matched = MESSAGE_ID.fullmatch(value.strip())
    if matched is None or NOT_PUBLIC.search(matched[1]):
        yield Finding("msg.mid.domain", Severity.WARNING, "Message-ID", {"id": value[:200]}, rfc="RFC 5322 3.6.4")


def judge_repeated(mail: Mail) -> Iterator[Finding]:
    """Fields that may stand once and stand twice: programs differ in which one they show."""
    keys = [field.key for field in mail.fields]
    for key in ONCE:
        if (count := keys.count(key)) > 1:
            name = mail.all(key)[0].name
            yield Finding(
                "msg.dup_headers", Severity.ERROR, name, {"field": name, "count": str(count)}, rfc="RFC 5322 3.6"
            )


def judge_subject(mail: Mail) -> Iterator[Finding]:
    """The Subject: there, not shouting, not too long, not a reply to nothing."""
    subject = mail.subject.strip()
    letters = [char for char in REPLY.sub("", subject) if char.isalpha()]
    facts = {"subject": subject[:100], "length": str(len(subject))}
    if not subject:
        yield Finding("msg.subject.empty", Severity.WARNING, "Subject", rfc="RFC 5322 3.6.5")
    elif len(letters) >= CAPITALS and sum(char.isupper() for char in letters) > len(letters) * 0.8:
        yield Finding("msg.subject.caps", Severity.WARNING, "Subject", facts)
    is_answer = bool(REPLY.match(subject)) and not FORWARD.match(subject)
    if is_answer and not (mail.value("in-reply-to") or mail.value("references")):
        yield Finding("msg.subject.re_fake", Severity.WARNING, "Subject", facts, rfc="RFC 5322 3.6.5")
    if len(subject) > LONGEST_SUBJECT:
        yield Finding("msg.subject.length", Severity.WARNING, "Subject", facts)

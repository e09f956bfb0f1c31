"""`relay check message`: what filters and people will make of a message; offline, from its octets alone.

1. `Mail.read` takes the file apart, within bounds.
2. The judges look at it, each at one thing.
3. `guess_language` and `find_tokens` say whose the mail is, `better_text` how to say it better.
"""

from __future__ import annotations

from dataclasses import dataclass

from relay.checks.dkim.signature import judge_signatures
from relay.checks.message.attachments import judge_attachments
from relay.checks.message.better import BetterText, better_text
from relay.checks.message.body import judge_body
from relay.checks.message.header import judge_header
from relay.checks.message.impersonal import is_about_document, judge_impersonal
from relay.checks.message.language import guess_language, language_named
from relay.checks.message.lines import judge_lines, judge_size
from relay.checks.message.links import judge_links
from relay.checks.message.mail import Mail
from relay.checks.message.phrases import judge_phrases
from relay.checks.message.sender import judge_sender
from relay.checks.message.tokens import Tokens, find_tokens
from relay.checks.message.unseen import judge_characters
from relay.checks.model import Finding, Severity

ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the asker knows: ``language`` of the mail ("": guess it), the ``known`` name of its recipient and the
    sending ``company``, both "" where they are not."""

    language: str = ""
    known: str = ""
    company: str = ""


@dataclass(frozen=True, slots=True)
class MessageReport:
    """What was found, worst first. ``language`` is "" where it could not be told; ``better`` is there for an impersonal
    mail only."""

    subject: str
    language: str
    tokens: Tokens
    findings: tuple[Finding, ...]
    better: BetterText | None


def check_message(file: bytes, now: float, asked: Asked | None = None) -> MessageReport:
    """The report on a message file, whatever it holds. ``now`` is in seconds since the epoch."""
    asked = asked or Asked()
    mail = Mail.read(file)
    guessed = asked.language or guess_language(mail.text) or guess_language(mail.subject)
    language = language_named(guessed or "en")
    tokens = find_tokens(mail, language, asked.known, asked.company)
    impersonal = tuple(judge_impersonal(mail, language, tokens)) if guessed else ()
    found = (
        *judge_lines(mail),
        *judge_header(mail, now),
        *judge_sender(mail, is_document=is_about_document(mail, language, tokens)),
        *judge_body(mail),
        *impersonal,
        *judge_attachments(mail),
        *judge_size(mail),
        *judge_links(mail),
        *judge_characters(mail),
        *judge_phrases(mail, language.name),
        *judge_signatures(mail.fields, now),
    )
    better = better_text(mail, language, tokens, asked.known, asked.company) if impersonal else None
    return MessageReport(
        mail.subject, guessed, tokens, tuple(sorted(found, key=lambda finding: ORDER.index(finding.severity))), better
    )

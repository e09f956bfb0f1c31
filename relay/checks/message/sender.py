"""Who a message says it is from, where answers go, and whether it says that a program wrote it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from relay.checks.address.known import providers, registrable
from relay.checks.message.mail import Mail
from relay.checks.model import Finding, Severity
from relay.mail.address import Address

LONGEST_NAME = 60  # characters that mail programs show
ADDRESS = re.compile(r"[^\s<>()\"@\uff20\ufe6b][@\uff20\ufe6b][^\s<>()\".@\uff20\ufe6b]++\.[^\s<>()\".]")
TITLE = re.compile(r"\s*(?:mrs?|ms|dr|prof|sir|dhr|mevr|mw|herr|frau|mme|mlle)\b\.?", re.IGNORECASE)
NOBODY = re.compile(
    r"(?:no|do-?not|don-?t|ne-?pas|geen|nicht)[-_.]?(?:reply|repondre|antwoord|antworten)", re.IGNORECASE
)
PROGRAMS = re.compile(
    r"phpmailer|swift\s?mailer|symfony|nodemailer|laminas|zend|mailkit|javamail|jakarta|django|rails|php/|wordpress|"
    r"sap |odoo|exact|afas|crystal|cdosys|indy|chilkat|mailgun|sendgrid",
    re.IGNORECASE,
)
BULK = {"bulk", "list", "junk"}


def judge_sender(mail: Mail, *, is_document: bool) -> Iterator[Finding]:
    """The From's name, the Reply-To, and what a program says of itself. ``is_document``: it brings an invoice or so."""
    yield from judge_name(mail)
    yield from judge_reply_to(mail)
    if is_generated(mail) and not mail.value("auto-submitted"):
        yield Finding("msg.autosubmitted", Severity.WARNING, "Auto-Submitted", rfc="RFC 3834 5")
    yield from judge_unsubscribe(mail, is_document=is_document)


def judge_name(mail: Mail) -> Iterator[Finding]:
    """The display name: no address in it, no title, not too long, nothing but letters and signs."""
    name = mail.author_name
    facts = {"name": name[:100], "length": str(len(name))}
    if ADDRESS.search(name):
        yield Finding("msg.from.name.email", Severity.WARNING, "From", facts)
    if TITLE.match(name):
        yield Finding("msg.from.name.title", Severity.INFO, "From", facts)
    if len(name) > LONGEST_NAME:
        yield Finding("msg.from.name.len", Severity.INFO, "From", facts)
    if any(unicodedata.category(char) == "So" and ord(char) > 0x2100 for char in name):
        yield Finding("msg.from.name.emoji", Severity.INFO, "From", facts)


def judge_reply_to(mail: Mail) -> Iterator[Finding]:
    """Where answers go, against where the mail says it is from."""
    if mail.author is None:
        return
    author = mail.author.address
    replies = [mailbox.address for mailbox in mail.mailboxes("reply-to")]
    if not replies:
        if NOBODY.match(author.local):
            yield Finding("msg.replyto.none", Severity.WARNING, "Reply-To", {"from": str(author)})
        return
    if all(reply.key == author.key for reply in replies):
        yield Finding("msg.replyto.same", Severity.INFO, "Reply-To", {"replyto": str(author)})
        return
    for reply in replies:
        yield from judge_reply(reply, author)


def judge_reply(reply: Address, author: Address) -> Iterator[Finding]:
    """One address that answers go to."""
    facts = {"replyto": str(reply), "domain": reply.domain, "from": author.domain}
    if reply.domain in freemail() and author.domain not in freemail():
        yield Finding("msg.replyto.freemail", Severity.WARNING, "Reply-To", facts)
        if reply.local[-1:].isdigit():
            yield Finding("msg.replyto.digit", Severity.WARNING, "Reply-To", facts)
    elif registrable(reply.domain) != registrable(author.domain):
        yield Finding("msg.replyto.domain", Severity.WARNING, "Reply-To", facts)


@cache
def freemail() -> frozenset[str]:
    """The domains where anybody has a mailbox."""
    return frozenset(f"{provider.label}.{suffix}" for provider in providers() for suffix in provider.suffixes)


def is_generated(mail: Mail) -> bool:
    """True for a message that shows that a program wrote it, not a person."""
    if mail.author and NOBODY.match(mail.author.address.local):
        return True
    keys = {field.key for field in mail.fields}
    if keys & {"x-php-originating-script", "x-auto-response-suppress", "x-relay-document", "feedback-id"}:
        return True
    return any(PROGRAMS.search(mail.value(key) or "") for key in ("x-mailer", "user-agent"))


def judge_unsubscribe(mail: Mail, *, is_document: bool) -> Iterator[Finding]:
    """List-Unsubscribe belongs on bulk mail, with its one-click form, and not on an invoice (RFC 8058)."""
    is_bulk = (mail.value("precedence") or "").strip().lower() in BULK or mail.value("list-id") is not None
    offers = mail.value("list-unsubscribe") is not None
    if is_document and offers and not is_bulk:
        yield Finding("msg.unsub.document", Severity.INFO, "List-Unsubscribe", rfc="RFC 8058 3.1")
    elif (is_bulk or offers) and not (offers and mail.value("list-unsubscribe-post")):
        yield Finding("msg.unsub", Severity.INFO, "List-Unsubscribe-Post", rfc="RFC 8058 3.1")

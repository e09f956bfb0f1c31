"""Bounces in words: what mail systems write to people instead of, or without, the part for programs (RFC 3464).

1. `is_from_mail_system`: only then are words taken for a report. People quote such words, too.
2. `report_text`: the report without the copy of the message below it.
3. `entries`: the addresses that begin a line, each with the lines behind it; the rest says what is true of all.
4. `relay.mail.report_codes`: the code in these words, or what they are known for.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from relay.mail.dsn import one_line
from relay.mail.message_id import first_id
from relay.mail.report import Bounce, BounceRecipient
from relay.mail.report_codes import ENHANCED, REPLY, best_status, meaning
from relay.mail.report_mail import LONGEST_FIELD
from relay.mail.report_phrases import ANSWER_SUBJECT, COPY, DELAY, FINAL, FORMS, MAIL_SYSTEM, REPORT_SUBJECT

if TYPE_CHECKING:
    from relay.mail.report_mail import ReturnedMail

MOST_RECIPIENTS = 100
MOST_LEADS = 300  # addresses that are looked at
MOST_LINES = 40  # that belong to one address
LONGEST_REASON = 4_000  # characters, likewise

ADDRESS = r"[^\s<>()\[\]\",;:@|]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
LABEL = r"(?:failed )?recipient|to|(?:e-?mail )?address|ontvanger|empf.nger|destinataire"
NAME = r"[^\n<>()@:]{1,80}[ \t][<(]"
# A line that begins with an address: alone, before a colon or more words, behind a label, or behind a name.
LEAD = re.compile(
    rf"(?im)^[ \t*|>]{{0,12}}(?:(?:{LABEL})[ \t]{{0,4}}:[ \t]{{0,8}})?(?:{NAME}|[<(\"']?)(?:mailto:)?({ADDRESS}).*$"
)
# A sentence with the address in it, as some write who mean to be read.
SENTENCE = re.compile(
    rf"(?i)\b(?:deliver(?:ed|y)?(?: your (?:message|mail|e-mail))? to|bezorgd (?:bij|aan)|zustellung an|remise? à)"
    rf"\s{{1,20}}[<*(\"']?({ADDRESS})"
)
HOST = r"([A-Za-z0-9](?:[A-Za-z0-9-]{0,63}\.){1,20}[A-Za-z0-9-]{1,63})"
REMOTE = re.compile(
    rf"(?i)(?:\bhost|while talking to|remote (?:mail )?(?:host|server)|domain \S{{1,255}} by|rejected by) {HOST}"
)
REPORTING = re.compile(
    r"(?i)(?:generating server: ?|this is the (?:qmail-send program|postfix program|mail system) at (?:host )?)"
    r"([A-Za-z0-9.-]{1,255})"
)
ORIGINAL_ID = re.compile(r"(?im)^[ \t>]{0,8}message-id:[ \t]{0,8}\n?[ \t]{0,8}(<[^<>\s]{1,900}>)")


def read_words(mail: ReturnedMail) -> Bounce | None:
    """The bounce that a mail is in words, or None when no mail system wrote it, or it names no recipient."""
    failed = mail.value("x-failed-recipients")  # Exim
    if not (failed or is_from_mail_system(mail)):
        return None
    text, copy = report_text(mail.words)
    found = entries(text)
    if failed:
        named = re.findall(ADDRESS, failed)
        found = {address: found.get(address, "") for address in named} or found
    if not found:
        return None
    is_late = is_delay(mail.value("subject"), text)
    copied, reporting = ORIGINAL_ID.search(copy), REPORTING.search(text)
    reported = list(found.items())[:MOST_RECIPIENTS]
    return Bounce(
        recipients=tuple(recipient(address, words, text, delayed=is_late) for address, words in reported),
        reporting_mta=reporting[1].rstrip(".") if reporting else "",
        original_message_id=(first_id(copied[1]) if copied else "") or mail.original_message_id,
        form=next((name for name, sign in FORMS.items() if sign.search(text)), "words"),
    )


def is_from_mail_system(mail: ReturnedMail) -> bool:
    """True when its author or its subject say that a mail system wrote it; an answer to a report is a person's."""
    subject = mail.value("subject")
    if ANSWER_SUBJECT.match(subject):
        return False
    return MAIL_SYSTEM.search(mail.value("from")) is not None or REPORT_SUBJECT.match(subject) is not None


def report_text(words: str) -> tuple[str, str]:
    """The report, and the copy of the message below it."""
    below = COPY.search(words)
    return (words[: below.start()], words[below.start() :]) if below else (words, "")


def entries(text: str) -> dict[str, str]:
    """The addresses that are reported, each with the words about it.

    Addresses above one another share the words below them. Where something is known of one, an address of which nothing
    is known is no recipient: it says whom to ask for help.
    """
    leads = [match for match in islice(LEAD.finditer(text), MOST_LEADS) if not MAIL_SYSTEM.search(match[1])]
    found: dict[str, str] = {}
    below, end = "", len(text)
    for match in reversed(leads):
        own = "\n".join(text[match.start() : end].split("\n", MOST_LINES)[:MOST_LINES])
        end = match.start()
        below = (own if len(own.split()) > 1 else own + below)[:LONGEST_REASON]
        found[match[1]] = f"{below}\n{found.get(match[1], '')}"[:LONGEST_REASON]
    if not found and (named := SENTENCE.search(text)):
        return {named[1]: text}
    known = {address: words for address, words in found.items() if says_why(words)}
    return dict(reversed((known or found).items()))


def says_why(words: str) -> bool:
    """True when there is a code in the words, or they are known for one."""
    return bool(ENHANCED.search(words) or REPLY.search(words) or meaning(words))


def recipient(address: str, words: str, text: str, *, delayed: bool) -> BounceRecipient:
    """One recipient, from the words about it; from all of them where those say nothing."""
    words = words if says_why(words) else text
    remote = REMOTE.search(words) or REMOTE.search(text)
    return BounceRecipient(
        final_recipient=address,
        original_recipient="",
        action="delayed" if delayed else "failed",
        status=best_status("", words, "4" if delayed else "5"),
        diagnostic=diagnostic(words, address),
        remote_mta=remote[1].rstrip(".") if remote else "",
    )


def diagnostic(words: str, address: str) -> str:
    """The words of the server: from the first code to the next empty line, else the first sentence that is not the
    address alone."""
    code = min((match.start() for match in (REPLY.search(words), ENHANCED.search(words)) if match), default=None)
    if code is not None:
        return one_line(re.split(r"\n[ \t]*\n", words[code:], maxsplit=1)[0], LONGEST_FIELD)
    paragraphs = re.split(r"\n[ \t]*\n", words)
    plain = (one_line(paragraph, LONGEST_FIELD).strip("<>()*: ") for paragraph in paragraphs)
    return next((paragraph for paragraph in plain if paragraph not in {"", address}), "")


def is_delay(subject: str, text: str) -> bool:
    """True for the notice that a message is late, and is still being tried."""
    return DELAY.search(f"{subject}\n{text}") is not None and FINAL.search(text) is None

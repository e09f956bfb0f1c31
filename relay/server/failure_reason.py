"""Why a delivery failed, for people: from the codes of RFC 3463 to a sentence and a piece of advice in the locales."""

from __future__ import annotations

import re

from relay.mail.delivery import Answer
from relay.mail.dsn import is_permanent, status_code
from relay.mail.suppression import NOT_TRIED

# The subject and detail of an enhanced code (RFC 3463 3 and the registry of RFC 5248) -> mail.reason.<name>.
REASONS = {
    "1.0": "mailbox_unknown",
    "1.1": "mailbox_unknown",
    "1.2": "domain_unknown",
    "1.3": "bad_address",
    "1.4": "bad_address",
    "1.6": "mailbox_unknown",
    "1.10": "no_mail",  # RFC 7505
    "2.0": "mailbox_disabled",
    "2.1": "mailbox_disabled",
    "2.2": "mailbox_full",
    "2.3": "too_large",
    "3.2": "no_mail",
    "3.4": "too_large",
    "4.3": "expired_unreachable",
    "4.6": "loop",
    "6.7": "unicode",  # RFC 6531
    "7.4": "encryption",
    "7.5": "encryption",
    "7.10": "encryption",
    "7.11": "encryption",
    "7.30": "encryption",  # RFC 8689
    **{f"7.{detail}": "authentication" for detail in range(20, 30)},  # RFC 7372, RFC 8616
}
SUBJECTS = {"6": "content", "7": "policy"}

# Where the code says nothing, the words of widespread servers often do; they only choose the sentence.
WORDS = {
    "mailbox_unknown": re.compile(
        r"\b(user|recipient|mailbox|address|account)\b.{0,40}\b(unknown|not found|doesn.t exist|does not exist)"
        r"|\b(unknown|no such|invalid) (user|recipient|mailbox|address|account)"
    ),
    "mailbox_full": re.compile(r"\b(mailbox|quota|storage)\b.{0,30}\b(full|exceeded)|\bover quota"),
    "too_large": re.compile(r"\b(message|mail|size)\b.{0,30}\b(too large|too big|exceeds)"),
    "authentication": re.compile(r"\b(spf|dkim|dmarc)\b"),
    "policy": re.compile(r"\b(spam|junk|policy|reputation|black ?list|block ?list|blocked|banned)"),
}


def failure_reason(answer: Answer) -> str:
    """The name of the sentences under ``mail.reason`` that explain a failed delivery."""
    if answer.text.startswith(NOT_TRIED):
        return "suppressed"
    detail = status_code(answer).partition(".")[2]
    if not is_permanent(answer):
        return expiry_reason(answer, detail)
    if detail in {"0.0", "5.0", "7.1"} and (told := reason_in_words(answer.text)):
        return told  # 5.7.1 is everybody's favourite for everything
    return REASONS.get(detail) or SUBJECTS.get(detail.partition(".")[0]) or "other"


def expiry_reason(answer: Answer, detail: str) -> str:
    """What was the matter all the time with a delivery that was tried until its time was up."""
    if detail == "2.2":
        return "expired_full"
    if REASONS.get(detail) == "encryption":
        return "encryption"
    return "expired" if answer.code else "expired_unreachable"


def reason_in_words(text: str) -> str | None:
    """What a server's words say, if they say it in a usual way."""
    plain = text[:500].lower()
    return next((reason for reason, pattern in WORDS.items() if pattern.search(plain)), None)

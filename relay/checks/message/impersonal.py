"""Could this mail be for anybody? A rule of thumb of our own: filters learn such texts, and people take them for fraud.

Points for each thing that would make the mail its recipient's own and is not there; at `LIMIT` it is said. Only mail
about a document is looked at: other mail has no number or amount to name.
"""

from __future__ import annotations

from collections.abc import Iterator

from relay.checks.message.language import Language, words
from relay.checks.message.mail import Mail
from relay.checks.message.tokens import SHORT, Tokens
from relay.checks.model import Finding, Severity

GREETING_POINTS = {"named": -1, "bare": 1, "nobody": 2}
LIMIT = 5


def is_about_document(mail: Mail, language: Language, tokens: Tokens) -> bool:
    """True for mail that speaks of a document, or brings one to nobody in particular."""
    names = " ".join(leaf.name.rpartition(".")[0].replace("_", " ") for leaf in mail.attachments[:20])
    spoken_of = not language.documents.isdisjoint(words(f"{mail.subject} {names} {mail.text}"))
    return spoken_of or (tokens.greeting != "named" and bool(mail.attachments))


def impersonal_points(tokens: Tokens) -> int:
    """How impersonal a mail is: a point for each token that is missing and for a short text, those of the greeting."""
    lacking = len([name for name in tokens.missing if name != "greeting"])
    return lacking + GREETING_POINTS[tokens.greeting] + (tokens.words < SHORT)


def judge_impersonal(mail: Mail, language: Language, tokens: Tokens) -> Iterator[Finding]:
    """``msg.impersonal``, with a finding for each thing that is missing."""
    if mail.text.strip() and impersonal_points(tokens) >= LIMIT and is_about_document(mail, language, tokens):
        missing = (*tokens.missing, *(["words"] if tokens.words < SHORT else []))
        yield Finding("msg.impersonal", Severity.WARNING, "body", evidence=missing)
        for name in missing:
            yield Finding(f"msg.impersonal.{name}", Severity.INFO, "body")

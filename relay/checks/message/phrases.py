"""Phrases that fraud uses, by the dated list ``data/phrases.toml``: said as information, since one makes no spam."""

from __future__ import annotations

import re
from collections.abc import Iterator

from relay.checks.dated import table
from relay.checks.message.language import MOST_TEXT
from relay.checks.message.mail import Mail
from relay.checks.model import Finding, Severity

KINDS = ("account", "bank", "urgent", "prize", "click")


def judge_phrases(mail: Mail, language: str) -> Iterator[Finding]:
    """One finding a kind, with the words that were found; in the language of the mail."""
    text = " ".join(f"{mail.subject} . {mail.text[:MOST_TEXT]}".split())
    for kind in KINDS:
        match = re.search(table("phrases")[language][kind], text, re.IGNORECASE)
        if match:
            yield Finding(f"msg.phrase.{kind}", Severity.INFO, "body", {"phrase": match[0]}, evidence=(match[0],))

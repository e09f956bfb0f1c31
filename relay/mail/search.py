"""What somebody looks for in an inbox: words and operators, as one types them.

    from:info@bakker to:klant subject:"factuur 2026" tenant:bakker document:invoice has:attachment before:2026-12-01

Operators are case-insensitive; a value with spaces stands in double quotes. What is no operator is looked for in
subject, author and recipients. A date means its beginning in UTC (``before`` is without it, ``after`` with it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

TERM = re.compile(r'(?:(?P<name>[A-Za-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>\S+))')
TEXTS = {"from": "sender", "to": "recipient", "subject": "subject", "tenant": "tenant", "document": "document"}
TIMES = ("before", "after")


@dataclass(frozen=True, slots=True)
class Search:
    """Empty values ask for nothing. ``before`` and ``after`` are seconds since 1970."""

    words: str = ""
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    tenant: str = ""
    document: str = ""
    attachment: bool = False
    before: float | None = None
    after: float | None = None


def parse_search(text: str) -> Search:
    """The search that a line of text means. What looks like an operator and is none is looked for as it stands."""
    search, words = Search(), []
    for term in TERM.finditer(text):
        name, value = (term["name"] or "").lower(), term["quoted"] if term["plain"] is None else term["plain"]
        narrowed = narrow(search, name, value)
        if narrowed is None:
            words.append(value if not name and term["quoted"] is not None else term[0])
        else:
            search = narrowed
    return replace(search, words=" ".join(words))


def narrow(search: Search, name: str, value: str) -> Search | None:
    """The search with one operator more; None when it is none."""
    changed: dict[str, Any] = {}
    if name in TEXTS and value:
        changed[TEXTS[name]] = value
    elif name == "has" and value.lower() in {"attachment", "attachments"}:
        changed["attachment"] = True
    elif name in TIMES and (at := beginning_of(value)) is not None:
        changed[name] = at
    return replace(search, **changed) if changed else None


def beginning_of(text: str) -> float | None:
    """The time of a date, or of a date with a time, in UTC where it says nothing else; None when it is none."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()

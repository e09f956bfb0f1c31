"""The language of a mail, told by its commonest words; and what `data/impersonal.toml` knows of each language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from relay.checks.dated import table

LANGUAGES = ("en", "nl", "de", "fr")
WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
MOST_TEXT = 20_000  # characters that are looked at


@dataclass(frozen=True, slots=True)
class Language:
    """How one language writes mail; words in lower case."""

    name: str
    stop: frozenset[str]
    greeting: re.Pattern[str]
    titles: frozenset[str]
    nobody: frozenset[str]
    documents: frozenset[str]
    generic: frozenset[str]
    date: re.Pattern[str]
    signoff: re.Pattern[str]


def words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return [word.lower() for word in WORD.findall(text[:MOST_TEXT])]


@cache
def language_named(name: str) -> Language:
    """One of `LANGUAGES`."""
    row = table("impersonal")[name]
    sets = {key: frozenset(str(row[key]).split()) for key in ("stop", "titles", "nobody", "documents", "generic")}
    months, days = (row[key].replace(" ", "|") for key in ("months", "days"))
    date = (
        rf"\d{{1,2}}(?:\.|st|nd|rd|th|er|e)?\s+(?:of\s+)?(?:{months})\b|\b(?:{months})\s+\d{{1,4}}|\b(?:{days})\b"
        rf"|\d{{1,2}}[-./]\d{{1,2}}[-./](?:\d{{4}}|\d{{2}}|(?=\W))|\d{{4}}-\d{{2}}-\d{{2}}|{row['terms']}"
    )
    return Language(
        name,
        **sets,
        greeting=re.compile(rf"(?:{row['greetings'].replace('.', '[.]')})(?![\w-])", re.IGNORECASE),
        date=re.compile(date, re.IGNORECASE),
        signoff=re.compile(rf"(?:{row['signoffs']})\W*", re.IGNORECASE),
    )


def guess_language(text: str) -> str:
    """The language whose commonest words are most of the text; "" where none of them is there, or two tie."""
    found = words(text)
    counts = {name: sum(word in language_named(name).stop for word in found) for name in LANGUAGES}
    ranked = sorted(counts.values(), reverse=True)
    return "" if ranked[0] == ranked[1] else max(counts, key=lambda name: counts[name])

"""Characters that deceive: unseen, turning the direction, or of another alphabet (RFC 9839, UTS 39)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from relay.checks.address.lookalike import is_mixed
from relay.checks.message.links import links
from relay.checks.message.mail import Mail
from relay.checks.model import Finding, Severity

WORD = re.compile(r"\w+")
JOINERS = "\u200c\u200d\ufe0f"  # emoji and some scripts need them

# kind -> the code points of it
KINDS = {
    "bidi": ((0x202A, 0x202E), (0x2066, 0x2069), (0x200E, 0x200F), (0x061C, 0x061C)),
    "tag": ((0xE0000, 0xE007F),),
    "zero-width": ((0x200B, 0x200D), (0x2060, 0x2064), (0xFEFF, 0xFEFF), (0x00AD, 0x00AD), (0x180E, 0x180E)),
}


def judge_characters(mail: Mail) -> Iterator[Finding]:
    """Deceiving characters in the Subject, the display name, and the links."""
    places = {"Subject": mail.subject, "From": mail.author_name}
    places |= {"link": " ".join(f"{link.text} {link.href}" for link in links(mail)[:100])}
    for place, text in places.items():
        kinds = [kind for kind, ranges in KINDS.items() if holds(text, ranges)]
        if place != "link" and any(map(is_confusable, WORD.findall(text[:1_000]))):
            kinds.append("lookalike")
        if kinds:
            seen = tuple(sorted({code_point(char) for char in text if unicodedata.category(char) == "Cf"}))[:10]
            yield Finding(
                "msg.unicode", Severity.WARNING, place, {"place": place, "kinds": ", ".join(kinds)}, None, seen
            )


def holds(text: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    """True when a character of these ranges is there, other than a joiner between signs that need one."""
    for place, char in enumerate(text):
        if any(low <= ord(char) <= high for low, high in ranges):
            before = text[place - 1 : place]
            if not (char in JOINERS and before and ord(before) > 0x0590):
                return True
    return False


def is_confusable(word: str) -> bool:
    """True for a word that mixes alphabets, as no honest word does."""
    return not word.isascii() and is_mixed(word)


def code_point(char: str) -> str:
    """``U+200B``."""
    return f"U+{ord(char):04X}"

"""Display names: cleaned until nothing in them can deceive or break a line (rules B1 to B5)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from relay.mail.address import Address, unicode_domain
from relay.mail.skeleton import is_protected
from relay.mail.text import decode_words

LONGEST_NAME = 128  # characters
LONGEST_LOOKED_AT = 1000  # to put marks in order for NFC takes quadratic time

UNDECODABLE = "name_undecodable"
SPOOF = "name_spoof"
PROTECTED = "name_protected"
CUT = "name_cut"

# Rule B2. White space of every kind becomes a space; what is not seen, or changes how the rest is seen, goes.
_SPACES = (*range(0x09, 0x0E), 0x85, 0x2028, 0x2029)
_UNSEEN = (
    range(0x00, 0x20),  # C0
    range(0x7F, 0xA0),  # DEL, C1
    (0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),  # soft hyphen, fillers, BOM
    range(0x180B, 0x1810),  # Mongolian variation selectors
    range(0x200B, 0x2010),  # zero width, LRM, RLM
    range(0x202A, 0x202F),  # bidi embeddings and overrides
    range(0x2060, 0x2070),  # word joiner, invisible operators, bidi isolates
    range(0xFE00, 0xFE10),  # variation selectors
    range(0xFFF0, 0x10000),  # specials: annotation marks, U+FFFD, non-characters
    range(0xE0000, 0xE1000),  # tags, more variation selectors
    range(0xD800, 0xE000),  # halves of surrogate pairs
)
CLEANED: dict[int, str | None] = {code: None for codes in _UNSEEN for code in codes} | dict.fromkeys(_SPACES, " ")

AT_SIGNS = "@\uff20\ufe6b"  # rule B3
FULL_AT = str.maketrans("\uff20\ufe6b", "@@")
DELIMITER = re.compile(r"[\s<>()\[\]\"',;:]")
BRACKETS = {"<": ">", "(": ")", "[": "]", '"': '"', "'": "'"}


def clean_name(raw: str, own: Address | None = None, protected: tuple[str, ...] = ()) -> tuple[str, tuple[str, ...]]:
    """The name as it may be shown, and the events on the way there; empty when nothing may be.

    ``raw`` may hold encoded words; ``own`` is the address that the name may repeat (it is cut out).
    """
    try:
        text = clean_text(decode_words(raw)[:LONGEST_LOOKED_AT])
    except UnicodeError:
        return "", (UNDECODABLE,)
    if any(sign in text for sign in AT_SIGNS):
        rest = without_address(text, own) if own else None
        if rest is None:
            return "", (SPOOF,)
        text = rest
    if protected and is_protected(text, protected):
        return "", (PROTECTED,)
    if len(text) > LONGEST_NAME:
        return cut(text, LONGEST_NAME), (CUT,)
    return text, ()


def clean_text(text: str) -> str:
    """The text in NFC on one line, without what cannot be seen, single spaces between its words (rule B2)."""
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", text.translate(CLEANED))
    return " ".join(text.split())


def without_address(text: str, own: Address) -> str | None:
    """The text less every mention of ``own`` and the brackets around it; None when another @ is left (rule B3)."""
    kept: list[str] = []
    end = 0
    plain = text.translate(FULL_AT)
    while (at := plain.find("@", end)) >= 0:
        first = max((match.end() for match in DELIMITER.finditer(plain, end, at)), default=end)
        closing = DELIMITER.search(plain, at)
        last = closing.start() if closing else len(plain)
        if plain[first:last].lower() not in spellings(own):
            return None
        while first > end and last < len(plain) and BRACKETS.get(plain[first - 1]) == plain[last]:
            first, last = first - 1, last + 1
        kept.append(text[end:first])
        end = last
    return " ".join("".join([*kept, text[end:]]).split())


def spellings(own: Address) -> Iterable[str]:
    """How a name may spell an address: its domain as A-label or in Unicode."""
    yield f"{own.local}@{own.domain}".lower()
    if "xn--" in own.domain:
        yield f"{own.local}@{unicode_domain(own.domain)}".lower()


def cut(text: str, room: int) -> str:
    """The text cut to ``room`` characters, at the end of a word when there is one (rule B5)."""
    whole, space, _ = text[: room + 1].rpartition(" ")
    return whole if space else text[:room]

"""What is wrong with text that is no bare addr-spec, and what address was probably meant.

`faults` says what was seen; `cleaned` takes off what surrounds an address (a name, ``mailto:``, a comma, quotes,
invisible characters) and mends dots and at signs. A candidate is only ever offered, never used.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from relay.mail.address import Address, AddressError, parse_address, unquoted
from relay.mail.name import CLEANED, FULL_AT

LONGEST_LOOKED_AT = 1000  # characters; an address has 254
JOINERS = frozenset({0x200C, 0x200D})  # RFC 5892 A.1, A.2: letters of some scripts need them
UNSEEN = frozenset(CLEANED) - JOINERS
SMART_QUOTES = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb\u2032\u2033\uff02\uff07"
NO_SMART_QUOTES = str.maketrans(dict.fromkeys(SMART_QUOTES, ""))
NO_UNSEEN = str.maketrans({code: " " if CLEANED[code] == " " else "" for code in CLEANED})
BETWEEN = re.compile(r"[\s,;]+")
MAILTO = re.compile(r"\s*<?\s*mailto:(?://)?", re.IGNORECASE)
COMMENT = re.compile(r"\([^()]*\)")
ANGLE = re.compile(r"[^<>]*<([^<>]*)>[^<>]*")
AROUND = " \t\r\n,;:.<>()[]{}'\"`*|/\\"
DOTS = ".\u3002\uff0e\uff61"  # RFC 3490 3.1
LOOSE = re.compile(r"\s*([@.])\s*")
SPELT_AT = re.compile(r"\s*[\[({]\s*(?:at|@)\s*[\])}]\s*", re.IGNORECASE)
RUN = re.compile(r"([@.])\1+")
COMMA_FOR_DOT = re.compile(r"(@[^@,.]+),([a-z]{2,})$", re.IGNORECASE)
ALPHABETIC = re.compile(r"[a-z]+|xn--[a-z0-9-]+")  # RFC 3696 2: no top-level domain has a digit


def parse_bare(text: str) -> Address:
    """The address that ``text`` is, in its normal form. Raises `AddressError` for all else, nothing is forgiven.

    Quotes that change nothing go, and a local part that is not ASCII becomes NFC (RFC 6532 3.1).
    """
    if any(ord(char) in UNSEEN for char in text):
        raise AddressError("address.local", text)
    address = parse_address(text, smtputf8=True)
    if text[-1] in DOTS or "." not in address.domain:
        raise AddressError("address.domain", text)  # RFC 5321 2.3.5: fully-qualified, without final dot (4.1.2)
    if not ALPHABETIC.fullmatch(address.domain.rpartition(".")[2]) or not all(map(is_label, address.domain.split("."))):
        raise AddressError("address.domain", text)
    local = unquoted(address.local) if address.local.startswith('"') else address.local
    return Address(unicodedata.normalize("NFC", local), address.domain)


def is_label(label: str) -> bool:
    """False for an A-label that is not one (RFC 5890 2.3.2.1)."""
    if not label.startswith("xn--"):
        return True
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
        return (
            not decoded.isascii() and decoded.isprintable() and decoded.encode("punycode") == label[4:].encode("ascii")
        )
    except (ValueError, OverflowError):
        return False


def faults(text: str) -> tuple[str, ...]:
    """The ids of what is wrong with text that `parse_bare` refuses, the most telling first."""
    if not text.strip():
        return ("addr.syntax.empty",)
    text = text[:LONGEST_LOOKED_AT]
    found = [id for id, seen in SIGNS if seen(text)]
    return tuple(found) or (remaining(text),)


def several(text: str) -> tuple[str, ...]:
    """The addresses of a list; empty when there are not two."""
    parts = [part.strip(AROUND) for part in BETWEEN.split(text.translate(FULL_AT)) if part.find("@") > 0]
    return tuple(parts) if len(parts) > 1 else ()


def has_two_ats(text: str) -> bool:
    """More than one at sign, and not as a list."""
    return text.translate(FULL_AT).count("@") > 1 and not several(text)


def has_loose_dots(text: str) -> bool:
    """A dot too many, at the start or at the end of a half."""
    local, _, domain = text.rpartition("@")
    halves = (local, domain) if "@" in text else (text,)
    return any(half[:1] == "." or half[-1:] in set(DOTS) or ".." in half for half in halves)


def has_space(text: str) -> bool:
    """White space that does not come with a display name."""
    return any(char.isspace() for char in text) and "<" not in text


SIGNS = (
    ("addr.syntax.mailto", lambda text: bool(MAILTO.match(text))),
    ("addr.list", lambda text: bool(several(text))),
    ("addr.syntax.name", lambda text: "<" in text or ">" in text),
    ("addr.syntax.invisible", lambda text: any(ord(char) in UNSEEN and not char.isspace() for char in text)),
    ("addr.syntax.at_sign", lambda text: "\uff20" in text or "\ufe6b" in text),
    ("addr.syntax.quotes", lambda text: any(char in SMART_QUOTES for char in text)),
    ("addr.syntax.no_at", lambda text: "@" not in text.translate(FULL_AT)),
    ("addr.syntax.two_ats", has_two_ats),
    ("addr.syntax.trailing", lambda text: text.rstrip()[-1:] in {",", ";", ":"}),
    ("addr.syntax.literal", lambda text: "@[" in text),
    ("addr.syntax.comment", lambda text: "(" in text and ")" in text),
    ("addr.syntax.dots", has_loose_dots),
    ("addr.syntax.space", has_space),
)


def remaining(text: str) -> str:
    """The id for text that shows none of the signs: which half is wrong, or which is too long."""
    local, _, domain = text.rpartition("@")
    if len(local.encode("utf-8", "replace")) > 64:  # RFC 5321 4.5.3.1.1
        return "addr.syntax.local_long"
    if len(text.encode("utf-8", "replace")) > 254:  # RFC 5321 4.5.3.1.3, less the angle brackets
        return "addr.syntax.long"
    if "." not in domain and domain:
        return "addr.syntax.undotted"
    try:
        parse_bare(f"a@{domain}")
    except AddressError:
        return "addr.syntax.domain"
    return "addr.syntax.local"


def cleaned(text: str) -> str | None:
    """The text without what surrounds the address in it; None when there is no telling. It need not be an address."""
    if len(text) > LONGEST_LOOKED_AT or several(text) or "\ufffd" in text:
        return None
    seen = text.translate(NO_UNSEEN).translate(FULL_AT).translate(NO_SMART_QUOTES)
    if mailto := MAILTO.match(seen):
        seen = unquote(seen[mailto.end() :].partition("?")[0])
    seen = SPELT_AT.sub("@", COMMENT.sub("", seen) if "@" in COMMENT.sub("", seen) else seen)
    if angle := ANGLE.fullmatch(seen):
        seen = angle[1]
    local, at, domain = LOOSE.sub(r"\1", seen.strip(AROUND)).rpartition("@")
    mended = RUN.sub(r"\1", f"{local.strip('.')}{at}{domain.strip(DOTS)}")
    return COMMA_FOR_DOT.sub(r"\1.\2", mended)

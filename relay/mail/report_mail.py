"""A mail that came back, opened within bounds: its fields, its parts, the first text of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from html import unescape

from relay.mail.compose import crlf
from relay.mail.dsn import one_line
from relay.mail.message import Field
from relay.mail.message_id import answered_ids, id_of
from relay.mail.mime import Leaf, first_value, read_header, read_parts, split_part
from relay.mail.text import decode_raw, decode_unstructured

LONGEST_READ = 1_000_000  # octets of a body
LONGEST_WORDS = 60_000  # characters of a text that are searched
LONGEST_FIELD = 500  # characters of a field of a report that are kept

BREAK = re.compile(r"(?i)<(?:br|/?p|/?div|/tr|/?table|/?h[1-6]|/li)\b[^<>]*+>")
TAG = re.compile(r"<(?:[a-zA-Z/!?][^<>@]*+)>")  # an address in angle brackets is none
UNSEEN, SEEN_AGAIN = re.compile(r"(?i)<(?:style|script|title)\b"), re.compile(r"(?i)</(?:style|script|title)>")
FIELD_LINE = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,60})[ \t]*:[ \t]*(.*)")


@dataclass(frozen=True)
class ReturnedMail:
    """A mail in its parts; ``leaves`` are those that hold no others, a message inside of it left closed."""

    fields: tuple[Field, ...]
    leaves: tuple[Leaf, ...]

    def value(self, key: str) -> str:
        """The first field of that name (lower case) as a person reads it, on one line; empty when there is none."""
        return one_line(decode_unstructured(first_value(self.fields, key)), LONGEST_FIELD)

    def leaf(self, *kinds: str) -> Leaf | None:
        """The first part of one of these media types."""
        return next((leaf for leaf in self.leaves if leaf.type in kinds), None)

    @cached_property
    def words(self) -> str:
        """What the mail says to people: its first text, else its first HTML with the marks taken off."""
        plain = next((text for text in map(text_of, self.texts("text/plain")) if text.strip()), "")
        return plain or next((without_tags(text_of(leaf)) for leaf in self.texts("text/html")), "")

    def texts(self, kind: str) -> list[Leaf]:
        """The texts of that media type; what is attached as a file is none of them."""
        return [leaf for leaf in self.leaves if leaf.type == kind and leaf.disposition != "attachment"]

    @cached_property
    def original_message_id(self) -> str:
        """The Message-ID of the message that is reported, without brackets: of the copy that came with the report (RFC
        6522 3), else what the report answers to; empty when nothing says."""
        copy = self.leaf("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")
        if copy is not None:
            block, _ = split_part(crlf(copy.octets(LONGEST_READ)).lstrip(b"\r\n"))
            if found := id_of(block):
                return found
        return next(iter(self.answered), "")

    @cached_property
    def answered(self) -> list[str]:
        """The Message-IDs of what the mail says it answers, the nearest first."""
        in_reply_to, references = (decode_raw(first_value(self.fields, key)) for key in ("in-reply-to", "references"))
        return answered_ids(in_reply_to, references)


def opened(header: bytes, body: bytes) -> ReturnedMail:
    """The mail, whatever its line ends."""
    fields = read_header(crlf(header).strip(b"\r\n"))
    return ReturnedMail(fields, read_parts(fields, crlf(body[:LONGEST_READ])).leaves)


def text_of(leaf: Leaf) -> str:
    """The beginning of a text, without octets that mean nothing."""
    return leaf.text[:LONGEST_WORDS].replace("\0", "").replace("\xa0", " ")


def without_tags(html: str) -> str:
    """HTML as lines of text."""
    first, *rest = UNSEEN.split(html)
    seen = first + "".join(SEEN_AGAIN.split(piece, maxsplit=1)[-1] for piece in rest)
    return unescape(TAG.sub(" ", BREAK.sub("\n", seen)))[:LONGEST_WORDS]


def groups(text: str) -> list[dict[str, str]]:
    """Fields in groups with empty lines between (RFC 3464 2.1), names in lower case, folded lines joined, of several of
    one name the first. Lines that are no fields are left out."""
    found: list[dict[str, str]] = [{}]
    last = ""
    for line in text.split("\n"):
        matched = FIELD_LINE.match(line)
        if not line.strip():
            found.append({})
            last = ""
        elif line[0] in " \t" and last:
            found[-1][last] = f"{found[-1][last]} {line.strip()}"[: 2 * LONGEST_FIELD]
        elif matched:
            last = matched[1].lower()
            last = "" if last in found[-1] else last
            if last:
                found[-1][last] = matched[2]
    return [{key: one_line(value, LONGEST_FIELD) for key, value in group.items()} for group in found if group]

"""A message file as the checks look at it: header fields, texts, attachments, each read once."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from relay.checks.message.html import Page, read_html
from relay.mail.address import AddressError
from relay.mail.mailbox import Mailbox, parse_from, parse_mailboxes
from relay.mail.message import CRLF, Field
from relay.mail.mime import Leaf, Parts, read_header, read_parts, split_part
from relay.mail.text import decode_unstructured

MOST_OCTETS = 64_000_000  # of a message that are read
MBOX_LINE = re.compile(rb"From [^\r\n]*\r?\n")  # what an mbox file puts before a message


@dataclass(frozen=True)
class Mail:
    """A message. ``octets`` are as they would be on the wire, if the file's line ends are those of its system: LF alone
    becomes CRLF, where there is no CRLF at all."""

    octets: bytes

    @classmethod
    def read(cls, file: bytes) -> Mail:
        """The message in a file, which may hold anything."""
        octets = file[:MOST_OCTETS]
        first = MBOX_LINE.match(octets)
        octets = octets[first.end() :] if first else octets
        return cls(octets if CRLF in octets else octets.replace(b"\n", CRLF))

    @cached_property
    def split(self) -> tuple[bytes, bytes]:
        """Header block and body, every line end made CRLF, NUL left out."""
        plain = self.octets.replace(b"\0", b"").replace(CRLF, b"\n").replace(b"\r", b"\n")
        return split_part(plain.replace(b"\n", CRLF))

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The header fields that can be read."""
        return read_header(self.split[0])

    @cached_property
    def parts(self) -> Parts:
        """The leaves of the body."""
        return read_parts(self.fields, self.split[1])

    def all(self, key: str) -> list[Field]:
        """The fields of that name (lower case), in order."""
        return [field for field in self.fields if field.key == key]

    def value(self, key: str) -> str | None:
        """The first field of that name as a person reads it, or None."""
        return next((decode_unstructured(field.value[:4_000]) for field in self.fields if field.key == key), None)

    @cached_property
    def subject(self) -> str:
        """The Subject as a person reads it."""
        return self.value("subject") or ""

    @cached_property
    def author(self) -> Mailbox | None:
        """The one mailbox of the From, or None where there is no such thing."""
        fields = self.all("from")
        with suppress(AddressError):
            return parse_from(fields[0].value, smtputf8=True)[0] if len(fields) == 1 else None
        return None

    @cached_property
    def author_name(self) -> str:
        """The display name of the From, decoded."""
        return decode_unstructured(self.author.name.encode()) if self.author else ""

    def mailboxes(self, key: str) -> list[Mailbox]:
        """The mailboxes in all fields of that name; a field that cannot be read has none."""
        found: list[Mailbox] = []
        for field in self.all(key)[:10]:
            with suppress(AddressError):
                found += parse_mailboxes(field.value, smtputf8=True)
        return found

    @cached_property
    def plain(self) -> str | None:
        """The text/plain body, or None."""
        return self.body_text("text/plain")

    @cached_property
    def page(self) -> Page | None:
        """The text/html body, or None."""
        source = self.body_text("text/html")
        return None if source is None else read_html(source)

    @cached_property
    def text(self) -> str:
        """What a person reads: the plain text, else that of the HTML."""
        if self.plain is not None and self.plain.strip():
            return self.plain
        return self.page.text if self.page else ""

    def body_text(self, kind: str) -> str | None:
        """The first text of a type that is no attachment."""
        leaves = self.parts.leaves
        return next((leaf.text for leaf in leaves if leaf.type == kind and leaf.disposition != "attachment"), None)

    @cached_property
    def attachments(self) -> tuple[Leaf, ...]:
        """The parts that a mail program offers as files."""
        return tuple(leaf for leaf in self.parts.leaves if is_attachment(leaf))


def is_attachment(leaf: Leaf) -> bool:
    """True for a part that is offered as a file: not a body, not an image or signature inside of one."""
    if leaf.disposition == "attachment":
        return True
    if leaf.is_related and leaf.content_id:
        return False
    if leaf.type in {"text/plain", "text/html"}:
        return bool(leaf.name)
    return leaf.type not in {"application/pgp-signature", "application/pkcs7-signature", "text/calendar"}

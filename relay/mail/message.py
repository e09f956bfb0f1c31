"""A message as bytes: find, replace, prepend and drop single header fields; the body is never touched.

The header block is split once into fields that keep their exact bytes, folding and line ends included, so that what
is not changed leaves as it came. Nothing here decodes, and nothing is written by the stdlib ``email`` package.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from relay.mail.reply import EXCERPT, Refusal, excerpt
from relay.mail.text import decode_raw

CRLF = b"\r\n"
FIELD_END = re.compile(rb"\r\n(?![ \t])")  # a line that begins with white space continues the field: RFC 5322 2.2.3
FIELD_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")  # RFC 5322 2.2; white space before the colon is obsolete: 4.5.8


class MessageError(ValueError):
    """A header block that must be refused; ``topic`` and ``sample`` say why (see `relay.mail.reply.Refusal`)."""

    def __init__(self, topic: str, sample: str = "") -> None:
        super().__init__(f"{topic}: {sample}" if sample else topic)
        self.topic = topic
        self.sample = sample

    @property
    def refusal(self) -> Refusal:
        """The refusal of the message."""
        return Refusal(550, "5.6.0", self.topic, {"sample": excerpt(self.sample)})


class Body(Protocol):
    """Everything after the empty line, in chunks, as often as it is asked for."""

    @property
    def size(self) -> int:
        """Octets."""

    def chunks(self) -> Iterator[bytes]:
        """The octets in order, each time from the start."""


@dataclass(frozen=True, slots=True)
class BytesBody:
    """A body small enough to be kept in memory."""

    data: bytes

    @property
    def size(self) -> int:
        """Octets."""
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        """The whole body at once, or nothing when it is empty."""
        if self.data:
            yield self.data


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: its name in lower case, and its exact bytes with the final CRLF."""

    key: str
    raw: bytes

    @classmethod
    def make(cls, name: str, value: str | bytes) -> Field:
        """A new field from a name and a value that is already folded and safe to print."""
        octets = value.encode("ascii") if isinstance(value, str) else value
        return cls(name.lower(), name.encode("ascii") + b": " + octets + CRLF)

    @property
    def name(self) -> str:
        """The field's name as it was typed."""
        return self.raw.partition(b":")[0].rstrip(b" \t").decode("latin-1")

    @property
    def value(self) -> bytes:
        """What follows the colon, unfolded (RFC 5322 2.2.3), without the white space around it."""
        return self.raw.partition(b":")[2].replace(CRLF, b"").strip(b" \t")

    @property
    def text(self) -> str:
        """The whole field as a person reads it: decoded leniently, without the final line end."""
        return decode_raw(self.raw[:-2])


@dataclass(frozen=True, slots=True)
class Message:
    """Header fields and a body. Every edit returns a new message that shares what it did not change."""

    fields: tuple[Field, ...]
    body: Body

    @classmethod
    def parse(cls, header: bytes, body: Body) -> Message:
        """A message from its header block (with or without the empty line). Raises `MessageError`."""
        return cls(tuple(split_fields(header)), body)

    @property
    def header(self) -> bytes:
        """The header block, without the empty line that ends it."""
        return b"".join(field.raw for field in self.fields)

    def all(self, key: str) -> list[Field]:
        """The fields of that name (lower case), in order."""
        return [field for field in self.fields if field.key == key]

    def first(self, key: str) -> Field | None:
        """The first field of that name (lower case), or None."""
        return next((field for field in self.fields if field.key == key), None)

    def drop(self, unwanted: Callable[[Field], bool]) -> Message:
        """Without the fields for which ``unwanted`` is true."""
        return replace(self, fields=tuple(field for field in self.fields if not unwanted(field)))

    def put(self, field: Field) -> Message:
        """With ``field`` where the first of its name stood and the others gone; at the end when there was none."""
        place = next((number for number, old in enumerate(self.fields) if old.key == field.key), None)
        if place is None:
            return replace(self, fields=(*self.fields, field))
        rest = tuple(old for old in self.fields[place + 1 :] if old.key != field.key)
        return replace(self, fields=(*self.fields[:place], field, *rest))

    def prepend(self, fields: Iterable[Field]) -> Message:
        """With ``fields`` on top, as trace fields and signatures are added (RFC 5321 4.4, RFC 6376 5.6)."""
        return replace(self, fields=(*fields, *self.fields))


def split_fields(header: bytes) -> list[Field]:
    """The fields of a header block, each with its exact bytes; a missing last CRLF is added.

    Raises `MessageError` for what rule A6 refuses. Linear in the length of the block, whatever it holds.
    """
    if b"\0" in header:
        raise MessageError("header.control")  # RFC 5322 4.1: obsolete, and dangerous where C programs read it
    endings = header.count(CRLF)
    if header.count(b"\r") != endings or header.count(b"\n") != endings:
        raise MessageError("header.control")  # RFC 5322 2.2: CR and LF only together
    if header[:1] in {b" ", b"\t"}:
        raise MessageError("header.continuation")  # RFC 5322 2.2.3: a field cannot begin with a fold
    block = b"" if header.startswith(CRLF) else header.partition(CRLF + CRLF)[0].removesuffix(CRLF)
    return [Field(field_key(raw), raw + CRLF) for raw in FIELD_END.split(block)] if block else []


def field_key(raw: bytes) -> str:
    """A field's name in lower case. Raises `MessageError` when there is no name or no colon (RFC 5322 2.2)."""
    name = FIELD_NAME.match(raw)
    if name is None:
        raise MessageError("header.no_colon", raw[: EXCERPT + 1].decode("latin-1"))
    return name[1].decode("ascii").lower()

"""The names of attachments, found without taking the message apart: only lines that look like their fields are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from relay.mail.text import decode_unstructured

if TYPE_CHECKING:
    from relay.mail.message import Body

FIELD = re.compile(rb"^content-(?:type|disposition):[^\r\n]{0,998}(?:\r\n[ \t][^\r\n]{0,998}){0,20}", re.I | re.M)
PARAMETER = re.compile(rb'(?:file)?name(\*?)(?:(\d{1,2})(\*?))?=\s*(?:"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE)
OVERLAP = 2_000  # octets of a chunk that are looked at again with the next
MOST_NAMES = 100


def attachment_names(body: Body) -> list[str]:
    """The names in Content-Type and Content-Disposition (RFC 2045 5, RFC 2183 2.3), decoded, at most a hundred."""
    names: dict[str, None] = {}
    for field in fields(body):
        if name := parameter(field):
            names[name] = None
        if len(names) >= MOST_NAMES:
            break
    return list(names)


def fields(body: Body) -> Iterator[bytes]:
    """Everything in the body that looks like such a field."""
    tail = b""
    for chunk in body.chunks():
        text = tail + chunk
        for match in FIELD.finditer(text):
            yield match[0]
        tail = text[-OVERLAP:]


def parameter(field: bytes) -> str:
    """The name in one field: pieces joined (RFC 2231 3), character sets and words decoded (RFC 2231 4, RFC 2047)."""
    pieces: list[tuple[int, str]] = []
    for star, number, piece_star, quoted, plain in PARAMETER.findall(field.replace(b"\r\n", b"")):
        text = quoted or plain
        extended = bool(piece_star if number else star)
        pieces.append((int(number or 0), extended_value(text) if extended else decode_unstructured(text)))
    return "".join(text for _, text in sorted(pieces, key=lambda piece: piece[0])) if pieces else ""


def extended_value(text: bytes) -> str:
    """``utf-8''%e2%82%ac.pdf`` as text; an unknown character set is read as UTF-8."""
    value = text.decode("latin-1")
    charset, found, rest = value.partition("'")
    encoded = rest.partition("'")[2] if found else value
    try:
        return unquote(encoded, encoding=charset if found and charset else "utf-8", errors="replace")
    except LookupError:
        return unquote(encoded, errors="replace")

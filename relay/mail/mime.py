"""The parts of a message (RFC 2045, RFC 2046), read leniently, and bounded whatever comes.

A multipart is cut at its boundary, level by level; what lies deeper than `DEEPEST` or comes after `MOST_PARTS` is not
looked at, and that is said. Each level reads its octets once. A message inside a message is left closed.
"""

from __future__ import annotations

import re
from binascii import Error as BinasciiError
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from relay.mail.message import CRLF, FIELD_NAME, Field, field_key
from relay.mail.text import codec_named, decode_raw, decode_unstructured

DEEPEST = 50
MOST_PARTS = 1_000
MOST_SCANNED = 300_000_000  # octets that are searched for boundaries, over all levels
LONGEST_TEXT = 1_000_000  # octets of one text that are decoded
MOST_FIELDS = 1_000  # of one part
LONGEST_HEADER = 200_000  # octets of one header block that are read
LONGEST_FIELD = 4_000  # octets of a field that are searched for parameters

FIELD_START = re.compile(rb"\r\n(?![ \t])")
DELIMITER_END = re.compile(rb"(--)?[ \t]*+(?:\r\n|\Z)")  # RFC 2046 5.1.1: padding may follow
EMPTY_LINE = re.compile(rb"(?:\A|\r\n)\r\n")
PARAMETER = re.compile(
    rb"""(?<=[;\s])([\w-]{1,40})(\*(\d{1,2})(\*?)|\*)?[ \t]*+=[ \t]*+("(?:[^"\\]|\\.)*+"|[^\s;"]++)""", re.DOTALL
)  # RFC 2045 5.1, RFC 2231 3 and 4


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that holds no other parts. ``raw_name`` is the file name as it stands in the header."""

    type: str
    charset: str
    disposition: str
    name: str
    raw_name: bytes
    encoding: str
    content_id: str
    is_related: bool
    body: bytes

    def octets(self, limit: int | None = None) -> bytes:
        """The content, transfer encoding taken off (RFC 2045 6); ``limit`` bounds the octets that are decoded."""
        body = self.body if limit is None else self.body[:limit]
        if self.encoding == "base64":
            compact = body.translate(None, b" \t\r\n")
            try:
                return a2b_base64(compact[: len(compact) // 4 * 4])
            except BinasciiError:
                return b""
        return a2b_qp(body) if self.encoding == "quoted-printable" else body

    @property
    def text(self) -> str:
        """The content as text with LF line ends, cut at `LONGEST_TEXT`."""
        octets = self.octets(LONGEST_TEXT)
        try:
            text = octets.decode(codec_named(self.charset), "replace") if self.charset else decode_raw(octets)
        except UnicodeError:
            text = decode_raw(octets)
        return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True, slots=True)
class Parts:
    """The leaves in order, and what was wrong with what holds them: ``is_cut`` when a bound was met, ``is_broken`` when
    a multipart has no boundary, or it never comes."""

    leaves: tuple[Leaf, ...]
    is_cut: bool
    is_broken: bool


@dataclass(frozen=True, slots=True)
class Entity:
    """A part that is still closed."""

    fields: tuple[Field, ...]
    body: bytes
    depth: int
    is_related: bool = False


def read_header(block: bytes) -> tuple[Field, ...]:
    """The fields of a header block with CRLF line ends; lines that are none are left out."""
    found = FIELD_START.split(block[:LONGEST_HEADER], MOST_FIELDS)[:MOST_FIELDS]
    return tuple(Field(field_key(raw), raw + CRLF) for raw in found if FIELD_NAME.match(raw))


def split_part(octets: bytes) -> tuple[bytes, bytes]:
    """Header block and body of a part or message with CRLF line ends."""
    empty = EMPTY_LINE.search(octets)
    return (octets[: empty.start()], octets[empty.end() :]) if empty else (octets, b"")


def read_parts(fields: tuple[Field, ...], body: bytes) -> Parts:
    """All leaves of a message."""
    waiting = [Entity(fields, body, 0)]
    leaves: list[Leaf] = []
    is_cut = is_broken = False
    scanned = 0
    while waiting:
        entity = waiting.pop()
        kind, parameters = content_type(entity.fields)
        if not kind.startswith("multipart/"):
            leaves.append(leaf(entity, kind, parameters))
            continue
        inside = list(cut(entity, parameters.get("boundary", b""), is_related=kind == "multipart/related"))
        is_broken = is_broken or not inside
        room = MOST_PARTS - len(leaves) - len(waiting)
        scanned += len(entity.body)
        is_deep = entity.depth >= DEEPEST or scanned > MOST_SCANNED
        if is_deep or len(inside) > room:
            is_cut = True
            inside = [] if is_deep else inside[: max(room, 0)]
        waiting += reversed(inside)
    return Parts(tuple(leaves), is_cut, is_broken)


def cut(entity: Entity, boundary: bytes, *, is_related: bool) -> Iterator[Entity]:
    """The parts of a multipart, at most one more than are looked at (RFC 2046 5.1.1)."""
    body = entity.body
    start: int | None = None
    for count, (place, end, is_last) in enumerate(delimiters(body, boundary)):
        if start is not None:
            yield part(body[start:place], entity.depth + 1, is_related=is_related)
        if is_last or count > MOST_PARTS:
            return
        start = end
    if start is not None:
        yield part(body[start:], entity.depth + 1, is_related=is_related)  # the end was cut off


def delimiters(body: bytes, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each delimiter line begins (with the CRLF before it) and ends, and whether it is the last."""
    if not boundary:
        return
    line = b"--" + boundary
    place = 0 if body.startswith(line) else body.find(CRLF + line)
    while place >= 0:
        after = place + len(line) + (2 if body.startswith(CRLF, place) else 0)
        if closed := DELIMITER_END.match(body, after):
            yield place, closed.end(), closed[1] is not None
        place = body.find(CRLF + line, after)


def part(octets: bytes, depth: int, *, is_related: bool) -> Entity:
    """One part of a multipart, still closed."""
    block, body = split_part(octets)
    return Entity(read_header(block), body, depth, is_related)


def content_type(fields: tuple[Field, ...]) -> tuple[str, dict[str, bytes]]:
    """The media type in lower case and its parameters; ``text/plain`` where none is said (RFC 2045 5.2)."""
    value = first_value(fields, "content-type")
    kind = value.partition(b";")[0].strip().decode("latin-1").lower()
    if not re.fullmatch(r"[!-~]{1,127}/[!-~]{1,127}", kind):
        return "text/plain", parameters_of(value)
    return kind, parameters_of(value)


def first_value(fields: tuple[Field, ...], key: str) -> bytes:
    """The value of the first field of that name, or nothing."""
    return next((field.value for field in fields if field.key == key), b"")[:LONGEST_FIELD]


def parameters_of(value: bytes) -> dict[str, bytes]:
    """The parameters after the first semicolon, by name in lower case: quotes taken off, pieces joined (RFC 2231 3).

    A value in the extended form is given as UTF-8, or as it stands where its character set is unknown.
    """
    pieces: dict[str, list[tuple[int, bytes]]] = {}
    for name, star, number, piece_star, quoted in PARAMETER.findall(value):
        is_quoted = quoted.startswith(b'"')
        text = re.sub(rb"\\(.)", rb"\1", quoted[1:-1], flags=re.DOTALL) if is_quoted else quoted
        if star == b"*" or piece_star:
            text = extended(text)
        pieces.setdefault(name.decode("latin-1").lower(), []).append((int(number or 0), text))
    return {
        name: b"".join(text for _, text in sorted(found)) if len(found) > 1 else found[0][1]
        for name, found in pieces.items()
    }


def extended(text: bytes) -> bytes:
    """``charset'language'percent-encoded`` as UTF-8 (RFC 2231 4)."""
    charset, quote, rest = text.partition(b"'")
    octets = unquote_to_bytes(rest.partition(b"'")[2] if quote else text)
    try:
        return octets.decode(codec_named(charset.decode("latin-1"))).encode() if quote else octets
    except UnicodeError:
        return octets


def leaf(entity: Entity, kind: str, parameters: dict[str, bytes]) -> Leaf:
    """A part without parts, its header read."""
    disposition = first_value(entity.fields, "content-disposition")
    raw_name = parameters_of(disposition).get("filename") or parameters.get("name", b"")
    return Leaf(
        type=kind,
        charset=parameters.get("charset", b"").decode("latin-1"),
        disposition=disposition.partition(b";")[0].strip().decode("latin-1").lower(),
        name=decode_unstructured(raw_name),
        raw_name=raw_name,
        encoding=first_value(entity.fields, "content-transfer-encoding").strip().decode("latin-1").lower(),
        content_id=first_value(entity.fields, "content-id").decode("latin-1").strip("<> "),
        is_related=entity.is_related,
        body=entity.body,
    )

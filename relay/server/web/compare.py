"""Before and after: the header fields as the app wrote them beside those that leave."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from relay.mail.message import BytesBody, Field, Message, MessageError
from relay.mail.text import decode_raw, decode_unstructured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relay.store.model import StoredMessage

FIRST = ("from", "reply-to", "sender", "to", "cc", "subject")
Fields = tuple[Field, ...]
TRACE = ("received", "dkim-signature")


@dataclass(frozen=True, slots=True)
class Row:
    """One header field on both sides; None where it is absent. ``reason`` is empty or a key of the locales."""

    name: str
    before: Field | None
    after: Field | None
    reason: str = ""

    @property
    def changed(self) -> bool:
        """True when the two sides differ."""
        return self.before != self.after

    @property
    def trace(self) -> bool:
        """True for what records and seals the way of a message rather than what it says."""
        return self.name.lower() in TRACE


def compare(message: StoredMessage) -> list[Row]:
    """Every field of either side: what changed first, From and Reply-To first of all."""
    before, after = fields(message.original_header), fields(message.header)
    reasons = {(change.field.lower(), change.before is None): change.reason for change in message.changes}
    rows: list[Row] = []
    for key in dict.fromkeys(field.key for field in (*after, *before)):
        for old, new in pairs(key, before, after):
            field = new or old
            assert field is not None  # one side is always there
            reason = reasons.get((key, old is None), "") if old != new else ""
            rows.append(Row(field.name, old, new, reason))
    return sorted(rows, key=rank)


def pairs(key: str, before: Fields, after: Fields) -> Iterator[tuple[Field | None, Field | None]]:
    """The fields of one name side by side; a trace field or signature only beside itself, since it is never edited."""
    olds = [field for field in before if field.key == key]
    news = [field for field in after if field.key == key]
    if key in TRACE:
        yield from ((field if field in olds else None, field) for field in news)
        yield from ((field, None) for field in olds if field not in news)
    else:
        yield from zip_longest(olds, news)


def fields(header: bytes) -> Fields:
    """The fields of a header block; none when it cannot be read (its source still shows it)."""
    try:
        return Message.parse(header, BytesBody(b"")).fields
    except MessageError:
        return ()


def rank(row: Row) -> tuple[bool, int]:
    """Where a row belongs: changed before unchanged, then by interest, then as in the message (the sort is stable)."""
    key = row.name.lower()
    if key in FIRST:
        return (not row.changed, FIRST.index(key))
    return (not row.changed, len(FIRST) + (key in TRACE))


def written(field: Field) -> str:
    """A field's value as it is written."""
    return decode_raw(field.value)


def readable(field: Field) -> str:
    """A field's value with its encoded words decoded (RFC 2047)."""
    return decode_unstructured(field.value)

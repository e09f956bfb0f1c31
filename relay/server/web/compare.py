"""Before and after: the header fields as the app wrote them beside those that leave."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from relay.mail.message import BytesBody, Field, Message, MessageError
from relay.mail.text import decode_unstructured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relay.store.model import StoredMessage

FIRST = ("from", "reply-to", "sender", "to", "cc", "subject")
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


def compare(message: StoredMessage) -> list[Row]:
    """Every field of either side: what changed first, From and Reply-To first of all."""
    before, after = fields(message.original_header), fields(message.header)
    reasons = {change.field.lower(): change.reason for change in message.changes}
    rows: list[Row] = []
    for key in dict.fromkeys(field.key for field in (*after, *before)):
        for old, new in pairs(of(before, key), of(after, key)):
            name = (new or old or before[0]).name
            rows.append(Row(name, old, new, reasons.get(key, "") if old != new else ""))
    return sorted(rows, key=rank)


def fields(header: bytes) -> tuple[Field, ...]:
    """The fields of a header block; none when it cannot be read (then its source still shows it)."""
    try:
        return Message.parse(header, BytesBody(b"")).fields
    except MessageError:
        return ()


def of(every: tuple[Field, ...], key: str) -> list[Field]:
    """The fields of that name, the last first: trace fields are added on top, so the oldest ones belong together."""
    return [field for field in reversed(every) if field.key == key]


def pairs(before: list[Field], after: list[Field]) -> Iterator[tuple[Field | None, Field | None]]:
    """The fields of one name side by side."""
    return zip_longest(before, after)


def rank(row: Row) -> tuple[bool, int]:
    """Where a row belongs: changed before unchanged, then by interest, then as in the message (the sort is stable)."""
    key = row.name.lower()
    if key in FIRST:
        return (not row.changed, FIRST.index(key))
    return (not row.changed, len(FIRST) + (key in TRACE))


def readable(field: Field) -> str:
    """A field's value with its encoded words decoded (RFC 2047), for display."""
    return decode_unstructured(field.value)

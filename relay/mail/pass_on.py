"""A submission as it leaves by the tenant's own server: its From and its Reply-To stay as they came.

What has to go whatever the way (rule A7) goes: blind copies, what only others on the way may write, and instructions to
the relay. What is missing is added (rule A8). Signatures stay: the author's server may add its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.mail.reply import Refusal
from relay.mail.rewrite import ONCE, ROUTING, Edit, Rewritten, apply, clashing_field, missing_fields

if TYPE_CHECKING:
    from relay.mail.message import Field, Message

# Field (lower case) -> reason in the locales.
REMOVED = {
    "bcc": "bcc",
    "resent-bcc": "bcc",  # RFC 5322 3.6.6
    "return-path": "return_path",
    "sender": "own_sender",
}


def pass_on(message: Message, *, date: str, message_id: str) -> Rewritten | Refusal:
    """The message as it leaves but for trace, or why it cannot; ``date`` and ``message_id`` are the values of these
    fields where the message has none."""
    clash = clashing_field(message)
    if clash:
        return Refusal(550, "5.6.0", "header.duplicate", {"field": clash})
    places: dict[int, Edit] = {}
    seen: set[str] = set()
    for place, field in enumerate(message.fields):
        if reason := removal(field, seen):
            places[place] = Edit(None, reason)
        seen.add(field.key)
    passed, changes = apply(message, places, None, missing_fields(message, date, message_id))
    return Rewritten(passed, changes, ())


def removal(field: Field, seen: set[str]) -> str:
    """Why a field is taken out, or nothing; ``seen`` are the names before it."""
    if field.key in ONCE and field.key in seen:
        return "duplicate"
    return "routing" if field.key.startswith(ROUTING) else REMOVED.get(field.key, "")

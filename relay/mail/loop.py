"""Loops: a message that has passed here before carries our mark, which nobody else can make."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.mail.message import Message

MARK_DIGITS = 20  # hexadecimal: 80 bits
MARKED = re.compile(rb"\bid ([0-9a-z]{16})\.([0-9a-f]{20})(?=[;\s])")


def trace_id(message_id: str, secret: bytes) -> str:
    """What stands behind ``id`` in our Received field: the message's identifier and a mark of this installation."""
    return f"{message_id}.{mark(message_id, secret)}"


def mark(message_id: str, secret: bytes) -> str:
    """The mark of this installation on one message."""
    return hmac.new(secret, b"received\0" + message_id.encode(), hashlib.sha256).hexdigest()[:MARK_DIGITS]


def own_hops(message: Message, secret: bytes) -> int:
    """How often a message has passed this installation: the Received fields with a true mark of ours."""
    found = [MARKED.search(field.value) for field in message.all("received")]
    return sum(
        hmac.compare_digest(match[2].decode(), mark(match[1].decode(), secret)) for match in found if match is not None
    )

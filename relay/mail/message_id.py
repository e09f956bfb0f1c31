"""Message-IDs (RFC 5322 3.6.4): read leniently, compared exactly, and a number to look one up by."""

from __future__ import annotations

import hashlib
import re

from relay.mail.mime import first_value, read_header
from relay.mail.text import decode_raw

MESSAGE_ID = re.compile(r"<([^<>\s]{1,900})>")
MOST_ANSWERED = 30  # of those that a mail says it answers


def first_id(text: str) -> str:
    """The first Message-ID in a text, without its brackets; empty when there is none."""
    found = MESSAGE_ID.search(text)
    return found[1] if found else ""


def id_of(header: bytes) -> str:
    """The Message-ID of the message with that header block, without its brackets; empty when it has none."""
    return first_id(decode_raw(first_value(read_header(header), "message-id")))


def answered_ids(in_reply_to: str, references: str) -> list[str]:
    """The messages that one answers, the nearest first: In-Reply-To, then References from its end."""
    found = [*MESSAGE_ID.findall(in_reply_to), *reversed(MESSAGE_ID.findall(references))]
    return list(dict.fromkeys(found))[:MOST_ANSWERED]


def id_key(message_id: str) -> int:
    """A number of 64 bits to look a Message-ID up by; two may share one."""
    digest = hashlib.sha256(message_id.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)

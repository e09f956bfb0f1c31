"""Listens in on the sessions of an attempt, so that people can read afterwards what was said.

Sessions outlive attempts and are handed from one to the next, so what they say goes to the attempt that is under way in
the task that uses them (a context variable), and to nobody where none is. Memory is bounded: the first lines of a long
conversation make room for the last ones. Passwords are never kept (`mask`), nor is any of a message.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from relay.mail.conversation import Said, Side

MOST_LINES = 120
LONGEST_LINE = 512  # characters that are kept of one
COMMANDS = frozenset(("EHLO", "HELO", "STARTTLS", "MAIL", "RCPT", "DATA", "RSET", "QUIT"))
US = Side.US

Heard = deque[tuple[float, Side, str]]

listener: ContextVar[Heard | None] = ContextVar("listener", default=None)


class Conversation:
    """The last lines of one attempt."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.heard: Heard = deque(maxlen=MOST_LINES)

    def lines(self) -> tuple[Said, ...]:
        """What was said, in order, on lines that hold nothing but text."""
        return tuple(Said(max(0.0, at - self.began), side, one_line(text)) for at, side, text in self.heard)


@contextmanager
def listening() -> Iterator[Conversation]:
    """Hears what sessions say in this task until the block ends."""
    conversation = Conversation()
    token = listener.set(conversation.heard)
    try:
        yield conversation
    finally:
        listener.reset(token)


def hear(side: Side, *lines: str) -> None:
    """Keep lines that were said just now, if somebody listens."""
    heard = listener.get()
    if heard is not None:
        at = time.monotonic()
        for line in lines:
            heard.append((at, side, mask(line) if side is US else line[:LONGEST_LINE]))


def mask(line: str) -> str:
    """What we said, without what only we and the server may know: only commands are kept that hold no secret."""
    verb, _, rest = line.partition(" ")
    if verb == "AUTH":
        mechanism, _, secret = rest.partition(" ")
        return f"AUTH {mechanism} (masked)" if secret else line
    return line[:LONGEST_LINE] if verb in COMMANDS or line.startswith("(") or line == "." else "(masked)"


def one_line(text: str) -> str:
    """The text without anything that does not print."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)

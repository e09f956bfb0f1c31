"""Replies of a remote SMTP server, read strictly and within bounds (RFC 5321 4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.mail.reply import printable
from relay.net.wire import Broken

if TYPE_CHECKING:
    from relay.net.wire import Wire

KEPT_OF_LINE = 2048  # RFC 5321 4.5.3.1.5 has 512
MOST_LINES = 100
KEPT_OF_REPLY = 1000

# RFC 5321 4.2.1: "250" alone is tolerated, and CR CR LF. A CR inside may be where another line was to begin.
LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\r]*))?\r*", re.DOTALL)
ENHANCED = re.compile(r"\A([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|$)")  # RFC 2034 4


@dataclass(frozen=True, slots=True)
class RemoteReply:
    """A complete reply: its code and its lines without code, in printable ASCII."""

    code: int
    lines: tuple[str, ...]

    @property
    def enhanced(self) -> str:
        """The enhanced status code, or empty. Its class has to match the code's (RFC 2034 4)."""
        match = ENHANCED.match(self.lines[0])
        return match[1] if match and match[1][0] == str(self.code)[0] else ""

    @property
    def text(self) -> str:
        """The words, in one line, without the codes."""
        words = " ".join(ENHANCED.sub("", line, count=1).strip() for line in self.lines)
        return words.strip()[:KEPT_OF_REPLY]

    def spoken(self) -> list[str]:
        """The lines as they were said, with the code."""
        *more, last = self.lines
        return [*(f"{self.code}-{line}" for line in more), f"{self.code} {last}"]


async def read_reply(wire: Wire) -> RemoteReply:
    """The next reply. Raises `Broken` when it is none, mixes codes, or has no end."""
    lines: list[str] = []
    codes: set[bytes] = set()
    while len(lines) < MOST_LINES:
        match = LINE.fullmatch(await wire.line())
        if match is None:
            raise Broken("4.5.0", "the remote does not speak SMTP")
        codes.add(match[1])
        if len(codes) > 1:  # RFC 5321 4.2.1: the same code on every line
            raise Broken("4.5.0", "the remote sent a reply with two different codes")
        lines.append(printable((match[3] or b"")[:KEPT_OF_LINE].decode("utf-8", "replace")))
        if match[2] != b"-":
            return RemoteReply(int(match[1]), tuple(lines))
    raise Broken("4.5.0", "the remote sent a reply without end")

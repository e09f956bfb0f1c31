"""What we say to an SMTP client: a `Reply` on the wire, a `Refusal` before somebody chose the language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.mail.address import Address

NO_PARAMS: Mapping[str, str] = MappingProxyType({})
EXCERPT = 80


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply: code, enhanced code (RFC 2034; empty where RFC 2034 has none) and ASCII lines."""

    code: int
    enhanced: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The reply as one readable line, such as ``550 5.7.1 sender not verified``."""
        words = " ".join(self.lines)
        return f"{self.code} {self.enhanced} {words}" if self.enhanced else f"{self.code} {words}"

    def encode(self) -> bytes:
        """The bytes on the wire, with CRLF; multi-line as RFC 5321 4.2.1 has it. Always printable ASCII."""
        prefix = f"{self.enhanced} " if self.enhanced else ""
        last = len(self.lines) - 1
        return "".join(
            f"{self.code}{' ' if number == last else '-'}{prefix}{printable(line)}\r\n"
            for number, line in enumerate(self.lines)
        ).encode("ascii")


def printable(text: str) -> str:
    """The text with ``?`` for everything but printable ASCII: nothing of the client's can break a reply line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def excerpt(text: str) -> str:
    """Offending text of the client's as a reply quotes it: at most 80 characters, everything but ASCII escaped."""
    escaped = text[:EXCERPT].encode("unicode_escape").decode("ascii")
    return escaped if len(escaped) <= EXCERPT and len(text) <= EXCERPT else escaped[: EXCERPT - 3] + "..."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message is not taken. ``topic`` names the sentence in the locales (section ``reply``), ``params`` fill it.

    ``confirm`` is the address that would have to be confirmed before the message could be accepted, if that is all.
    """

    code: int
    enhanced: str
    topic: str
    params: Mapping[str, str] = field(default_factory=lambda: NO_PARAMS)
    confirm: Address | None = None

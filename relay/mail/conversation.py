"""What was said in an SMTP session, line by line, as it is kept for people to read."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Who said a line; NOTE is what happened without words."""

    US = ">"
    THEM = "<"
    NOTE = "*"


@dataclass(frozen=True, slots=True)
class Said:
    """A line without its line end; ``after`` is in seconds since the attempt began."""

    after: float
    side: Side
    text: str


def pack(lines: Iterable[Said]) -> bytes:
    """The lines as they are stored: compressed text, one line each."""
    text = "".join(f"{line.after:.3f} {line.side.value} {line.text}\n" for line in lines)
    return zlib.compress(text.encode("utf-8", "replace"), 1)


def unpack(packed: bytes) -> tuple[Said, ...]:
    """The lines behind what `pack` made. Raises ValueError or ``zlib.error`` for anything else."""
    lines = zlib.decompress(packed).decode("utf-8").split("\n")[:-1]
    return tuple(Said(float(after), Side(side), text) for after, side, text in (line.split(" ", 2) for line in lines))

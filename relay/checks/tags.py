"""Tag lists: ``v=DKIM1; k=rsa; p=…``, the form of DKIM keys, DKIM signatures and DMARC records (RFC 6376 3.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

SPACE = " \t\r\n"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # RFC 6376 3.2: tag-name


@dataclass(frozen=True, slots=True)
class TagList:
    """Tags in order, values without the white space around them. ``faults`` are the pieces that are no tag, or name one
    a second time (RFC 6376 3.2: must not occur)."""

    tags: tuple[tuple[str, str], ...]
    faults: tuple[str, ...] = ()

    def value(self, name: str) -> str | None:
        """The value of a tag; None where there is no such tag."""
        return dict(self.tags).get(name)

    def words(self, name: str, default: str = "") -> tuple[str, ...]:
        """The words of a tag that is a list with colons, in lower case."""
        text = self.value(name)
        return tuple(word.strip(SPACE).lower() for word in (default if text is None else text).split(":"))


def read_tags(text: str, *, any_case: bool = False) -> TagList:
    """Read a tag list, whatever it is. Names differ by case in DKIM (RFC 6376 3.2), not in DMARC (RFC 5234 2.3):
    ``any_case`` makes them lower case."""
    tags: dict[str, str] = {}
    faults = []
    for piece in text.split(";"):
        name, equals, value = (part.strip(SPACE) for part in piece.partition("="))
        if not piece.strip(SPACE):
            continue
        name = name.lower() if any_case else name
        if not equals or not NAME.fullmatch(name) or name in tags:
            faults.append(piece.strip(SPACE))
        else:
            tags[name] = value
    return TagList(tuple(tags.items()), tuple(faults))

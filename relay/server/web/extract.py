"""What a test looks for in a mail: the addresses that its links lead to, and codes that one types in somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from relay.server.web.parts import Content

LINK = re.compile(r"https?://[^\s<>\"'\\^`{|}]+")
TRAILING = ".,;:!?)]}'\""
CODE = re.compile(r"(?<![\w.,:/€$-])\d{4,8}(?![\w/€$-]|[.,:]\d)")
MOST = 100


class Hrefs(HTMLParser):
    """Collects where the links of a page lead, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A link to somewhere else."""
        target = dict(attrs).get("href") if tag == "a" else None
        if target and target.startswith(("http://", "https://")):
            self.found.append(target)


def links(content: Content) -> list[str]:
    """Where the links lead, each once, those of the HTML first."""
    hrefs = Hrefs()
    hrefs.feed(content.html or "")
    return list(dict.fromkeys([*hrefs.found, *links_in(content.text or "")]))[:MOST]


def links_in(text: str) -> Iterator[str]:
    """Links in plain text, without the punctuation behind them."""
    for link in LINK.findall(text):
        yield link.rstrip(TRAILING)


def codes(content: Content) -> list[str]:
    """Numbers of four to eight digits that stand alone in the text, each once."""
    return list(dict.fromkeys(CODE.findall(content.text or "")))[:MOST]

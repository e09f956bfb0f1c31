"""What an HTML body shows and where it leads: read in one pass of linear time, nothing is run or fetched."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

LONGEST_HTML = 500_000  # characters that are read
LONGEST_TAG = 5_000  # characters of a tag that are searched for attributes
MOST_LINKS = 1_000

TOKEN = re.compile(r"<!--.*?(?:-->|\Z)|</?[a-zA-Z][^<>]*+>|<[!?][^<>]*+>|[^<]++|<", re.DOTALL)
TAG_NAME = re.compile(r"</?([a-zA-Z][\w:-]*+)")
ATTRIBUTE = re.compile(r"""(?<![\w-])([a-zA-Z][\w-]*+)\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"'>]++)""")
UNSHOWN = frozenset({"head", "script", "style", "title", "template"})
BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
HIDDEN = re.compile(r"display\s*+:\s*+none|mso-hide\s*+:\s*+all")


@dataclass(frozen=True, slots=True)
class Link:
    """A link: where it leads, and the text that it is under."""

    href: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML body: its visible text, its links, how many images, the names of its tags, and its style sheets."""

    text: str
    links: tuple[Link, ...]
    images: int
    tags: frozenset[str]
    styles: str


class Reader:
    """Collects what a page shows, tag by tag."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.links: list[Link] = []
        self.styles: list[str] = []
        self.tags: set[str] = set()
        self.images = 0
        self.unshown = ""  # the tag whose content is not shown
        self.href: str | None = None
        self.link_from = 0

    def text(self, text: str) -> None:
        """Text between tags."""
        if self.unshown == "style":
            self.styles.append(text)
        elif not self.unshown:
            self.shown.append(html.unescape(text))

    def tag(self, tag: str) -> None:
        """A tag that opens or closes."""
        named = TAG_NAME.match(tag)
        if named is None:
            return
        name, closes = named[1].lower(), tag.startswith("</")
        if name in UNSHOWN:
            self.hides(name, closes=closes)
        if name in BLOCKS and not self.unshown:
            self.shown.append("\n")
        if name == "a":
            self.end_link()
        if not closes:
            self.opens(name, attributes(tag))

    def hides(self, name: str, *, closes: bool) -> None:
        """The start or end of what is not shown."""
        if closes:
            self.unshown = "head" if self.unshown != name and self.unshown == "head" else ""
        elif not self.unshown or name == "style":
            self.unshown = name

    def opens(self, name: str, given: dict[str, str]) -> None:
        """A tag that opens, with its attributes."""
        self.tags.add(name)
        self.styles.append(given.get("style", ""))
        if name == "img":
            self.images += 1
        if name == "link" and given.get("rel", "").lower() == "stylesheet":
            self.tags.add("link-stylesheet")
        if name in {"a", "area"} and "href" in given:
            self.href, self.link_from = given["href"].strip(), len(self.shown)

    def end_link(self) -> None:
        """The end of a link, or the start of the next one."""
        if self.href is not None and len(self.links) < MOST_LINKS:
            self.links.append(Link(self.href, " ".join("".join(self.shown[self.link_from :]).split())))
        self.href = None


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a tag, references decoded."""
    return {
        name.lower(): html.unescape(value[1:-1] if value[0] in "\"'" else value)
        for name, value in ATTRIBUTE.findall(tag[:LONGEST_TAG])
    }


def read_html(source: str) -> Page:
    """An HTML body as a person sees it."""
    reader = Reader()
    for match in TOKEN.finditer(source[:LONGEST_HTML]):
        token = match[0]
        if token.startswith("<") and len(token) > 1:
            reader.tag(token)
        else:
            reader.text(token)
    reader.end_link()
    text = "".join(reader.shown)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return Page(
        re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(),
        tuple(reader.links),
        reader.images,
        frozenset(reader.tags),
        " ".join(reader.styles).lower(),
    )

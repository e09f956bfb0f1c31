"""A message taken apart for display, and for display only: nothing that is read here is ever sent.

The only place where the standard library's ``email`` reads anything. It is kept on a short line: the size, the number
of lines, parts and levels are bounded before it starts or while it runs, header fields are cut to 4 kB (its parameter
parser takes quadratic time), and it works in a thread whose result is not waited for longer than a few seconds.
"""

from __future__ import annotations

import asyncio
import base64
import codecs
import email.parser
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as Part

LARGEST = 25_000_000  # octets
MOST_LINES = 400_000  # 25 MB in base64 are 325,000
MOST_PARTS = 100
DEEPEST = 20
LONGEST_FIELD = 4096
PATIENCE = 5.0  # seconds
LARGEST_TEXT = 2_000_000  # characters of one text that are shown
LARGEST_HTML = 16_000_000  # characters, with the images that are shown inside of it
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
# What makes the parser go down a level: more than this and it is not asked at all.
LEVEL = re.compile(rb"boundary\s*(?:\*[\d*]*\s*)?=|message/", re.IGNORECASE)
TEXT_CODECS = re.compile(r"(utf|ascii|iso8859|iso2022|cp\d|koi8|gb|big5|shift_jis|euc_|mac_|latin|hz|tis|johab)")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is offered for download. ``name`` is what the message calls it, or empty."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """What a person sees of a message. ``problem`` is empty, ``too_large`` or ``too_complex``."""

    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    problem: str = ""


class ShortFields(email.policy.Compat32):
    """Header fields as they are, but no longer than 4 kB."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:LONGEST_FIELD]


async def read_content(source: bytes) -> Content:
    """The content of a whole message, or the reason why it is not taken apart."""
    if len(source) > LARGEST or source.count(b"\n") > MOST_LINES:
        return Content(problem="too_large")
    try:
        return await asyncio.wait_for(asyncio.to_thread(content, source), PATIENCE)
    except TimeoutError:
        return Content(problem="too_complex")


def content(source: bytes) -> Content:
    """The first text, the first HTML and everything else as attachments."""
    if sum(1 for _ in LEVEL.finditer(source)) > 2 * MOST_PARTS:
        return Content(problem="too_complex")
    root = email.parser.BytesParser(policy=ShortFields()).parsebytes(source)
    leaves = list(walk(root))
    if len(leaves) > MOST_PARTS:
        return Content(problem="too_complex")
    text = next((part for part in leaves if is_shown(part, "text/plain")), None)
    html = next((part for part in leaves if is_shown(part, "text/html")), None)
    rest = tuple(attachment(part) for part in leaves if part is not text and part is not html)
    return Content(
        text=None if text is None else decoded(text),
        html=None if html is None else with_images(decoded(html), leaves),
        attachments=rest,
    )


def walk(part: Part, level: int = 0) -> Iterator[Part]:
    """The parts that hold something themselves; below the deepest level nothing is looked at."""
    children = part.get_payload() if part.get_content_maintype() == "multipart" else None
    if not isinstance(children, list):
        yield part
    elif level < DEEPEST:
        for child in children[: MOST_PARTS + 1]:
            if isinstance(child, Part):
                yield from walk(child, level + 1)


def is_shown(part: Part, content_type: str) -> bool:
    """True for a part of that type that is not an attachment."""
    return part.get_content_type() == content_type and part.get_content_disposition() != "attachment"


def octets(part: Part) -> bytes:
    """What a part holds, without its transfer encoding; a message inside the message as its source."""
    inner = part.get_payload()
    if isinstance(inner, list):
        return b"".join(child.as_bytes() for child in inner if isinstance(child, Part))
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def decoded(part: Part) -> str:
    """A text part as text: its own charset if that is one, else UTF-8, else windows-1252."""
    data = octets(part)[: 4 * LARGEST_TEXT]
    for charset in (text_codec(part), "utf-8"):
        try:
            return data.decode(charset)[:LARGEST_TEXT]
        except UnicodeError:
            continue
    return data.decode("cp1252", "replace")[:LARGEST_TEXT]


def text_codec(part: Part) -> str:
    """The name of the charset when it is one for text (``idna`` or ``zip`` are codecs, too)."""
    try:
        name = codecs.lookup(str(part.get_content_charset("utf-8"))).name
    except (LookupError, ValueError):
        return "utf-8"
    return name if TEXT_CODECS.match(name) else "utf-8"


def attachment(part: Part) -> Attachment:
    """A part as it is offered for download."""
    name = part.get_filename() or ""
    clean = "".join(char for char in name if char.isprintable() and char not in '/\\"')
    return Attachment(clean[:200], part.get_content_type()[:100], octets(part))


def with_images(html: str, parts: list[Part]) -> str:
    """The HTML with the images that the message carries itself (RFC 2392) put in as data."""
    for part in parts:
        key = str(part.get("content-id", "")).strip().removeprefix("<").removesuffix(">")
        if not key or part.get_content_type() not in IMAGES or f"cid:{key}" not in html:
            continue
        data = octets(part)
        room = LARGEST_HTML - len(html)
        if html.count(f"cid:{key}") * len(data) * 4 // 3 <= room:
            url = f"data:{part.get_content_type()};base64,{base64.b64encode(data).decode('ascii')}"
            html = html.replace(f"cid:{key}", url)
    return html

"""Which language a page speaks, and how it says things: sentences with names set apart, dates, sizes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from markupsafe import Markup, escape

from relay.locales import LANGUAGES, Catalog, catalog

if TYPE_CHECKING:
    from starlette.requests import Request

ADDRESS = re.compile(r"(https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]])", re.IGNORECASE)
LINK = Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>')
COOKIE = "lang"
NAMES = {"en": "English", "nl": "Nederlands", "de": "Deutsch", "fr": "Français"}


def chosen(request: Request) -> str:
    """The language that a person chose: ``?lang=``, else the last one chosen; empty when none was."""
    wishes = (request.query_params.get("lang", ""), request.cookies.get(COOKIE, ""))
    return next((wish for wish in wishes if wish in LANGUAGES), "")


def spoken(request: Request, fallback: str) -> Catalog:
    """The catalog for a request: the chosen language, else what the browser prefers, else ``fallback``."""
    return catalog(chosen(request) or preferred(request.headers.get("accept-language", ""), fallback))


def switch(request: Request, language: str) -> str:
    """The link to the same page in another language."""
    return "?" + urlencode({**request.query_params, "lang": language})


def preferred(accept: str, fallback: str) -> str:
    """The language we speak with the highest quality in an Accept-Language field (RFC 9110 12.5.4)."""
    ranked = [(quality(params), tag.strip()[:2].lower()) for tag, _, params in split(accept)]
    spoken_here = [(rank, tag) for rank, tag in ranked if rank > 0 and tag in LANGUAGES]
    return max(spoken_here, key=lambda item: item[0], default=(0, fallback))[1]


def split(accept: str) -> list[tuple[str, str, str]]:
    """The elements of an Accept-Language field, at most twenty."""
    return [element.partition(";") for element in accept[:1000].split(",")[:20]]


def quality(params: str) -> float:
    """The quality value of one element: 1 when there is none, 0 when it cannot be read (RFC 9110 12.4.2)."""
    name, _, value = params.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0


class Voice:
    """The sentences of section ``page`` in one language, ready for HTML: everything put into them is escaped."""

    def __init__(self, sentences: Catalog) -> None:
        self.language = sentences.language
        self.sentences = sentences

    def say(self, key: str, /, **params: object) -> Markup:
        """The sentence ``page.<key>``; parameters are set apart so that they cannot reorder the text around them."""
        apart = {name: isolated(value) for name, value in params.items()}
        return escape(self.sentences.text(f"page.{key}")).format(**apart)

    def plain(self, key: str, /, **params: object) -> str:
        """The sentence ``page.<key>`` without markup, for titles and labels."""
        return self.sentences.text(f"page.{key}").format(**params)

    def reason(self, field: str, key: str) -> str:
        """Why a field was changed: the sentence of its reason, else what is known of every field of that name."""
        for full in (f"reason.{key}", f"page.message.why.{field.lower()}"):
            if full in self.sentences:
                return self.sentences.text(full)
        return key

    def date(self, at: float) -> str:
        """A moment as people write it, to the minute, in UTC."""
        moment = datetime.fromtimestamp(at, UTC)
        month = self.plain("months").split()[moment.month - 1]
        return self.plain("date", day=moment.day, month=month, year=moment.year, time=f"{moment:%H:%M}")

    def size(self, octets: int) -> str:
        """A size in kB or MB, with the decimal sign of the language."""
        if octets < 1000:
            return f"{octets} B"
        text = f"{octets / 1000:.1f} kB" if octets < 1_000_000 else f"{octets / 1_000_000:.1f} MB"
        return text if self.language == "en" else text.replace(".", ",")


def isolated(value: object) -> Markup:
    """A value as text that is set apart: ``<bdi>`` keeps its writing direction to itself; an address may break at @."""
    parts = str(value).split("@")
    kind = "name" if len(parts) == 1 else "name whole"
    return Markup('<bdi class="{}">{}</bdi>').format(kind, Markup("@<wbr>").join(parts))


def linked(text: str) -> Markup:
    """Plain text with its web addresses as links that tell their target nothing."""
    parts = ADDRESS.split(text)  # text, address, text, address, ..., text
    pieces = [LINK.format(part, part) if number % 2 else escape(part) for number, part in enumerate(parts)]
    return Markup("").join(pieces)


def clock(at: float) -> str:
    """Local time of day to the second, with the date: ``2026-11-24 07:43:12``."""
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}"


def iso(at: float) -> str:
    """A moment for machines (RFC 3339, UTC)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

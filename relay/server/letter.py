"""A mail of ours as a list of blocks, printed twice: as plain text and as HTML, so that the two never say different
things. The HTML loads nothing, runs nothing, and reads in light and dark."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 72


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels with their values."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Button:
    """The one thing to do: a link that stands out and shows where it leads."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Link:
    """A lesser link."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody else's words, such as a server's."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """Small print."""

    text: str


Block = Heading | Paragraph | Facts | Button | Link | Quote | Note


# ---- plain text ----------------------------------------------------------------------------------------------------


def as_text(title: str, blocks: Sequence[Block]) -> str:
    """The letter as plain text, wrapped at 72 characters; links stand on lines of their own, never cut."""
    return "\n\n".join([underlined(title), *(block_text(block) for block in blocks)]) + "\n"


def block_text(block: Block) -> str:
    """One block as plain text."""
    match block:
        case Heading(text):
            return underlined(text)
        case Paragraph(text):
            return wrapped(text)
        case Facts(pairs):
            width = max(len(label) for label, _ in pairs) + 2
            return "\n".join(wrapped(value, f"  {label + ':':<{width}}", " " * (width + 2)) for label, value in pairs)
        case Button(label, url) | Link(label, url):
            return f"{wrapped(label)}:\n\n  {url}"
        case Quote(text):
            return wrapped(text, "  > ", "  > ")
        case Note(text):
            return "-- \n" + wrapped(text)


def underlined(text: str) -> str:
    """A title over a line of hyphens (equals signs would be three characters each in quoted-printable)."""
    lines = wrapped(text)
    return lines + "\n" + "-" * max(map(len, lines.split("\n")))


def wrapped(text: str, first: str = "", rest: str = "") -> str:
    """The text in lines of 72 characters; a longer word, such as an address, stays whole."""
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


# ---- HTML ----------------------------------------------------------------------------------------------------------

# What programs that drop <style> need stands in style attributes; dark mode can only stand in <style>.
PAGE = """\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; supported-color-schemes: light dark; }}
@media (prefers-color-scheme: dark) {{
  .page {{ background: #14171c !important; }}
  .card {{ background: #1e2329 !important; border-color: #343b45 !important; }}
  .text {{ color: #e6e9ee !important; }}
  .soft {{ color: #a3adba !important; }}
  .line {{ border-color: #343b45 !important; }}
  .quote {{ background: #14171c !important; color: #d5dae2 !important; border-color: #4a5462 !important; }}
  .button {{ background: #7db2ff !important; }}
  .button a {{ color: #0d1a2d !important; }}
  .link {{ color: #8fbcff !important; }}
}}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f3f5f8">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f5f8">
<tr><td align="center" style="padding:24px 12px">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0"
 style="max-width:600px;background:#ffffff;border:1px solid #dfe4ea;border-radius:8px">
<tr><td class="text" align="left"
 style="padding:28px 32px;font:16px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;color:#1c2430">
<p class="soft" style="margin:0 0 20px;font-size:14px;color:#5c6775">{sender}</p>
<h1 class="text" style="margin:0 0 18px;font-size:23px;line-height:1.3;font-weight:600;color:#1c2430">{title}</h1>
{blocks}
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
"""
HEADING = (
    '<h2 class="text" style="margin:28px 0 6px;font-size:17px;line-height:1.35;font-weight:600;color:#1c2430;'
    'overflow-wrap:anywhere">{}</h2>'
)
PARAGRAPH = '<p style="margin:0 0 14px;overflow-wrap:anywhere">{}</p>'
FACTS = '<table role="presentation" cellpadding="0" cellspacing="0" style="margin:0 0 16px">\n{}\n</table>'
FACT = (
    '<tr><td class="soft" valign="top" style="padding:2px 16px 2px 0;font-size:15px;color:#5c6775">{}</td>'
    '<td valign="top" style="padding:2px 0;font-size:15px;font-weight:600;overflow-wrap:anywhere">{}</td></tr>'
)
BUTTON = (
    '<table role="presentation" cellpadding="0" cellspacing="0" style="margin:20px 0 10px"><tr>'
    '<td class="button" style="border-radius:6px;background:#1a56c4">'
    '<a href="{url}" style="display:inline-block;padding:12px 24px;font-weight:600;color:#ffffff;'
    'text-decoration:none">{label}</a></td></tr></table>\n'
    '<p class="soft" style="margin:0 0 16px;font-size:13px;color:#5c6775;overflow-wrap:anywhere">{url}</p>'
)
LINK = '<p style="margin:0 0 14px"><a class="link" href="{url}" style="color:#1a56c4">{label}</a></p>'
QUOTE = (
    '<p class="quote" style="margin:0 0 16px;padding:10px 14px;border-left:3px solid #b7c0cc;background:#f3f5f8;'
    'font:14px/1.5 ui-monospace,Menlo,Consolas,monospace;color:#2c3644;overflow-wrap:anywhere">{}</p>'
)
NOTE = (
    '<p class="soft line" style="margin:28px 0 0;padding:16px 0 0;border-top:1px solid #dfe4ea;font-size:13px;'
    'color:#5c6775;overflow-wrap:anywhere">{}</p>'
)


def as_html(title: str, blocks: Sequence[Block], *, sender: str, language: str) -> str:
    """The letter as an HTML document; ``sender`` heads it."""
    printed = "\n".join(block_html(block) for block in blocks)
    return PAGE.format(language=language, title=escape(title), sender=escape(sender), blocks=printed)


def block_html(block: Block) -> str:
    """One block as HTML."""
    match block:
        case Heading(text):
            return HEADING.format(escape(text))
        case Paragraph(text):
            return PARAGRAPH.format(escape(text))
        case Facts(pairs):
            return FACTS.format("\n".join(FACT.format(escape(label), escape(value)) for label, value in pairs))
        case Button(label, url):
            return BUTTON.format(label=escape(label), url=escape(url))
        case Link(label, url):
            return LINK.format(label=escape(label), url=escape(url))
        case Quote(text):
            return QUOTE.format(escape(text))
        case Note(text):
            return NOTE.format(escape(text))

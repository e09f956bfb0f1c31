"""The body of a message: a text for every reader, and enough of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from relay.checks.dated import table
from relay.checks.message.html import Page
from relay.checks.message.language import words
from relay.checks.message.mail import Mail
from relay.checks.model import Finding, Severity

FEW_WORDS = 10  # next to images: what filters take for a picture of a text
SAME = 0.6  # share of the words of either text that must be in the other
COMPARED = 15  # words from which texts are compared


def judge_body(mail: Mail) -> Iterator[Finding]:
    """What the parts of the body are, and whether they say the same."""
    if mail.parts.is_broken:
        yield Finding("msg.mime.broken", Severity.ERROR, "body", rfc="RFC 2046 5.1.1")
    if mail.parts.is_cut:
        yield Finding("msg.mime.limit", Severity.WARNING, "body", rfc="RFC 2046 5.1")
    page, plain = mail.page, mail.plain
    if page is not None and page.images and len(words(page.text)) < FEW_WORDS and len(words(plain or "")) < FEW_WORDS:
        yield Finding("msg.image_only", Severity.ERROR, "body", {"images": str(page.images)})
    elif not mail.text.strip():
        yield Finding("msg.empty", Severity.WARNING, "body")
    if page is not None and not (plain or "").strip():
        yield Finding("msg.text.missing", Severity.WARNING, "body", rfc="RFC 2046 5.1.4")
    elif page is not None and differ(plain or "", page.text):
        yield Finding("msg.text.diff", Severity.WARNING, "body", rfc="RFC 2046 5.1.4")
    if page is not None:
        yield from judge_support(page)


def differ(plain: str, shown: str) -> bool:
    """True when one text has a good part that the other has not; links do not count."""
    one, other = (set(words(re.sub(r"https?://\S+", " ", text))) for text in (plain, shown))
    if min(len(one), len(other)) < COMPARED:
        return max(len(one), len(other)) >= 2 * COMPARED
    return len(one & other) < SAME * min(len(one), len(other))


def judge_support(page: Page) -> Iterator[Finding]:
    """What much-used mail programs do not show, from the list in ``data/html.toml``."""
    for name, row in table("html")["features"].items():
        if any(tag in page.tags for tag in row.get("tags", "").split()) or (
            "style" in row and re.search(row["style"], page.styles)
        ):
            yield Finding("msg.html.support", Severity.INFO, name, {"feature": name, "programs": row["not_in"]})

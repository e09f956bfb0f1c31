"""docs/checks/ lists every finding of the checks with its sentence, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from relay.locales import catalog

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `(?P<id>[a-z][A-Za-z0-9_.]+)` \| (?P<severity>[^|]+) \| (?P<sentence>.+) \|$", re.MULTILINE)
ASIDE = ("check.say.", "check.severity.", "check.summary")


def rows() -> dict[str, str]:
    pages = [path.read_text() for path in sorted((DOCS / "checks").glob("*.md"))]
    return {match["id"]: match["sentence"] for page in pages for match in ROW.finditer(page)}


def sentences() -> dict[str, str]:
    found = {key: text for key, text in catalog("en").sentences.items() if key.startswith("check.")}
    return {key.removeprefix("check."): text for key, text in found.items() if not key.startswith(ASIDE)}


def test_every_finding_is_documented_with_its_sentence() -> None:
    documented = rows()
    assert {
        found: text for found, text in sentences().items() if documented.get(found) != text and found != "spf.typo"
    } == {}


def test_nothing_else_is_documented() -> None:
    assert {found for found in rows() if found not in sentences() and not found.startswith("spf.typo.")} == set()


def test_every_page_is_linked() -> None:
    linked = set(re.findall(r"\(checks/([a-z-]+\.md)\)", (DOCS / "checks.md").read_text()))
    assert linked == {path.name for path in (DOCS / "checks").glob("*.md")}

"""docs/rewriting.md shows the published cases as they are; UPDATE_DOCS=1 writes its table anew."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from relay.mail.text import decode_raw

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "rewriting.md"
MARK = "<!-- From here on generated"
SECTIONS = {
    "R": "Names and addresses",
    "S": "Names that deceive",
    "P": "Reply-To",
    "X": "Refused",
}


def code(text: str) -> str:
    """Header lines as code in a table cell; control characters in C notation."""
    shown = [line.replace("\0", "\\0").replace("\r", "\\r").replace("\t", "\\t") for line in text.split("\r\n")]
    return "<br>".join(f"`` {line} ``".replace("|", "\\|") for line in shown)


def row(case: dict[str, Any]) -> str:
    expect = case["expect"]
    settings = "".join(f' (`{key} = "{value}"`)' for key, value in case.get("settings", {}).items())
    if "refuse" in expect:
        result = f"**{expect['refuse']}** {expect['why'].replace('|', chr(92) + '|')}"
    else:
        result = "<br>".join(code(header) for header in expect["headers"])
    events = ", ".join(f"`{event}`" for event in expect.get("events", []))
    shown = code(decode_raw(case["input"].encode("latin-1")))
    return f"| {case['id']} | {case['case']}{settings} | {shown} | {result} | {events} |"


def tables(data: dict[str, Any]) -> str:
    """The generated part of the page."""
    verified = ", ".join(f"`{address}`" for address in data["verified"])
    parts = [
        "\n## Cases\n",
        f"The platform's address is `{data['platform']}`, the company is called `{data['tenant_name']}`, "
        f'`display_name = "message"`, `reply_to = "refuse"`. Confirmed are {verified}.\n',
    ]
    for letter, title in SECTIONS.items():
        parts.append(f"### {title}\n\n| id | case | handed in | leaves as | events |\n|---|---|---|---|---|")
        parts += [row(case) for case in data["cases"] if case["id"].startswith(letter)]
        parts[-1] += "\n"
    return "\n".join(parts)


def test_the_page_shows_the_cases() -> None:
    data = json.loads((ROOT / "tests" / "cases" / "rewrite.json").read_text("utf-8"))
    prose, mark, rest = PAGE.read_text("utf-8").partition(MARK)
    line, _, table = rest.partition("\n")
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(f"{prose}{mark}{line}\n{tables(data)}", "utf-8")
    else:
        assert table == tables(data), "run UPDATE_DOCS=1 pytest tests/mail/test_docs_rewriting.py"
    assert all(f"| {case['id']} |" in tables(data) for case in data["cases"])

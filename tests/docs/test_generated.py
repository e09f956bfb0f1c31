"""Pages generated from the code are the code's. `make docs` writes them again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from relay.cli.document import commands_markdown
from relay.config.document import reference_markdown

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"config.md": reference_markdown, "cli.md": commands_markdown}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_up_to_date(name: str) -> None:
    text = PAGES[name]()
    if os.environ.get("UPDATE_DOCS"):
        (DOCS / name).write_text(text)
    assert (DOCS / name).read_text() == text, "run: make docs"

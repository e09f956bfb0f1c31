"""Pages generated from the code are the code's. `make docs` writes them again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    "config.md": "from relay.config.document import reference_markdown as page",
    "cli.md": "from relay.cli.document import commands_markdown as page",
}


def generated(name: str) -> str:
    """The page as a fresh process makes it: click remembers in its commands how other tests called them."""
    program = f"{PAGES[name]}; import sys; sys.stdout.write(page())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", PAGES)
def test_page_is_up_to_date(name: str) -> None:
    text = generated(name)
    if os.environ.get("UPDATE_DOCS"):
        (DOCS / name).write_text(text)
    assert (DOCS / name).read_text() == text, "run: make docs"

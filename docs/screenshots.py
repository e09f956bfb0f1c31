"""Makes the pictures in docs/images: the pages of `relay dev --tour` in Debian's chromium."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Run the tour and take the pictures."""
    command = [sys.executable, "-m", "relay", "dev", "--smtp", "0", "--http", "0", "--tour"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "stays up" in line:
                break
        page = re.search(r"Look at it: (\S+)", said)
        assert page
        inbox = page[1].partition("/messages")[0]
        take({"before-after.png": (page[1], 620), "inbox.png": (inbox, 560)})
    finally:
        process.terminate()
        process.wait(30)


def take(pictures: dict[str, tuple[str, int]]) -> None:
    """One picture a page, at 1100 pixels wide and the height given."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, (url, height) in pictures.items():
            page = browser.new_page(viewport={"width": 1100, "height": height}, locale="en-GB")
            page.goto(url)
            page.screenshot(path=IMAGES / name)
        browser.close()


if __name__ == "__main__":
    main()

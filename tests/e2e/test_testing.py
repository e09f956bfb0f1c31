"""The fixture for tests of apps, as docs/testing.md shows it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
CONFIG = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


@pytest.fixture
def run(tmp_path: Path):
    """Runs tests in a folder of their own, as those of an app."""

    def pytest_run(code: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_app.py").write_text(code)
        (tmp_path / "pytest.ini").write_text(CONFIG)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "relay.testing.plugin", "-p", "no:cacheprovider"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    return pytest_run


def test_the_example_of_the_page_passes(run) -> None:
    done = run(PAGE.read_text().partition("```python\n")[2].partition("```")[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_what_did_come_is_named_when_nothing_fits(run) -> None:
    code = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    done = run(
        code.replace('wait(to="klant@customer.example", subject="code")', 'wait(0.5, to="ann@customer.example")')
    )
    assert done.returncode == 1
    assert "NoMail: no mail within 0.5 s for to='ann@customer.example'" in done.stdout
    assert "'Uw code' to klant@customer.example" in done.stdout


def test_each_test_begins_with_an_empty_inbox(run) -> None:
    code = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    done = run(f"{code}\n\ndef test_empty(relay_inbox):\n    assert relay_inbox.messages() == []\n")
    assert "2 passed" in done.stdout, done.stdout + done.stderr

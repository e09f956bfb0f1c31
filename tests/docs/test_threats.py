"""docs/threats.md: every row is proved or said to be open, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threats.md").read_text("utf-8")
ROWS = {
    *(f"P{number:02}" for number in range(1, 24)),
    *(f"H{number:02}" for number in range(1, 16)),
    *(f"A{number:02}" for number in range(1, 4)),
    *("D01–D14", *(f"D{number}" for number in range(15, 30))),
    *(f"S{number:02}" for number in range(1, 6)),
    *(f"T{number:02}" for number in range(1, 6)),
    *(f"W{number:02}" for number in range(1, 8)),
}
PROVED = re.compile(r"^\| (?P<id>\S+) \| [^|]+ \| (?P<tests>`[^|]+`) \|$", re.MULTILINE)
OPEN = re.compile(r"^\| (?P<id>\S+) \| [^|]+ \|$", re.MULTILINE)


@cache
def functions_of(path: Path) -> set[str]:
    """The names of the tests in a file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, functions)}


def named() -> list[tuple[str, str]]:
    """Each test that the page names: its file and its function."""
    tests = [name for row in PROVED.finditer(PAGE) for name in re.findall(r"`([^`]+)`", row["tests"])]
    return [(path, name) for path, _, name in (test.partition("::") for test in tests)]


def test_every_test_that_is_named_is_there() -> None:
    assert len(named()) > 60
    missing = [(path, name) for path, name in named() if name not in functions_of(ROOT / "tests" / path)]
    assert missing == []


def test_every_row_is_proved_or_open() -> None:
    proved, still_open = ({row["id"] for row in pattern.finditer(PAGE)} for pattern in (PROVED, OPEN))
    assert proved | still_open == ROWS | {"id"}


def test_the_protocol_and_the_open_relay_are_proved() -> None:
    proved = {row["id"] for row in PROVED.finditer(PAGE)}
    assert proved >= {"H01", *(f"P{number:02}" for number in range(1, 24))}

"""The SQL files of the package: the named queries, a file a topic, read once; and the numbered migrations."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def named_queries() -> dict[str, str]:
    """Every query of ``sql/queries`` by its name, without the comments. A name is given once."""
    queries: dict[str, str] = {}
    for file in sorted(files(__package__).joinpath("sql", "queries").iterdir(), key=lambda file: file.name):
        parts = NAME.split(file.read_text("utf-8"))
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            assert name not in queries, f"two queries are called {name}"
            queries[name] = strip_comments(text)
    return queries


@cache
def migrations() -> tuple[str, ...]:
    """The text of every migration in order; the first has number 1."""
    names = sorted(each.name for each in files(__package__).joinpath("sql").iterdir() if each.name[:4].isdigit())
    return tuple(sql_file(name) for name in names)


def statements(script: str) -> list[str]:
    """The statements of a migration. A semicolon ends one wherever it stands at the end of a line."""
    return [text.strip() for text in re.split(r";$", strip_comments(script), flags=re.MULTILINE) if text.strip()]


def strip_comments(sql: str) -> str:
    """The SQL without lines that are only a comment."""
    return "\n".join(line for line in sql.splitlines() if line and not line.startswith("--"))


def sql_file(name: str) -> str:
    """The text of one file."""
    return files(__package__).joinpath("sql", name).read_text("utf-8")

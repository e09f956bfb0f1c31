"""The dated lists in ``data/``: facts about the world that were true on the date in the file, each read once."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:
    """A list as it stands."""
    return tomllib.loads((files("relay.checks") / "data" / f"{name}.toml").read_text("utf-8"))


@cache
def names(file: str, section: str, key: str = "names") -> frozenset[str]:
    """The words of one key of a list."""
    return frozenset(str(table(file)[section][key]).split())

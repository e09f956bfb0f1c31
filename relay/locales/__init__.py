"""Every sentence that a tenant, a customer or an administrator reads, in each language: one TOML file a language."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "nl", "de", "fr")
FALLBACK = "en"


class Catalog:
    """The sentences of one language; `text` finds one by its dotted key and fills its placeholders."""

    def __init__(self, language: str, sentences: dict[str, str]) -> None:
        self.language = language
        self.sentences = sentences

    def text(self, key: str, /, **params: object) -> str:
        """The sentence under ``key`` (such as ``reply.sender.unverified``) with ``{placeholders}`` filled.

        Raises KeyError for a key that does not exist: a defect, since a test keeps all languages complete.
        """
        return self.sentences[key].format_map(params) if params else self.sentences[key]

    def __contains__(self, key: str) -> bool:
        return key in self.sentences


@cache
def catalog(language: str) -> Catalog:
    """The catalog of a language tag (``nl``, ``nl-BE``); English when we do not speak it."""
    base = language.lower().partition("-")[0]
    chosen = base if base in LANGUAGES else FALLBACK
    tree = tomllib.loads(files(__package__).joinpath(f"{chosen}.toml").read_text("utf-8"))
    return Catalog(chosen, dict(flatten(tree)))


def flatten(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The leaves of nested tables as (dotted key, sentence)."""
    leaves: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            leaves += flatten(value, f"{prefix}{name}.")
        else:
            leaves.append((prefix + name, str(value)))
    return leaves

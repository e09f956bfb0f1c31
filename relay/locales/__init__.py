"""Every sentence that a tenant, a customer or an administrator reads, in each language.

A directory a language; the name of a file is the beginning of its keys: ``check.spf.none`` is ``none`` in
``check.spf.toml``. A file is read when its first sentence is asked for.
"""

from __future__ import annotations

import tomllib
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

LANGUAGES = ("en", "nl", "de", "fr")
FALLBACK = "en"


class Catalog:
    """The sentences of one language; `text` finds one by its dotted key and fills its placeholders."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.known: dict[str, dict[str, str]] = {}

    def text(self, key: str, /, **params: object) -> str:
        """The sentence under ``key`` (such as ``reply.sender.unverified``) with ``{placeholders}`` filled.

        Raises KeyError for a key that does not exist: a defect, since a test keeps all languages complete.
        """
        sentence = self.find(key)
        if sentence is None:
            raise KeyError(key)
        return sentence.format_map(params) if params else sentence

    def __contains__(self, key: str) -> bool:
        return self.find(key) is not None

    @cached_property
    def sentences(self) -> dict[str, str]:
        """All sentences by their whole keys."""
        names = [file.name.removesuffix(".toml") for file in self.directory.iterdir() if file.name.endswith(".toml")]
        return {key: sentence for name in sorted(names) for key, sentence in self.file(name).items()}

    def find(self, key: str) -> str | None:
        """The sentence, from the file with the longest name that the key begins with."""
        first, _, rest = key.partition(".")
        for name in (f"{first}.{rest.partition('.')[0]}", first):
            if key in self.file(name):
                return self.file(name)[key]
        return None

    def file(self, name: str) -> dict[str, str]:
        """The sentences of one file by their whole keys; none where there is no such file."""
        if name not in self.known:
            file = self.directory.joinpath(f"{name}.toml")
            tree = tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
            self.known[name] = dict(flatten(tree, f"{name}."))
        return self.known[name]

    @property
    def directory(self) -> Traversable:
        """Where the files of this language are."""
        return files(__package__).joinpath(self.language)


@cache
def catalog(language: str) -> Catalog:
    """The catalog of a language tag (``nl``, ``nl-BE``); English when we do not speak it."""
    base = language.lower().partition("-")[0]
    return Catalog(base if base in LANGUAGES else FALLBACK)


def flatten(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """The leaves of nested tables as (dotted key, sentence)."""
    leaves: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            leaves += flatten(value, f"{prefix}{name}.")
        else:
            leaves.append((prefix + name, str(value)))
    return leaves

"""What a name looks like: two names with one skeleton can be taken for each other (rule B4, after UTS 39 section 4)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# What passes for a Latin letter at a glance: Cyrillic, Greek, other letters, digits.
_LOOKALIKES = {
    "a": "аАαΑɑ",
    "b": "вВьЬβΒ",
    "c": "сСϲϹ",
    "d": "ԁԀđĐ",
    "e": "еЕεΕҽ",
    "f": "ϝƒ",
    "g": "ɡԍԌ",
    "h": "һҺнНΗħĦ",
    "j": "јЈϳ",
    "k": "кКκΚ",
    "l": "іІιΙıiI1|łŁӏӀ",
    "m": "мМΜ",
    "n": "пηΝ",
    "o": "оОοΟσøØ0",
    "p": "рРρΡ",
    "q": "ԛԚ",
    "r": "г",
    "s": "ѕЅ5$",
    "t": "тТτΤ",
    "u": "υսц",
    "v": "νѵѴ",
    "w": "ԝԜωѡ",
    "x": "хХχΧ",
    "y": "уУγΥүҮ",
    "z": "Ζ",
}
_TO_LATIN = str.maketrans({char: latin for latin, chars in _LOOKALIKES.items() for char in chars})
_NO_WORD = re.compile(r"[\W_]+")


def skeleton(text: str) -> str:
    """The words of the text as they look: without marks, case, alphabet and punctuation; one space between."""
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    latin = bare.translate(_TO_LATIN).casefold().replace("rn", "m").replace("vv", "w")
    return _NO_WORD.sub(" ", latin).strip()


@lru_cache(maxsize=64)
def skeletons(names: tuple[str, ...]) -> tuple[str, ...]:
    """The skeletons of a fixed list of names."""
    return tuple(filter(None, map(skeleton, names)))


def is_protected(text: str, names: tuple[str, ...]) -> bool:
    """True when the text looks like one of the names, or like words with one of them among them."""
    seen = skeleton(text)
    return any(
        f" {name} " in f" {seen} " or name.replace(" ", "") == seen.replace(" ", "") for name in skeletons(names)
    )

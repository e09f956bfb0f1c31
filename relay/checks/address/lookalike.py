"""Domains that look like another one: letters of several scripts in one name, or a provider's name in other letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from relay.checks.address.known import providers, real_domains, registrable
from relay.mail.skeleton import skeleton

ALIKE = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC")  # UTS 39: scripts that share shapes


def is_mixed(label: str) -> bool:
    """True for a label of several of the scripts that share shapes (UTS 39 5.1)."""
    scripts = {unicodedata.name(char, "").partition(" ")[0] for char in label if not char.isascii() and char.isalpha()}
    scripts |= {"LATIN"} if any(char.isascii() and char.isalpha() for char in label) else set()
    return len(scripts & set(ALIKE)) > 1


@lru_cache(maxsize=1)
def shapes() -> dict[str, str]:
    """What the domain of each provider looks like -> that domain; names of four letters and less look like too much."""
    return {
        skeleton(provider.label): f"{provider.label}.{provider.suffixes[0]}"
        for provider in providers()
        if len(provider.label) > 4
    }


@lru_cache(maxsize=4096)
def imitated(domain: str) -> str | None:
    """The provider's domain that one in Unicode can be taken for, or None. Plain letters are no disguise, save for
    digits, ``rn`` and ``vv``."""
    if registrable(domain) in real_domains():
        return None
    label, _, suffix = domain.partition(".")
    plain = label.isascii() and not any(char.isdigit() for char in label) and "rn" not in label and "vv" not in label
    whole = shapes().get(skeleton(label))
    if plain or whole is None or whole.partition(".")[0] == label:
        return None
    same = f"{whole.partition('.')[0]}.{suffix}"
    return same if same in real_domains() else whole

"""What is known about names without asking: the dated lists in ``data/``, read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from relay.checks.dated import names, table

WORDS = 2  # labels that are words are held to what holds for labels this much shorter


@dataclass(frozen=True, slots=True)
class Provider:
    """Where people have mailboxes: the first label and the suffixes it serves, the largest first."""

    label: str
    suffixes: tuple[str, ...]
    is_word: bool


@cache
def providers() -> tuple[Provider, ...]:
    """All providers we compare with."""
    listed = table("mailbox_domains")["mailboxes"]
    words = names("mailbox_domains", "words", "labels")
    return tuple(Provider(label, tuple(suffixes.split()), label in words) for label, suffixes in listed.items())


@cache
def real_domains() -> frozenset[str]:
    """Domains that are as they should be: the providers' own and those that only look like one."""
    own = {f"{provider.label}.{suffix}" for provider in providers() for suffix in provider.suffixes}
    return names("mailbox_domains", "real", "domains") | own


def squatted_domains() -> frozenset[str]:
    """Mistyped domains that take mail."""
    return names("mailbox_domains", "squatted", "domains")


def is_below(domain: str, listed: frozenset[str]) -> bool:
    """True for a domain on the list and for all below one."""
    labels = domain.split(".")
    return any(".".join(labels[place:]) in listed for place in range(len(labels)))


def registrable(domain: str) -> str:
    """The last two labels, or three where the second level is a registry's (``co.uk``, ``ac.uk``, ``com.au``)."""
    labels = domain.split(".")
    second_level = len(labels) > 2 and labels[-2] in {"co", "ac", "com", "org", "gov", "edu", "net"}
    return ".".join(labels[-3 if second_level and len(labels[-1]) == 2 else -2 :])

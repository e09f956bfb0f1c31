"""Mistyped domains: which provider was meant, or None. It abstains rather than annoys.

Only providers' domains are suggested, by how likely fingers made one of the other (`relay.checks.address.slip`): the
shorter the name, the smaller the slip must be; a name that is a word counts as shorter; another ending in common
use (``gmail.fr``) is no slip; two candidates that are about as likely are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from relay.checks.address.known import WORDS, Provider, providers, real_domains, registrable
from relay.checks.address.slip import NEVER, slip_cost
from relay.checks.dated import names

TIE = 0.25  # candidates closer than this to each other are a tie
DOT = 0.7  # a dot left out or put in the wrong place
TLD = 1.2  # the most that an ending may cost
TLD_OF_ANY = 0.8  # and that of a name we do not know: one slip of the fingers
CUT_OFF = 0.8  # gmail.co, ziggo.n
SMALLER = 0.15  # for the suffixes of a provider but its largest
WRONG_COUNTRY = 1.2  # another ending in common use, when the domain takes no mail

# Length of a label -> the most that a slip may cost there; the last holds for all that is longer.
_ALIVE = (0.0, 0.0, 0.0, 0.0, 0.8, 1.0, 1.3, 1.4, 2.0, 2.4)
_DEAD = (0.0, 0.0, 0.0, 0.7, 1.0, 1.6, 2.0, 2.2, 2.5, 2.5)


@lru_cache(maxsize=16384)
def meant_domain(domain: str, *, dead: bool = False) -> str | None:
    """The domain that was probably meant by ``domain`` (A-labels, lower case; may lack its ending), or None.

    ``dead``: DNS says that it takes no mail, which makes a slip likelier.
    """
    typed = domain.removeprefix("www.")
    if registrable(typed) in real_domains():
        return typed if typed != domain and typed in real_domains() else None
    ranked = sorted(candidates(typed, dead=dead))
    if not ranked:
        return other_ending(typed)
    if len(ranked) > 1 and ranked[1][0] - ranked[0][0] < TIE:
        return None
    return ranked[0][1]


def candidates(typed: str, *, dead: bool) -> Iterator[tuple[float, str]]:
    """Each domain that may be meant, with what the slip costs."""
    label, _, suffix = typed.partition(".")
    squeezed = typed.replace(".", "")
    for provider in providers():
        cost = label_cost(label, provider, dead=dead)
        if not suffix:
            if cost < NEVER and not provider.is_word:
                yield cost, f"{provider.label}.{provider.suffixes[0]}"
        elif cost < NEVER:
            yield from (
                (cost + ending + SMALLER * (place > 0), f"{provider.label}.{meant}")
                for place, meant in enumerate(provider.suffixes)
                if (ending := ending_cost(suffix, meant, dead=dead)) < NEVER
            )
        if squeezed.startswith(provider.label):
            yield from dots_moved(typed, squeezed, provider)


def label_cost(typed: str, provider: Provider, *, dead: bool) -> float:
    """What the slip in the first label costs; NEVER when it is more than such a label allows."""
    meant = provider.label
    if typed == meant:
        return 0.0
    allowed = (_DEAD if dead else _ALIVE)[min(len(meant) - WORDS * provider.is_word, 9)]
    if abs(len(typed) - len(meant)) > 2 or not allowed or len(set(typed) ^ set(meant)) > 4:
        return NEVER
    if typed[:1] != meant[:1] and meant[1:] in everyday() and not dead:
        return NEVER  # fmail, ymail, zmail: names that somebody chose
    if provider.is_word and typed[:-1] == meant[:-1] and not dead:
        return NEVER  # planer, planes: a word with another ending
    cost = slip_cost(typed, meant)
    return cost if cost <= allowed + 1e-9 else NEVER


@lru_cache(maxsize=1)
def everyday() -> frozenset[str]:
    """What is left of a provider's label without its first letter, and is a word."""
    return frozenset(provider.label for provider in providers() if provider.is_word) | {"cloud", "mail", "range"}


@lru_cache(maxsize=4096)
def ending_cost(typed: str, meant: str, *, dead: bool) -> float:
    """What the slip in the suffix costs; NEVER when it is no slip."""
    if typed in {meant, f"{meant}.{meant}"}:
        return 0.0 if typed == meant else DOT
    if typed in names("special_names", "top_level", "common"):
        return WRONG_COUNTRY if dead else NEVER
    if len(typed) < len(meant) < 4 and meant.startswith(typed):
        return CUT_OFF
    cost = slip_cost(typed, meant)
    return cost if cost <= TLD + 1e-9 else NEVER


def dots_moved(typed: str, squeezed: str, provider: Provider) -> Iterator[tuple[float, str]]:
    """``gmailcom`` and ``gmailc.om``: all letters right, the dot not."""
    for suffix in provider.suffixes:
        domain = f"{provider.label}.{suffix}"
        if squeezed == domain.replace(".", "") and typed != domain:
            yield DOT, domain


def other_ending(typed: str) -> str | None:
    """The domain under the ending that was meant, where the typed one does not exist (``bakker.con``)."""
    name, dot, ending = typed.rpartition(".")
    if not dot or len(ending) < 3 or ending in names("special_names", "top_level", "real"):
        return None
    ranked = sorted((slip_cost(ending, meant), meant) for meant in names("special_names", "top_level", "endings"))
    sure = ranked[0][0] <= TLD_OF_ANY and ranked[1][0] - ranked[0][0] >= TIE
    return f"{name}.{ranked[0][1]}" if sure and ending != ranked[0][1] else None

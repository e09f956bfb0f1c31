"""Where an include stands in a tree, or what was meant to be it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from relay.checks.spf.macro import Ip
from relay.checks.spf.mend import EQUALS, distance, mend
from relay.checks.spf.record import Record
from relay.checks.spf.tree import Node


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked: the sender's include, other names for the same, and the addresses that it sends from."""

    include: str
    names: frozenset[str]
    ips: tuple[Ip, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the include stands: its term at the root, the domains down to it, and the qualifiers on the way."""

    place: int
    chain: tuple[str, ...]
    qualifiers: str
    ignored: bool  # behind a redirect that is not followed
    after_all: bool


def places(node: Node, wanted: Wanted) -> Iterator[Place]:
    """Every place in the tree where the include stands, nearest first."""
    for place, term in enumerate(node.terms):
        if term.name not in {"include", "redirect"} or term.fault or term.modifier != (term.name == "redirect"):
            continue  # "include=" is a modifier that nobody knows
        name = node.name_of(place)
        stop = node.record.all if node.record else None
        lost = term.name == "redirect" and stop is not None
        late = not lost and not node.reached(place)
        if name in wanted.names:
            yield Place(place, (node.domain, name), term.qualifier, lost, late)
        elif place in node.children:
            for below in places(node.children[place], wanted):
                chain, marks = (node.domain, *below.chain), term.qualifier + below.qualifiers
                yield Place(place, chain, marks, lost or below.ignored, late or below.after_all)


def misspelt(record: Record, wanted: Wanted) -> str:
    """The id of the slip that a term which was meant to be the include has; empty when there is none."""
    for repair in mend(record).repairs:
        if any(aims_at(word, wanted) for word in repair.meant.split()):
            return "inc.no.splitspace" if repair.slip == "split" else "inc.no.typo"
    sound = (term for term in record.terms if term.name == "include" and not term.fault)
    return (
        "inc.no.typo" if any(aims_at(term.text, wanted) and not names_it(term.text, wanted) for term in sound) else ""
    )


def target_of(word: str) -> str:
    """The name in ``?include:Name.``."""
    return word.lower().partition(":")[2].rstrip(".") if "include:" in word.lower() else ""


def names_it(word: str, wanted: Wanted) -> bool:
    return target_of(word) in wanted.names


def aims_at(word: str, wanted: Wanted) -> bool:
    """True for a term that names the include, or nearly: up to two letters off, or with something hung on."""
    target = target_of(word)
    return bool(target) and any(
        target == name or distance(target, name) <= 2 or target.startswith(f"{name}.") for name in wanted.names
    )


def as_include(word: str) -> str:
    """``include=x`` as the mechanism that was meant."""
    return EQUALS.sub(r"\1\2:\3", word)

"""The whole tree of an SPF record, walked without a message: what every term costs at worst, and what is dead in it.

Level by level, so that its depth is what it takes in round trips; addresses are asked for beside the next level.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from relay.checks.asking import Asking
from relay.checks.spf.evaluate import MOST_LOOKUPS, MOST_NAMES, is_domain, is_literal
from relay.checks.spf.macro import has_macro
from relay.checks.spf.record import Record, Term, parse_record, spf_texts
from relay.net.dns import Lookup, NoName, Records, Unknown, Value, plain_name

MOST_NODES = 24
MOST_QUERIES = 36  # the verdict must be able to ask on
FOLLOWED = frozenset({"include", "redirect"})


@dataclass(slots=True)
class Node:
    """The record of one domain. ``state``: ``record``, ``none``, ``nxdomain``, ``multiple``, ``unknown`` (and why),
    ``loop``, ``macro`` (its name needs a message) or ``limit`` (not followed any further). ``children`` and ``answers``
    are by the place of their term in the record."""

    domain: str
    state: str = "limit"
    reason: str = ""
    values: tuple[Value, ...] = ()
    ttl: int = 0
    canonical: str = ""
    record: Record | None = None
    children: dict[int, Node] = field(default_factory=dict)
    answers: dict[int, Lookup] = field(default_factory=dict)

    @property
    def terms(self) -> tuple[Term, ...]:
        return self.record.terms if self.record else ()

    def reached(self, place: int) -> bool:
        """False for a term behind ``all``, and for ``redirect`` beside it (RFC 7208 5.1, 6.1)."""
        if self.record is None or self.record.all is None:
            return True
        term = self.terms[place]
        return term.name != "redirect" if term.modifier else place <= self.record.all_at

    def cost(self, place: int) -> int:
        """Look-ups of one term at worst (RFC 7208 4.6.4); one that goes round in a circle uses all there are."""
        term = self.terms[place]
        if not term.asks or not self.reached(place):
            return 0
        child = self.children.get(place)
        return 1 + (child.lookups if child else 0)

    @property
    def lookups(self) -> int:
        """Look-ups of the whole record at worst."""
        return MOST_LOOKUPS if self.state == "loop" else sum(self.cost(place) for place in range(len(self.terms)))

    def is_void(self, place: int) -> bool:
        """True for a term whose answer is empty (RFC 7208 4.6.4)."""
        child = self.children.get(place)
        if child is not None and child.state == "nxdomain":
            return True
        answer = self.answers.get(place)
        return answer is not None and not isinstance(answer, Records | Unknown)

    def name_of(self, place: int) -> str:
        """The name that a term asks about."""
        return plain_name(self.terms[place].target or self.domain)


def everything(node: Node) -> Iterator[tuple[Node, int]]:
    """Every term of the tree that can be reached, in order of evaluation."""
    for place in range(len(node.terms)):
        if node.reached(place):
            yield node, place
            if place in node.children:
                yield from everything(node.children[place])


def chain_to(node: Node, wanted: Node) -> tuple[str, ...]:
    """The domains from a node down to another."""
    if node is wanted:
        return (node.domain,)
    for child in node.children.values():
        if below := chain_to(child, wanted):
            return (node.domain, *below)
    return ()


async def walk(asking: Asking, domain: str, rdtype: str = "A") -> Node:
    """The tree of a domain. ``rdtype`` is the type of address that its ``a`` terms are looked up with."""
    root = Node(plain_name(domain))
    level: list[tuple[Node, frozenset[str]]] = [(root, frozenset())]
    nodes = 0
    async with asyncio.TaskGroup() as beside:
        while level:
            level = level[: max(0, MOST_NODES - nodes)]
            nodes += len(level)
            await asyncio.gather(*(read(asking, node) for node, _ in level))
            for node, _ in level:
                beside.create_task(read_addresses(asking, node, rdtype))
            level = [child for node, above in level for child in offspring(node, above | {node.domain})]
    return root


async def read(asking: Asking, node: Node) -> None:
    """Fetch the record of a node."""
    if not is_domain(node.domain) or is_literal(node.domain):
        node.state = "none"
    elif asking.queries < MOST_QUERIES:
        judge(node, await asking.lookup(node.domain, "TXT"))


async def read_addresses(asking: Asking, node: Node, rdtype: str) -> None:
    """Fetch what the terms of a node name besides other records."""
    kinds = {"a": rdtype, "mx": "MX", "exists": "A"}
    places = [
        place
        for place, term in enumerate(node.terms)
        if term.name in kinds and not term.fault and not has_macro(term.target) and node.reached(place)
    ]
    places = places[: max(0, MOST_QUERIES - asking.queries)]
    answers = await asyncio.gather(
        *(asking.lookup(node.name_of(place), kinds[node.terms[place].name]) for place in places)
    )
    node.answers = dict(zip(places, answers, strict=True))


def judge(node: Node, answer: Lookup) -> None:
    """What the TXT records of a name come to (RFC 7208 4.4, 4.5)."""
    if isinstance(answer, Unknown):
        node.state, node.reason = "unknown", answer.reason
        return
    if not isinstance(answer, Records):
        node.state = "nxdomain" if isinstance(answer, NoName) else "none"
        return
    node.values, node.ttl, node.canonical = answer.values, answer.ttl, answer.canonical
    texts = spf_texts(answer.values)
    node.state = "record" if len(texts) == 1 else "multiple" if texts else "none"
    if len(texts) == 1:
        node.record = parse_record(texts[0])


def offspring(node: Node, above: frozenset[str]) -> list[tuple[Node, frozenset[str]]]:
    """The nodes below, each once; circles and macros end here."""
    fresh = []
    for place, term in enumerate(node.terms):
        if term.name not in FOLLOWED or term.fault:
            continue
        child = node.children[place] = Node(node.name_of(place))
        if has_macro(term.target):
            child.state = "macro"
        elif child.domain in above:
            child.state = "loop"
        else:
            fresh.append((child, above))
    return fresh


def too_many_names(node: Node, place: int) -> bool:
    """True for an ``mx`` with more than ten exchangers (RFC 7208 4.6.4)."""
    answer = node.answers.get(place)
    return node.terms[place].name == "mx" and isinstance(answer, Records) and len(answer.values) > MOST_NAMES


def tree_json(node: Node) -> dict[str, object]:
    """The tree for ``--json``: every term with its cost and, where there is one, the record behind it."""
    return {
        "domain": node.domain,
        "state": node.state,
        "reason": node.reason or None,
        "record": node.record.text if node.record else None,
        "lookups": node.lookups,
        "terms": [
            {
                "term": term.text,
                "lookups": node.cost(place),
                "reached": node.reached(place),
                "void": node.is_void(place),
                "fault": term.fault or None,
                "tree": tree_json(node.children[place]) if place in node.children else None,
            }
            for place, term in enumerate(node.terms)
        ],
    }

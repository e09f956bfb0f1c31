"""How a record that costs too much comes under ten look-ups: what to change, in the order of what it loses.

1. `useless` terms: dead, empty, double ones.
2. ``ptr``.
3. ``a`` and ``mx`` whose addresses are allowed anyway.
4. Senders whose mail has a reverse-path of their own: receivers never look for them here.
5. Senders, the platform among them, that can use a sub-domain as their reverse-path: it has ten look-ups of its own.
6. Own ``a`` and ``mx`` by the addresses they stand for today.

Others' records are never written out as addresses: those change. Nothing is proposed beyond what is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from relay.checks.asking import Asking
from relay.checks.spf.covered import FAMILIES, asks_for_hosts, covered_terms, networks_of
from relay.checks.spf.evaluate import MOST_LOOKUPS, is_within
from relay.checks.spf.known import ReturnPath, sender_of
from relay.checks.spf.record import Network, Record
from relay.checks.spf.tree import Node

MOST_CHANGES = 40  # nobody mends a record of thousands of terms one by one
DEAD = frozenset({"none", "nxdomain", "multiple", "loop"})
SAFE = frozenset({"dead", "void", "double", "covered", "addresses"})  # no mail is lost by these


@dataclass(frozen=True, slots=True)
class Saving:
    """One change: ``action`` is ``remove``, ``move`` or ``replace``, ``reason`` why (``dead``, ``void``, ``double``,
    ``ptr``, ``covered``, ``own-return-path``, ``subdomain``, ``addresses``); ``domain`` is whose record ``term`` stands
    in, ``instead`` what comes in its place, ``saves`` how many look-ups that saves."""

    action: str
    reason: str
    term: str
    saves: int
    domain: str
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A change that could be made, at a place of a node."""

    action: str
    reason: str
    node: Node
    place: int
    instead: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """Where: a record that is included twice is still one record."""
        return self.node.domain, self.place


async def under_ten(asking: Asking, root: Node, ours: frozenset[str] = frozenset()) -> tuple[Saving, ...]:
    """The changes, in order, until the record costs ten; none where it does. ``ours`` are names of the platform."""
    if root.lookups <= MOST_LOOKUPS:
        return ()
    covered = await covered_terms(asking, root)
    first = [*useless(root), *pointers(root), *covered_changes(root, covered), *senders(root, ours)]
    chosen = choose(root, first, [])
    if worst(root, {change.key for change, _ in chosen}) > MOST_LOOKUPS:
        chosen = choose(root, await by_addresses(asking, root), chosen)
    return tuple(saving(change, saves) for change, saves in needed(root, chosen))


def needed(root: Node, chosen: Sequence[tuple[Change, int]]) -> list[tuple[Change, int]]:
    """The changes without those that cost somebody work and that the others make needless."""
    kept = list(chosen)
    for pair in chosen:
        rest = [other for other in kept if other is not pair]
        if pair[0].reason not in SAFE and worst(root, {change.key for change, _ in rest}) <= MOST_LOOKUPS:
            kept = rest
    return kept


def choose(root: Node, changes: Iterable[Change], made: list[tuple[Change, int]]) -> list[tuple[Change, int]]:
    """As many of the changes as it takes, each with what it saves after those before it."""
    chosen = list(made)
    gone = {change.key for change, _ in made}
    cost = worst(root, gone)
    for change in islice(changes, MOST_CHANGES):
        if cost <= MOST_LOOKUPS:
            break
        left = worst(root, gone | {change.key})
        if left < cost:
            chosen.append((change, cost - left))
            gone.add(change.key)
            cost = left
    return chosen


def saving(change: Change, saves: int) -> Saving:
    """A change as it is reported."""
    term = change.node.terms[change.place].text
    return Saving(change.action, change.reason, term, saves, change.node.domain, change.instead)


def worst(node: Node, gone: set[tuple[str, int]] | frozenset[tuple[str, int]]) -> int:
    """Look-ups at worst (RFC 7208 4.6.4) without the terms that are gone."""
    if node.state == "loop":
        return MOST_LOOKUPS
    total = 0
    for place, term in enumerate(node.terms):
        if term.asks and node.reached(place) and (node.domain, place) not in gone:
            child = node.children.get(place)
            total += 1 + (worst(child, gone) if child else 0)
    return total


def own_places(root: Node) -> Iterator[tuple[Node, int]]:
    """The terms that the domain's owner can edit and that cost: in the record itself and in those below its name."""
    for node in own_nodes(root, root, set()):
        yield from ((node, place) for place, term in enumerate(node.terms) if term.asks and node.reached(place))


def own_nodes(root: Node, node: Node, seen: set[str]) -> Iterator[Node]:
    """A record and the owner's others below it, each once however often it is included."""
    seen.add(node.domain)
    yield node
    for child in node.children.values():
        if child.record is not None and is_within(child.domain, root.domain) and child.domain not in seen:
            yield from own_nodes(root, child, seen)


def useless(root: Node) -> Iterator[Change]:
    """Terms that never let anything pass, and those that stand there already."""
    seen: set[tuple[str, str]] = set()
    for node, place in own_places(root):
        term, child = node.terms[place], node.children.get(place)
        same = node.domain, term.text.lower().removeprefix("+").rstrip(".")
        if child is not None and child.state in DEAD:
            yield Change("remove", "dead", node, place)
        elif node.is_void(place):
            yield Change("remove", "void", node, place)
        elif same in seen:
            yield Change("remove", "double", node, place)
        seen.add(same)


def pointers(root: Node) -> Iterator[Change]:
    """``ptr`` (RFC 7208 5.5: should not be published)."""
    for node, place in own_places(root):
        if node.terms[place].name == "ptr":
            yield Change("remove", "ptr", node, place)


def covered_changes(root: Node, covered: Mapping[int, bool]) -> Iterator[Change]:
    """Hosts that are allowed by address, the surest first."""
    for place in sorted(covered, key=lambda place: not covered[place]):
        yield Change("remove", "covered", root, place)


def senders(root: Node, ours: frozenset[str]) -> list[Change]:
    """Others' includes: those that do nothing here, then those that can move; known ones first, then the dearest. A
    mailbox provider sends with the domain itself, so it stays."""
    ranked: list[tuple[tuple[int, int], Change]] = []
    for node, place in own_places(root):
        term, name = node.terms[place], node.name_of(place)
        if term.name != "include" or is_within(name, root.domain):
            continue
        known = sender_of(name)
        kind = ReturnPath.SUBDOMAIN if name in ours else known.return_path if known else None
        if kind is ReturnPath.OWN:
            ranked.append(((0, -node.cost(place)), Change("remove", "own-return-path", node, place)))
        elif kind is not ReturnPath.MAILBOX:
            ranked.append(((1 if kind else 2, -node.cost(place)), Change("move", "subdomain", node, place)))
    return [change for _, change in sorted(ranked, key=lambda pair: pair[0])]


async def by_addresses(asking: Asking, root: Node) -> list[Change]:
    """The domain's own hosts, by what they stand for today."""
    changes = []
    for node, place in own_places(root):
        if asks_for_hosts(node.terms[place]) and is_within(node.name_of(place), root.domain):
            found = [await networks_of(asking, node, place, rdtype) for rdtype in FAMILIES]
            words = [word_of(network) for networks in found if networks for network in networks]
            if words and None not in found:
                changes.append(Change("replace", "addresses", node, place, tuple(dict.fromkeys(words))))
    return changes


def word_of(network: Network) -> str:
    """A network as a term; one address has no prefix length."""
    text = str(network) if network.num_addresses > 1 else str(network.network_address)
    return f"ip{network.version}:{text}"


def slimmer(record: Record, savings: Sequence[Saving]) -> str | None:
    """The record after all savings, where no mail is lost by them; None where somebody must act first."""
    if not savings or any(saving.reason not in SAFE for saving in savings):
        return None
    return changed(record, savings)


def changed(record: Record, savings: Sequence[Saving]) -> str:
    """The record after savings in it. Of double terms the last goes."""
    words = [term.text for term in record.terms]
    for saving in savings:
        place = len(words) - 1 - words[::-1].index(saving.term)
        words[place : place + 1] = saving.instead
    return " ".join([record.text[: len("v=spf1")], *words])

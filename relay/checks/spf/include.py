"""The include question: is this sender in that domain's SPF record, and what exactly must be published so that it is?

The answer rests on the verdict for the addresses; the tree says why. A proposal is evaluated before it is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from relay.checks.asking import Asking, Overlay
from relay.checks.spf.evaluate import Verdict, check_host, is_within
from relay.checks.spf.macro import Ip
from relay.checks.spf.mend import EQUALS, distance, lookalike, mend
from relay.checks.spf.publish import difference, first_record, merged, with_include, zone_line
from relay.checks.spf.record import Record, parse_record, spf_texts
from relay.checks.spf.tree import Node, everything, walk
from relay.net.dns import Mx, Records

ANSWERS = {"yes": "yes", "no": "no", "part": "partly", "unknown": "unknown", "na": "not needed"}
WILDCARD_PROBE = "relay-wildcard-probe"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked: the sender's include, other names for the same, and the addresses that it sends from."""

    include: str
    names: frozenset[str]
    ips: tuple[Ip, ...]


@dataclass(frozen=True, slots=True)
class Included:
    """The answer. ``publish`` is the one-line value, None when nothing needs to be done or nothing can be proposed;
    ``removes`` what must go, ``changes`` the difference term by term."""

    id: str
    chain: tuple[str, ...] = ()
    publish: str | None = None
    zone: str | None = None
    removes: tuple[str, ...] = ()
    changes: tuple[tuple[str, str], ...] = ()

    @property
    def answer(self) -> str:
        return ANSWERS[self.id.split(".")[1]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the include stands: its term at the root, the domains down to it, and the qualifiers on the way."""

    place: int
    chain: tuple[str, ...]
    qualifiers: str
    ignored: bool  # behind a redirect that is not followed
    after_all: bool


async def answer_include(asking: Asking, root: Node, wanted: Wanted, verdicts: Sequence[Verdict]) -> Included:
    """The answer with its proposal."""
    if root.state == "unknown":
        return Included("inc.unknown", (root.domain,))
    if root.record is None:
        return await without_record(asking, root, wanted)
    passing = [verdict.result == "pass" for verdict in verdicts]
    if all(passing):
        return await passes(asking, root, wanted, verdicts[0])
    if any(verdict.result == "temperror" for verdict in verdicts):
        broken = next(verdict for verdict in verdicts if verdict.result == "temperror")
        return await proposed(asking, root, wanted, Included("inc.unknown", broken.chain), None)
    macros = [node for node, place in everything(root) if node.terms[place].name == "include" and is_macro(node, place)]
    if any(passing):
        return await improved(asking, root, wanted, Included("inc.part.family", (root.domain,)))
    found = refused(root, wanted, verdicts[0])
    if found.id in {"inc.no.absent", "inc.no.permerror_before"} and macros:
        found = Included("inc.unknown", (root.domain,))
    return await improved(asking, root, wanted, found)


def is_macro(node: Node, place: int) -> bool:
    """True for an include that cannot be followed without a message."""
    child = node.children.get(place)
    return child is not None and child.state == "macro"


async def passes(asking: Asking, root: Node, wanted: Wanted, verdict: Verdict) -> Included:
    """Mail passes today; how, and whether something behind it is broken."""
    chain = verdict.chain
    if is_unhealthy(root):
        return Included("inc.yes.unhealthy", chain)
    if root.canonical not in {"", root.domain}:
        return Included("inc.yes.cname", (root.domain, root.canonical))
    if await is_wildcard(asking, root):
        return Included("inc.yes.wildcard", chain)
    if (
        len(chain) == 2
        and chain[1].lower() == wanted.include
        and verdict.term.lower().lstrip("+").startswith("include:")
    ):
        return Included("inc.yes.direct", chain)
    names = [name.lower().rstrip(".") for name in chain[1:]]
    return Included("inc.yes.nested" if wanted.names & set(names) else "inc.yes.ip", chain)


def is_unhealthy(root: Node) -> bool:
    """True when something in the tree is over a limit, dead or unknown."""
    void = sum(node.is_void(place) for node, place in everything(root))
    states = {child.state for node, _ in everything(root) for child in node.children.values()}
    faulty = any(node.record and node.record.faults for node in nodes(root))
    return root.lookups > 10 or void > 2 or faulty or bool(states & {"none", "nxdomain", "multiple", "unknown", "loop"})


def nodes(root: Node) -> Iterator[Node]:
    """The root and all below it."""
    yield root
    for child in root.children.values():
        yield from nodes(child)


async def is_wildcard(asking: Asking, root: Node) -> bool:
    """True when any other name beside the domain has the same record (RFC 7208 3.5)."""
    parent = root.domain.partition(".")[2]
    if parent.count(".") < 1 or root.record is None:
        return False
    answer = await asking.lookup(f"{WILDCARD_PROBE}.{parent}", "TXT")
    return isinstance(answer, Records) and root.record.text.encode("latin-1") in answer.values


def refused(root: Node, wanted: Wanted, verdict: Verdict) -> Included:
    """Mail does not pass; why the include, if there is one, does not help."""
    record = root.record
    assert record is not None
    slip = misspelt(record, wanted)
    if record.faults:
        return Included(slip or "inc.no.syntax", (root.domain,))
    found = next(iter(sorted(places(root, wanted), key=lambda place: (place.after_all, place.ignored))), None)
    if found is None:
        broken = verdict.result == "permerror"
        chain = verdict.chain if broken else (root.domain,)
        return Included(slip or ("inc.no.permerror_before" if broken and len(chain) > 1 else "inc.no.absent"), chain)
    if found.ignored:
        return Included("inc.no.redirect_ignored", found.chain)
    if found.after_all:
        return Included("inc.no.afterall", found.chain)
    if verdict.result == "permerror":
        return Included("inc.no.permerror_before", verdict.chain)
    decided = next((at for at, term in enumerate(record.terms) if term.text == verdict.term), len(record.terms))
    if decided < found.place:
        return Included("inc.no.shadowed", found.chain)
    if found.qualifiers.strip("+"):
        return Included("inc.no.qualifier" if len(found.chain) == 2 else "inc.no.outerqualifier", found.chain)
    return Included(
        "inc.no.shadowed" if decided == found.place and len(found.chain) > 2 else "inc.no.absent", found.chain
    )


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


async def without_record(asking: Asking, root: Node, wanted: Wanted) -> Included:
    """The domain has no record that counts, or several."""
    texts = spf_texts(root.values)
    if texts:
        record = merged([parse_record(text) for text in texts])
        removes = tuple(text.decode("latin-1") for text in texts)
        return await proposed(asking, root, wanted, Included("inc.no.syntax", (root.domain,), removes=removes), record)
    for value in root.values:
        meant = lookalike(value) if isinstance(value, bytes) else None
        if meant is not None and isinstance(value, bytes):
            found = Included("inc.no.lookalike", (root.domain,), removes=(value.decode("latin-1"),))
            return await proposed(asking, root, wanted, found, parse_record(meant.encode("latin-1", "replace")))
    parent = root.domain.partition(".")[2]
    old, above, exchangers = await asyncio.gather(
        asking.lookup(root.domain, "SPF"), parent_tree(asking, parent), asking.lookup(root.domain, "MX")
    )
    if isinstance(old, Records) and (typed := spf_texts(old.values)):
        found = Included("inc.no.type99", (root.domain,), removes=(f"SPF {typed[0].decode('latin-1')}",))
        return await proposed(asking, root, wanted, found, parse_record(typed[0]))
    has_parent = above is not None and any(True for _ in places(above, wanted))
    chain = (root.domain, parent) if has_parent else (root.domain,)
    mine = isinstance(exchangers, Records) and any(
        isinstance(mx, Mx) and is_within(mx.exchange, root.domain) for mx in exchangers.values
    )
    text = first_record(wanted.include, own_mx=mine)
    return await evaluated(
        asking, root, wanted, Included("inc.no.subdomain" if has_parent else "inc.no.norecord", chain), "", text
    )


async def parent_tree(asking: Asking, parent: str) -> Node | None:
    """The tree one label up, for a domain that has none of its own."""
    return await walk(asking, parent) if parent.count(".") >= 1 else None


async def improved(asking: Asking, root: Node, wanted: Wanted, found: Included) -> Included:
    """The answer with the record put right."""
    return await proposed(asking, root, wanted, found, root.record)


async def proposed(asking: Asking, root: Node, wanted: Wanted, found: Included, record: Record | None) -> Included:
    """The answer with a proposal on the basis of a record; None proposes nothing."""
    if record is None:
        return found
    mended = mend(record)
    clean = parse_record(mended.text.encode("latin-1"))
    stale = [term.text for term in clean.terms if aims_at(term.text, wanted) or aims_at(as_include(term.text), wanted)]
    text = with_include(clean, wanted.include, stale)
    before = root.record.text if root.record else record.text
    gone = [repair.wrote for repair in mended.repairs if repair.wrote not in text]
    removes = found.removes or tuple(dict.fromkeys([*gone, *(term for term in stale if term not in text.split())]))
    return await evaluated(asking, root, wanted, replace(found, removes=removes), before, text)


def as_include(word: str) -> str:
    """``include=x`` as the mechanism that was meant."""
    return EQUALS.sub(r"\1\2:\3", word)


async def evaluated(asking: Asking, root: Node, wanted: Wanted, found: Included, before: str, text: str) -> Included:
    """The answer with the record, if mail passes with it from every address; otherwise without."""
    trial = Overlay(asking, root.domain, Records((text.encode("latin-1"),), 300))
    verdicts = await asyncio.gather(*(check_host(trial, ip, root.domain) for ip in wanted.ips))
    if not verdicts or any(verdict.result != "pass" for verdict in verdicts):
        return replace(found, removes=())
    line, changes = zone_line(root.domain, text), difference(before, text)
    return replace(found, publish=text, zone=line, changes=changes)


async def sending_addresses(asking: Asking, include: str) -> tuple[Ip, ...]:
    """One address of each family that an include covers, when nobody named any."""
    answer = await asking.lookup(include, "TXT")
    texts = spf_texts(answer.values) if isinstance(answer, Records) else []
    networks = [term.network for text in texts[:1] for term in parse_record(text).terms if term.network]
    first = {isinstance(network, IPv4Network): network.network_address for network in reversed(networks)}
    return tuple(first[family] for family in (True, False) if family in first)

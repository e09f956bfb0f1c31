"""The include question: is this sender in that domain's SPF record, and what exactly must be published so that it is?

The answer rests on the verdict for the addresses; the tree says why. A proposal is evaluated before it is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from relay.checks.address.known import registrable
from relay.checks.asking import Asking, Overlay
from relay.checks.model import Fix
from relay.checks.spf.evaluate import Verdict, check_host
from relay.checks.spf.macro import Ip
from relay.checks.spf.mend import lookalike, mend
from relay.checks.spf.publish import difference, first_record, merged, senders_of, with_include, zone_line
from relay.checks.spf.record import Record, parse_record, spf_texts
from relay.checks.spf.tree import Node, everything, walk
from relay.checks.spf.where import Wanted, aims_at, as_include, misspelt, places
from relay.net.dns import Records

ANSWERS = {"yes": "yes", "no": "no", "part": "partly", "unknown": "unknown", "na": "not needed"}


@dataclass(frozen=True, slots=True)
class Included:
    """The answer. ``publish`` is the one-line value, None when nothing needs to be done or nothing can be proposed;
    ``removes`` are the records that it takes the place of, whole, ``changes`` the difference term by term, ``lookups``
    what the record then costs at worst. ``ttl`` is how many seconds an old record may still be seen."""

    id: str
    chain: tuple[str, ...] = ()
    publish: str | None = None
    zone: str | None = None
    removes: tuple[str, ...] = ()
    changes: tuple[tuple[str, str], ...] = ()
    lookups: int | None = None
    ttl: int = 0

    @property
    def answer(self) -> str:
        return ANSWERS[self.id.split(".")[1]]

    @property
    def fix(self) -> Fix | None:
        """The proposal as something to publish."""
        if self.publish is None or self.zone is None:
            return None
        return Fix(self.chain[0], "TXT", self.publish, self.zone, self.removes)


async def answer_include(
    asking: Asking, root: Node, wanted: Wanted, verdicts: Sequence[Verdict], *, wildcard: bool = False
) -> Included:
    """The answer with its proposal. ``wildcard``: the record is that of a wildcard."""
    if root.state == "unknown":
        return Included("inc.unknown", (root.domain,))
    if root.record is None:
        return await without_record(asking, root, wanted)
    passing = [verdict.result == "pass" for verdict in verdicts]
    if all(passing):
        return passes(root, wanted, verdicts[0], wildcard=wildcard)
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


def passes(root: Node, wanted: Wanted, verdict: Verdict, *, wildcard: bool) -> Included:
    """Mail passes today; how, and whether something behind it is broken."""
    chain = verdict.chain
    if is_unhealthy(root):
        return Included("inc.yes.unhealthy", chain)
    if root.canonical not in {"", root.domain}:
        return Included("inc.yes.cname", (root.domain, root.canonical))
    if wildcard:
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


async def without_record(asking: Asking, root: Node, wanted: Wanted) -> Included:
    """The domain has no record that counts, or several."""
    if root.state == "nxdomain" and registrable(root.domain) == root.domain:
        return Included("inc.no.norecord", (root.domain,))  # nobody can publish there before it is registered
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
    text = first_record(wanted.include, senders_of(root.domain, exchangers))
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
    removes = found.removes or ((root.record.text,) if root.record else ())
    return await evaluated(asking, root, wanted, replace(found, removes=removes), before, text)


async def evaluated(asking: Asking, root: Node, wanted: Wanted, found: Included, before: str, text: str) -> Included:
    """The answer with the record, if mail passes with it from every address; otherwise without."""
    trial = Overlay(asking, root.domain, Records((text.encode("latin-1"),), 300))
    verdicts = await asyncio.gather(*(check_host(trial, ip, root.domain) for ip in wanted.ips))
    if not verdicts or any(verdict.result != "pass" for verdict in verdicts):
        return replace(found, removes=())
    line, changes = zone_line(root.domain, text), difference(before, text)
    return replace(found, publish=text, zone=line, changes=changes)


def sending_addresses(target: Node) -> tuple[Ip, ...]:
    """One address of each family that an include covers, itself or by its includes, when nobody named any."""
    first: dict[int, Ip] = {}
    for node, place in everything(target):
        term, answer = node.terms[place], node.answers.get(place)
        if term.qualifier == "+" and term.network is not None:
            first.setdefault(term.network.version, term.network.network_address)
        elif term.qualifier == "+" and term.name == "a" and isinstance(answer, Records):
            first.setdefault(4, ip_address(str(answer.values[0])))
    return tuple(first[version] for version in (4, 6) if version in first)

"""Findings about the tree of an SPF record: limits, dead branches, circles, what nobody could answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address

from relay.checks.asking import Asking
from relay.checks.model import Finding, Severity
from relay.checks.spf.evaluate import MOST_LOOKUPS, MOST_VOID, Verdict
from relay.checks.spf.record import Term
from relay.checks.spf.tree import Node, chain_to, everything, too_many_names
from relay.net.dns import NoName, Records, Unknown

NEAR_LOOKUPS = 8
ARROW = " > "
RFC_LIMITS = "RFC 7208 4.6.4"


async def judge_tree(asking: Asking, root: Node, verdict: Verdict | None) -> list[Finding]:
    """Everything below the root, with what is dead looked at once more: may somebody else register it?"""
    found = [*judge_limits(root, verdict), *judge_branches(root, verdict)]
    return [*found, *await judge_dangling(asking, root)]


def term_finding(name: str, severity: Severity, node: Node, term: Term, rfc: str) -> Finding:
    """A finding about one term."""
    return Finding(name, severity, node.domain, {"term": term.text, "domain": node.domain}, None, (term.text,), rfc)


def is_hit(verdict: Verdict | None) -> bool:
    """True when evaluation ends in an error, or nobody asked for an evaluation."""
    return verdict is None or verdict.result == "permerror"


def judge_limits(root: Node, verdict: Verdict | None) -> Iterator[Finding]:
    """Ten look-ups, two of them void (RFC 7208 4.6.4)."""
    severity = Severity.ERROR if is_hit(verdict) else Severity.WARNING
    if root.lookups >= NEAR_LOOKUPS:
        over = root.lookups > MOST_LOOKUPS
        costs = [f"{term.text}: {root.cost(place)}" for place, term in enumerate(root.terms) if root.cost(place)]
        facts = {"count": str(root.lookups), "limit": str(MOST_LOOKUPS), "terms": ", ".join(costs)}
        found = "spf.lookups.over" if over else "spf.lookups.near"
        level = severity if over else Severity.WARNING
        yield Finding(found, level, root.domain, facts, None, (*costs, *savings(root)), RFC_LIMITS)
    void = [(node, place) for node, place in everything(root) if node.is_void(place)]
    if void:
        names = [node.name_of(place) for node, place in void]
        over = len(void) > MOST_VOID
        facts = {"count": str(len(void)), "limit": str(MOST_VOID), "names": ", ".join(names)}
        found = "spf.void.over" if over else "spf.void.near"
        yield Finding(found, severity if over else Severity.WARNING, root.domain, facts, None, tuple(names), RFC_LIMITS)


def savings(root: Node) -> Iterator[str]:
    """Terms that can go, the cheapest loss first: dead, void and double ones, ``ptr``, hosts that are covered."""
    seen: set[str] = set()
    for place, term in enumerate(root.terms):
        child = root.children.get(place)
        if root.is_void(place) or (child is not None and child.state in {"none", "nxdomain"}) or term.text in seen:
            yield f"- {term.text}"
        seen.add(term.text)
    yield from (f"- {term.text}" for term in root.terms if term.name == "ptr")
    yield from (f"- {term.text}" for place, term in enumerate(root.terms) if is_covered(root, place))


def is_covered(node: Node, place: int) -> bool:
    """True for an ``a`` whose addresses all stand in the same record as ``ip4`` or ``ip6``."""
    answer = node.answers.get(place)
    if node.terms[place].name != "a" or not isinstance(answer, Records):
        return False
    networks = [term.network for term in node.terms if term.network is not None and term.qualifier == "+"]
    return all(any(ip_address(str(value)) in network for network in networks) for value in answer.values)


def judge_branches(root: Node, verdict: Verdict | None) -> Iterator[Finding]:
    """Every term that leads somewhere else, or asks for addresses."""
    targets: Counter[str] = Counter()
    for node, place in everything(root):
        term = node.terms[place]
        if node is root and is_covered(node, place):
            yield term_finding("spf.a.shared", Severity.WARNING, node, term, RFC_LIMITS)
        if too_many_names(node, place):
            yield term_finding("spf.mx.over10", Severity.ERROR, node, term, RFC_LIMITS)
        answer = node.answers.get(place)
        if isinstance(answer, Unknown):
            yield unknown(root, node, node.name_of(place), answer.reason)
        child = node.children.get(place)
        if child is not None:
            if term.name == "include" and child.state == "record":
                targets[child.domain] += 1
                if targets[child.domain] == 2:
                    yield branch("spf.include.dup", Severity.WARNING, root, child, term)
            yield from judge_child(root, child, term, verdict)


def judge_child(root: Node, child: Node, term: Term, verdict: Verdict | None) -> Iterator[Finding]:
    """The record that an include or a redirect leads to."""
    severity = Severity.ERROR if is_hit(verdict) else Severity.WARNING
    match child.state:
        case "none" | "nxdomain":
            found = "spf.redirect.dead" if term.name == "redirect" else "spf.include.dead"
            yield branch(found, severity, root, child, term)
        case "multiple":
            yield branch("spf.multiple.nested", severity, root, child, term)
        case "loop":
            yield branch("spf.include.loop", severity, root, child, term)
        case "macro":
            yield branch("spf.include.macro", Severity.INFO, root, child, term)
        case "unknown":
            yield unknown(root, child, child.domain, child.reason)
        case _ if child.record is not None and child.record.faults:
            yield term_finding("spf.syntax.nested", severity, child, child.record.faults[0], "RFC 7208 5.2")


def branch(name: str, severity: Severity, root: Node, child: Node, term: Term) -> Finding:
    """A finding about a branch, with the way to it."""
    chain = ARROW.join(chain_to(root, child))
    facts = {"term": term.text, "name": child.domain, "chain": chain}
    return Finding(name, severity, root.domain, facts, None, (chain,), "RFC 7208 5.2")


def unknown(root: Node, node: Node, name: str, reason: str) -> Finding:
    """A name below the root that nobody could say anything about."""
    chain = ARROW.join(dict.fromkeys((*chain_to(root, node), name)))
    facts = {"name": name, "reason": reason, "chain": chain}
    return Finding("spf.include.temperror", Severity.UNKNOWN, root.domain, facts, None, (chain,), "RFC 7208 5.2")


async def judge_dangling(asking: Asking, root: Node) -> list[Finding]:
    """Includes of a domain that is not registered: whoever registers it may send as this domain."""
    found = []
    for node, place in everything(root):
        child = node.children.get(place)
        if child is None or child.state != "nxdomain" or child.domain.count(".") < 1:
            continue
        registered = ".".join(
            child.domain.split(".")[-2:]
        )  # below a two-part suffix this finds nothing, never too much
        if isinstance(await asking.lookup(registered, "NS"), NoName):
            facts = {"term": node.terms[place].text, "name": registered}
            found.append(Finding("spf.include.dangling", Severity.ERROR, root.domain, facts, rfc="RFC 7208 11.1"))
    return found

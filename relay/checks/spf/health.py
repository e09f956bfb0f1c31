"""Findings about the tree of an SPF record: limits, dead branches, circles, what nobody could answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from relay.checks.model import Finding, Severity
from relay.checks.spf.evaluate import MOST_LOOKUPS, MOST_VOID, Verdict
from relay.checks.spf.publish import spf_fix
from relay.checks.spf.record import Term
from relay.checks.spf.tree import Node, chain_to, everything, too_many_names
from relay.checks.spf.under_ten import Saving, slimmer
from relay.net.dns import Unknown

NEAR_LOOKUPS = 8
ARROW = " > "
RFC_LIMITS = "RFC 7208 4.6.4"


def judge_tree(root: Node, verdict: Verdict | None, savings: Sequence[Saving]) -> Iterator[Finding]:
    """Everything below the root."""
    yield from judge_limits(root, verdict, savings)
    yield from judge_branches(root, verdict)


def term_finding(name: str, severity: Severity, node: Node, term: Term, rfc: str) -> Finding:
    """A finding about one term."""
    return Finding(name, severity, node.domain, {"term": term.text, "domain": node.domain}, None, (term.text,), rfc)


def is_hit(verdict: Verdict | None) -> bool:
    """True when evaluation ends in an error, or nobody asked for an evaluation."""
    return verdict is None or verdict.result == "permerror"


def judge_limits(root: Node, verdict: Verdict | None, savings: Sequence[Saving]) -> Iterator[Finding]:
    """Ten look-ups, two of them void (RFC 7208 4.6.4)."""
    severity = Severity.ERROR if is_hit(verdict) else Severity.WARNING
    if root.lookups > MOST_LOOKUPS:
        yield over_ten(root, severity, savings)
    elif root.lookups >= NEAR_LOOKUPS:
        facts = {"count": str(root.lookups), "limit": str(MOST_LOOKUPS), "terms": ", ".join(costs_of(root))}
        yield Finding("spf.lookups.near", Severity.WARNING, root.domain, facts, None, tuple(costs_of(root)), RFC_LIMITS)
    void = [(node, place) for node, place in everything(root) if node.is_void(place)]
    if void:
        names = [node.name_of(place) for node, place in void]
        over = len(void) > MOST_VOID
        facts = {"count": str(len(void)), "limit": str(MOST_VOID), "names": ", ".join(names)}
        found = "spf.void.over" if over else "spf.void.near"
        yield Finding(found, severity if over else Severity.WARNING, root.domain, facts, None, tuple(names), RFC_LIMITS)


def over_ten(root: Node, severity: Severity, savings: Sequence[Saving]) -> Finding:
    """Too many look-ups, with what to change first and, where that loses no mail, the record after it."""
    steps = [f"{saving.term} (-{saving.saves})" for saving in savings]
    text = (
        slimmer(root.record, savings) if root.record and all(each.domain == root.domain for each in savings) else None
    )
    fix = spf_fix(root.domain, text, [root.record.text]) if text and root.record else None
    facts = {
        "count": str(root.lookups),
        "limit": str(MOST_LOOKUPS),
        "terms": ", ".join(costs_of(root)),
        "steps": ", ".join(steps) or "-",
    }
    evidence = (*costs_of(root), *(f"- {step}" for step in steps))
    return Finding("spf.lookups.over", severity, root.domain, facts, fix, evidence, RFC_LIMITS)


def costs_of(root: Node) -> list[str]:
    """What each term at the root costs, the dearest first."""
    costs = sorted(((root.cost(place), term.text) for place, term in enumerate(root.terms)), key=lambda pair: -pair[0])
    return [f"{text}: {cost}" for cost, text in costs if cost]


def judge_shared(root: Node, covered: Mapping[int, bool]) -> Iterator[Finding]:
    """Hosts whose addresses stand in the record itself."""
    for place in (place for place, own in covered.items() if own):
        yield term_finding("spf.a.shared", Severity.WARNING, root, root.terms[place], RFC_LIMITS)


def judge_branches(root: Node, verdict: Verdict | None) -> Iterator[Finding]:
    """Every term that leads somewhere else, or asks for addresses."""
    targets: Counter[str] = Counter()
    for node, place in everything(root):
        term = node.terms[place]
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

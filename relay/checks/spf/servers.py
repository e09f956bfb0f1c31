"""The authoritative servers of a domain, one by one: has a new record arrived everywhere?

They cost questions, so they are asked only when the answer would be that the record is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from relay.checks.asking import Asking, Overlay
from relay.checks.model import Finding, Severity
from relay.checks.ns import ask_each, differs, shown_answer
from relay.checks.spf.evaluate import check_host
from relay.checks.spf.macro import Ip
from relay.checks.spf.record import spf_texts
from relay.checks.spf.tree import Node
from relay.net.dns import Lookup, NoData, Records, Unknown


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the servers have. ``ttl`` is how many seconds others may still see the old record, where one of the servers
    has a record with which mail passes; else None."""

    findings: tuple[Finding, ...] = ()
    ttl: int | None = None


async def ask_servers(asking: Asking, root: Node, ips: Sequence[Ip]) -> Elsewhere:
    """Ask each server for the record of the domain."""
    answers = {server: spf_only(answer) for server, answer in (await ask_each(asking, root.domain, "TXT")).items()}
    fresh = [answer for answer in answers.values() if isinstance(answer, Records) and not is_same(answer, root)]
    passing = await asyncio.gather(*(passes_with(asking, root, answer, ips) for answer in fresh))
    ttl = next((root.ttl or answer.ttl for answer, good in zip(fresh, passing, strict=True) if good), None)
    return Elsewhere(judge_answers(root.domain, answers), ttl)


def spf_only(answer: Lookup) -> Lookup:
    """An answer without what is not SPF; that there is none may be said in more ways than one."""
    if isinstance(answer, Unknown):
        return answer
    texts = spf_texts(answer.values) if isinstance(answer, Records) else []
    return Records(tuple(texts), answer.ttl) if isinstance(answer, Records) and texts else NoData()


def is_same(answer: Records, root: Node) -> bool:
    """True for the record that the resolver sees."""
    return sorted(answer.values, key=str) == sorted(spf_texts(root.values), key=str)


async def passes_with(asking: Asking, root: Node, answer: Lookup, ips: Sequence[Ip]) -> bool:
    """True when mail passes from every address with what one server says."""
    trial = Overlay(asking, root.domain, answer)
    verdicts = await asyncio.gather(*(check_host(trial, ip, root.domain) for ip in ips))
    return bool(verdicts) and all(verdict.result == "pass" for verdict in verdicts)


def judge_answers(domain: str, answers: Mapping[str, Lookup]) -> tuple[Finding, ...]:
    """One finding where two servers have different records."""
    if not differs(answers):
        return ()
    lines = tuple(f"{server}: {shown_answer(answer)}" for server, answer in answers.items())
    facts = {"name": domain, "servers": ", ".join(answers)}
    return (Finding("spf.secondary.diff", Severity.UNKNOWN, domain, facts, None, lines, "RFC 1034 4.3.5"),)

"""Findings and the answer to the include question propose one and the same record, so that nobody publishes two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from relay.checks.model import Finding, Fix, kind_of
from relay.checks.spf.include import Included
from relay.checks.spf.publish import VERSION, spf_fix, with_include
from relay.checks.spf.record import parse_record
from relay.checks.steps import mended_by, place_of


def agreed(findings: Iterable[Finding], included: Included | None, include: str) -> tuple[Finding, ...]:
    """The findings with the include in what they propose: one that the answer mends proposes what the answer does.
    Where mail passes by other terms only, such as ``+all``, a correction must not take it away."""
    if included is None or (included.fix is None and included.id != "inc.yes.ip"):
        return tuple(findings)
    return tuple(with_answer(finding, included.fix, include) for finding in findings)


def with_answer(finding: Finding, answer: Fix | None, include: str) -> Finding:
    """One finding; what is about another record, or another name, stays."""
    fix = finding.fix
    if fix is None or kind_of(fix.value) != VERSION or (answer and place_of(fix) != place_of(answer)):
        return finding
    if answer and (mended_by(answer, [finding]) or not fix.removes):  # a first record has nothing to keep
        return replace(finding, fix=answer)
    both = with_include(parse_record(fix.value.encode("latin-1")), include, [f"include:{include}"])
    return replace(finding, fix=spf_fix(fix.name, both, fix.removes))

"""What a report comes to: its traffic light, and what to publish, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from relay.checks.model import Finding, Fix, Part, Severity, kind_of
from relay.checks.spf.include import Included

URGENT_FIRST = (Severity.ERROR, Severity.WARNING, Severity.UNKNOWN, Severity.INFO)
DECIDING = frozenset({"spf", "dkim", "dmarc", "mx"})
WORTH_A_STEP = frozenset({Severity.ERROR, Severity.WARNING})


class Light(StrEnum):
    """RED: mail fails or will be refused. GREY: something could not be determined. AMBER: a risk. GREEN: fine."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class Step:
    """One record to publish, or what to delete where there is no value. ``findings`` are mended by it; ``changes`` is
    the difference term by term, where it is known."""

    fix: Fix
    severity: Severity
    findings: tuple[Finding, ...] = ()
    changes: tuple[tuple[str, str], ...] = ()


def by_urgency(parts: Sequence[Part]) -> list[Finding]:
    """All findings, errors first."""
    found = [finding for part in parts for finding in part.findings]
    return sorted(found, key=lambda finding: URGENT_FIRST.index(finding.severity))


def answer_severity(included: Included | None) -> Severity | None:
    """How grave the answer to the include question is; None where all is well, or nothing was asked."""
    grave = {"no": Severity.ERROR, "partly": Severity.ERROR, "unknown": Severity.UNKNOWN}
    return grave.get(included.answer) if included else None


def light_of(parts: Sequence[Part], included: Included | None) -> Light:
    """The traffic light. What is not known never counts as a no; beside the parts that decide whether mail arrives, a
    block list that refuses to answer, or a resolver that does not validate, leaves the light as it is."""
    severities = {finding.severity for part in parts for finding in part.findings}
    deciding = [part for part in parts if part.topic in DECIDING] or parts
    answer = answer_severity(included)
    if Severity.ERROR in severities or answer is Severity.ERROR:
        return Light.RED
    if answer is Severity.UNKNOWN or any(
        each.severity is Severity.UNKNOWN for part in deciding for each in part.findings
    ):
        return Light.GREY
    return Light.AMBER if Severity.WARNING in severities else Light.GREEN


def steps_of(parts: Sequence[Part], included: Included | None) -> tuple[Step, ...]:
    """What to publish: one step for each record that may stand only once at its name, the one that mends most. The
    record with the include, which was evaluated, goes before all."""
    findings = [finding for finding in by_urgency(parts) if finding.severity in WORTH_A_STEP]
    wanted: dict[tuple[str, str, str], list[Fix]] = {}
    ours = included.fix if included else None
    if ours is not None:
        wanted[place_of(ours)] = [ours]
    for finding in findings:
        if finding.fix is not None and (ours is None or place_of(finding.fix) != place_of(ours)):
            wanted.setdefault(place_of(finding.fix), []).append(finding.fix)
    return tuple(
        step_of(
            max(fixes, key=lambda fix: len(mended_by(fix, findings))), findings, included if fixes[0] is ours else None
        )
        for fixes in wanted.values()
    )


def numbered(steps: Sequence[Step]) -> dict[int, int]:
    """The number of the step that mends a finding, by the identity of the finding."""
    return {id(finding): number for number, step in enumerate(steps, 1) for finding in step.findings}


def step_of(fix: Fix, findings: Sequence[Finding], included: Included | None) -> Step:
    """The step of a fix; with the difference where it answers the include question."""
    mended = mended_by(fix, findings)
    changes = included.changes if included and any(mark.strip() for mark, _ in included.changes) else ()
    return Step(fix, Severity.ERROR if included or not mended else mended[0].severity, mended, changes)


def mended_by(fix: Fix, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that a record mends: it has what theirs adds, and has not what theirs takes away."""
    has = words_of(fix.value)
    mended = []
    for finding in findings:
        theirs = finding.fix
        if theirs is None or place_of(theirs) != place_of(fix):
            continue
        new, old = words_of(theirs.value), words_of(" ".join(theirs.removes))
        if new - old <= has and not (old - new) & has:
            mended.append(finding)
    return tuple(mended)


def words_of(text: str) -> frozenset[str]:
    """The terms or tags of a record."""
    return frozenset(text.replace(";", " ").split())


def place_of(fix: Fix) -> tuple[str, str, str]:
    """Where a record goes, and what may stand there only once: a TXT by its version tag (``v=spf1``)."""
    kind = kind_of(fix.value) if fix.type == "TXT" else fix.value
    return fix.name.lower().rstrip("."), fix.type, kind or " ".join(fix.removes)

"""A report of several parts, for a person: the light, what to publish, what was found, and each part in a line."""

from __future__ import annotations

from collections.abc import Sequence

import click

from relay.checks.model import Finding, Part, Severity
from relay.checks.report import shown, summary
from relay.checks.spf.include import Included
from relay.checks.spf.part import include_text
from relay.checks.steps import URGENT_FIRST, Light, Step, answer_severity, by_urgency, light_of, numbered, steps_of
from relay.cli.check.text import COLOURS, WIDTH, echo_finding, echo_fix, paragraph
from relay.locales import Catalog

LIGHT_COLOURS = {Light.RED: "red", Light.AMBER: "yellow", Light.GREEN: "green", Light.GREY: "magenta"}
MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.UNKNOWN: "?"}
TOPIC_WIDTH = len("spf-include")
WORTH_A_LINE = ("record", "found", "result")


def echo_parts(
    parts: Sequence[Part], language: Catalog, title: str, included: Included | None = None, *, notes: bool = True
) -> None:
    """The traffic light, what to publish first, every finding, the gravest first, and every part. Without ``notes``,
    those are only named."""
    light = light_of(parts, included)
    click.echo(click.style(f"● {shown(title)}", fg=LIGHT_COLOURS[light], bold=True))
    paragraph(language.text(f"page.report.light.{light}"), "  ")
    if included is not None:
        paragraph(include_text(included, language), "  ")
    steps = steps_of(parts, included)
    for number, step in enumerate(steps, 1):
        click.echo()
        echo_fix(step.fix, language, "   ", f"{number}. ")
    findings = once(by_urgency(parts))
    echo_findings([each for each in findings if notes or each.severity is not Severity.INFO], steps, language)
    click.echo()
    for part in parts:
        echo_line(part, title, answer_severity(included) if part.topic == "spf" else None)
    named = ", ".join(dict.fromkeys(each.id for each in findings if each.severity is Severity.INFO))
    if named and not notes:
        click.echo()
        paragraph(language.text("check.say.notes", ids=named))
    click.echo()
    click.echo(summary([finding for part in parts for finding in part.findings], language))


def once(findings: Sequence[Finding]) -> list[Finding]:
    """That a name does not exist is told by the first part that says so."""
    absent = [each for each in findings if each.id.endswith(".nxdomain") and each.fix is None]
    again = {
        id(finding) for at, finding in enumerate(absent) if finding.subject in {each.subject for each in absent[:at]}
    }
    return [finding for finding in findings if id(finding) not in again]


def echo_findings(findings: Sequence[Finding], steps: Sequence[Step], language: Catalog) -> None:
    """Findings; one that a step mends names the step."""
    number = numbered(steps)
    for finding in findings:
        click.echo()
        step = number.get(id(finding), 0)
        echo_finding(finding, language, finding.fix if step else None)
        if step:
            paragraph(language.text("page.report.found.step", number=step), "  ")


def echo_line(part: Part, title: str, answer: Severity | None) -> None:
    """One part: how it is (a dot where there is nothing), and the first of what was read. ``answer`` is what the answer
    to the include question says of it."""
    severities = [finding.severity for finding in part.findings] + ([answer] if answer else [])
    worst = min(severities, key=URGENT_FIRST.index, default=Severity.INFO)
    read = next((str(part.facts[name]) for name in WORTH_A_LINE if part.facts.get(name)), "")
    mark = MARKS.get(worst, "✓" if read else "·")
    subject = "" if part.subject.startswith(title) else f"{part.subject} "
    text = shown(f"{part.topic:<{TOPIC_WIDTH}} {subject}{read}".rstrip())
    room = WIDTH - 2
    text = text if len(text) <= room else f"{text[: room - 3]}..."
    click.echo(f"{click.style(mark, fg=COLOURS[worst] if worst in MARKS else 'green', bold=True)} {text}")

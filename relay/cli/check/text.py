"""How findings are printed for a person: 80 columns, colour on a terminal, values to paste on their own lines."""

from __future__ import annotations

import textwrap

import click

from relay.checks.model import Finding, Fix, Part
from relay.checks.report import publish_heading, sentence, shown, summary
from relay.locales import Catalog

WIDTH = 80
COLOURS = {"error": "red", "warning": "yellow", "info": "blue", "unknown": "magenta"}


def echo_part(part: Part, language: Catalog) -> None:
    """What one check read and found, and the count."""
    echo_found(part, language)
    click.echo()
    click.echo(summary(part.findings, language))


def echo_found(part: Part, language: Catalog) -> None:
    """What one check read and found."""
    click.echo(click.style(f"{part.topic}  {shown(part.subject)}", bold=True))
    for name, fact in part.facts.items():
        if isinstance(fact, str | int) and not isinstance(fact, bool) and fact != "":  # yes and no are for programs
            echo_fact(name, str(fact))
    for finding in part.findings:
        click.echo()
        echo_finding(finding, language)


def echo_fact(name: str, text: str) -> None:
    """One fact: its name, and what was read; a long one wraps."""
    paragraph(shown(text), f"  {name.replace('_', ' ')}: ", "    ")


def echo_finding(finding: Finding, language: Catalog, told: Fix | None = None) -> None:
    """One finding: its id, its sentence, the record that mends it, unless that was ``told`` already."""
    colour = COLOURS[finding.severity]
    click.echo(
        click.style(f"{language.text(f'check.severity.{finding.severity}')}  {finding.id}", fg=colour, bold=True)
    )
    paragraph(sentence(finding, language), "  ")
    if finding.fix is not None and finding.fix != told:
        echo_fix(finding.fix, language, "  ")


def echo_fix(fix: Fix, language: Catalog, indent: str = "", first: str | None = None) -> None:
    """A record to publish, each line of it whole and alone, and what goes for it. ``first`` begins the heading."""
    paragraph(publish_heading(fix, language), indent if first is None else first, indent)
    for line in fix.value.splitlines():  # a file has several
        click.echo(shown(line))
    if fix.value and fix.removes:
        paragraph(language.text("check.say.instead" if fix.replaces else "check.say.removes"), indent)
    for text in fix.removes:
        paragraph(shown(text), f"{indent}  ")


def echo_value(heading: str, value: str) -> None:
    """A value on a line of its own, whole, to be copied."""
    click.echo(f"\n{heading}\n{shown(value)}")


def paragraph(text: str, indent: str = "", further: str | None = None) -> None:
    """Text in lines of 80 columns; a word that is longer is left whole, to be copied."""
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if further is None else further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        click.echo(line)

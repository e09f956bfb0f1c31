"""What ``relay check spf`` prints for a person: 80 columns, values to paste alone on their lines."""

from __future__ import annotations

from itertools import groupby

import click

from relay.checks.report import shown, summary
from relay.checks.spf.check import SpfAnswer, SpfQuestion
from relay.checks.spf.include import Included
from relay.checks.spf.part import include_text, saving_text
from relay.checks.spf.tree import Node
from relay.cli.check.text import WIDTH, echo_finding, echo_fix, echo_value, paragraph
from relay.locales import Catalog

FEW = 3  # addresses in a row that are shown one by one
RESULT_COLOURS = {"pass": "green", "neutral": "yellow", "softfail": "yellow", "temperror": "magenta"}


def echo_spf(answer: SpfAnswer, question: SpfQuestion, language: Catalog) -> None:
    """The verdict, the answer to the include question, what was found, the tree."""
    for ip, verdict in zip(answer.ips, answer.verdicts, strict=True):
        result = click.style(verdict.result, fg=RESULT_COLOURS.get(verdict.result, "red"), bold=True)
        click.echo(f"{shown(question.checked)}  {ip}  {result}")
        if verdict.explanation:
            paragraph(shown(verdict.explanation), "  ")
    if answer.include is not None:
        click.echo()
        echo_include(answer.include, language)
    for finding in answer.report.findings:
        click.echo()
        echo_finding(finding, language, answer.include.fix if answer.include else None)
    if answer.under_ten:
        click.echo()
        echo_savings(answer, language)
    if answer.tree.record is not None:
        click.echo()
        paragraph(language.text("check.say.tree", count=answer.tree.lookups))
        echo_tree(answer.tree, "  ")
    click.echo()
    click.echo(summary(answer.report.findings, language))


def echo_include(included: Included, language: Catalog) -> None:
    """The answer, the record in two forms, and what changes."""
    paragraph(include_text(included, language))
    fix = included.fix
    if fix is None:
        return
    click.echo()
    echo_fix(fix, language)
    echo_value(language.text("check.say.zone"), fix.zone)
    click.echo(f"\n{language.text('check.say.changes')}")
    for mark, word in included.changes:
        click.echo(click.style(f"  {mark} {shown(word)}", fg={"+": "green", "-": "red"}.get(mark)))


def echo_savings(answer: SpfAnswer, language: Catalog) -> None:
    """How the record comes under ten look-ups, step by step."""
    proposed = answer.include.lookups if answer.include else None
    if proposed is not None:
        paragraph(language.text("check.say.under.proposed", count=proposed))
    else:
        paragraph(language.text("check.say.under.now", count=answer.tree.lookups))
    for number, saving in enumerate(answer.under_ten, 1):
        paragraph(saving_text(saving, language), f"{number:>3}. ", "     ")


def echo_tree(node: Node, indent: str) -> None:
    """Every term with its look-ups, records below their include; rows of addresses in brief."""
    room = WIDTH - len(indent) - 5
    for places in rows_of(node):
        text, cost = shown(node.terms[places[0]].text), node.cost(places[0])
        if len(places) > 1:
            text = f"{text} ... {shown(node.terms[places[-1]].text)}  ({len(places)})"
        click.echo(f"{indent}{text if len(text) <= room else text[: room - 3] + '...'}  {cost or ''}".rstrip())
        if places[0] in node.children and len(indent) < 40:
            echo_tree(node.children[places[0]], f"{indent}  ")


def rows_of(node: Node) -> list[list[int]]:
    """The places of the terms; many addresses in a row are one row."""
    rows: list[list[int]] = []
    for is_address, group in groupby(range(len(node.terms)), lambda place: node.terms[place].network is not None):
        places = list(group)
        rows += [places] if is_address and len(places) > FEW else [[place] for place in places]
    return rows

"""A report of several parts, for a person."""

from __future__ import annotations

from collections.abc import Sequence

import click

from relay.checks.model import Part
from relay.checks.report import publish_heading, shown, summary
from relay.checks.spf.include import Included
from relay.checks.spf.part import include_text
from relay.checks.steps import Light, Step, light_of, steps_of
from relay.cli.check.text import echo_found, paragraph
from relay.locales import Catalog

COLOURS = {Light.RED: "red", Light.AMBER: "yellow", Light.GREEN: "green", Light.GREY: "magenta"}


def echo_parts(parts: Sequence[Part], language: Catalog, title: str, included: Included | None = None) -> None:
    """The traffic light, what to publish first, and every part."""
    light = light_of(parts, included)
    click.echo(click.style(f"● {shown(title)}", fg=COLOURS[light], bold=True))
    paragraph(language.text(f"page.report.light.{light}"), "  ")
    if included is not None:
        paragraph(include_text(included, language), "  ")
    for number, step in enumerate(steps_of(parts, included), 1):
        click.echo()
        echo_step(number, step, language)
    for part in parts:
        click.echo()
        echo_found(part, language)
    click.echo()
    click.echo(summary([finding for part in parts for finding in part.findings], language))


def echo_step(number: int, step: Step, language: Catalog) -> None:
    """One record to publish, and what goes for it."""
    fix = step.fix
    paragraph(publish_heading(fix, language), f"{number}. ", "   ")
    for line in fix.value.splitlines():
        click.echo(shown(line))
    if fix.value and fix.removes:
        paragraph(language.text("check.say.removes"), "   ")
    for text in fix.removes:
        click.echo(f"   {shown(text)}")

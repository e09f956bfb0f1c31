"""A report as a letter to whoever manages a domain's DNS: what to publish, and where the whole report is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from relay.checks.report import publish_heading, shown
from relay.checks.steps import Step, steps_of

if TYPE_CHECKING:
    from relay.checks.model import Part
    from relay.checks.spf.include import Included
    from relay.locales import Catalog


def letter(domain: str, parts: Sequence[Part], included: Included | None, link: str, language: Catalog) -> str:
    """The text of the letter, in lines; ``link`` is where the report can be seen again."""
    steps = steps_of(parts, included)
    paragraphs = [language.text("page.check.letter.greeting")]
    if steps:
        paragraphs.append(language.text("page.check.letter.please", domain=shown(domain)))
        paragraphs += [step_text(number, step, language) for number, step in enumerate(steps, 1)]
    else:
        paragraphs.append(language.text("page.check.letter.nothing", domain=shown(domain)))
    paragraphs += [language.text("page.check.letter.link", link=link), language.text("page.check.letter.thanks")]
    return "\n\n".join(paragraphs) + "\n"


def step_text(number: int, step: Step, language: Catalog) -> str:
    """One record to publish: its value alone on a line, and what goes for it."""
    fix = step.fix
    lines = [f"{number}. {publish_heading(fix, language)}", *(shown(line) for line in fix.value.splitlines())]
    if fix.value and fix.removes:
        heading = "check.say.instead" if fix.replaces else "check.say.removes"
        lines += [language.text(heading), *map(shown, fix.removes)]
    return "\n".join(lines)

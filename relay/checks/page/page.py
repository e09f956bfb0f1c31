"""The report page, rendered. All that comes from a zone is made harmless, and escaped by the template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from relay.checks.model import NO_FACTS, Finding, Fix, Part, Severity
from relay.checks.page.tree import draw
from relay.checks.report import publish_heading, sentence, shown, summary
from relay.checks.spf.include import Included
from relay.checks.spf.part import include_text, saving_text
from relay.checks.spf.under_ten import Saving
from relay.checks.steps import URGENT_FIRST, Light, Step, by_urgency, light_of, numbered, steps_of
from relay.locales import Catalog

LONGEST_FACT = 1200
DRAWN = frozenset({"tree", "evaluated", "get_under_10"})
TOPICS = {"mx": "MX", "ns": "NS", "ptr": "PTR", "own_server": "SMTP"}


@dataclass(frozen=True, slots=True)
class Asked:
    """How the answers were got: when (Unix time), from whom (nothing: the system's nameserver), how long it took in
    milliseconds, how many questions, and which names nobody could say anything about."""

    at: float
    nameservers: tuple[str, ...] = ()
    elapsed_ms: int = 0
    queries: int = 0
    failed: Mapping[str, str] = field(default_factory=lambda: NO_FACTS)

    @property
    def moment(self) -> datetime:
        """When, in UTC."""
        return datetime.fromtimestamp(self.at, UTC)


def report_html(
    title: str,
    parts: Sequence[Part],
    included: Included | None,
    language: Catalog,
    asked: Asked,
    links: Sequence[tuple[str, str]] = (),
) -> str:
    """The page about ``title``: light, answer, what to publish, the SPF tree, the findings, and how sure all is.
    ``links`` (address, words) stand above it where it is part of a site."""
    steps = steps_of(parts, included)
    return page_template().render(
        title=title,
        parts=parts,
        asked=asked,
        links=links,
        language=language.language,
        t=lambda key, **facts: language.text(f"page.{key}", **facts),
        light=light_of(parts, included),
        lights=(Light.RED, Light.AMBER, Light.GREEN),
        answer=include_text(included, language) if included else "",
        counts=summary([finding for part in parts for finding in part.findings], language),
        steps=steps,
        label=panel_label,
        value=value_text,
        heading=lambda fix: publish_heading(fix, language).rstrip(" :"),
        sections=list(sections(by_urgency(parts), steps)),
        trees=[drawn for part in parts if (drawn := draw(part.facts, language))],
        savings=list(savings(parts, included, language)),
        topic=topic_name,
        read=read_facts,
        say=lambda finding: sentence(finding, language),
    )


@cache
def page_template() -> Template:
    """The template with its style sheet inside."""
    environment = Environment(
        loader=PackageLoader("relay.checks.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    return environment.get_template("report.html")


@dataclass(frozen=True, slots=True)
class Told:
    """A finding, and the number of the step that mends it (0: none)."""

    finding: Finding
    step: int


def sections(findings: Sequence[Finding], steps: Sequence[Step]) -> Iterator[tuple[Severity, list[Told]]]:
    """The findings of each severity, the gravest first."""
    number = numbered(steps)
    for severity in URGENT_FIRST:
        told = [Told(each, number.get(id(each), 0)) for each in findings if each.severity is severity]
        if told:
            yield severity, told


def savings(parts: Sequence[Part], included: Included | None, language: Catalog) -> Iterator[str]:
    """How the SPF record comes under ten look-ups: what that is about, then one step after the other."""
    facts = next((part.facts for part in parts if part.topic == "spf"), {})
    steps = facts.get("get_under_10")
    if not isinstance(steps, list) or not steps:
        return
    if included is not None and included.lookups is not None:
        yield language.text("check.say.under.proposed", count=included.lookups)
    else:
        yield language.text("check.say.under.now", count=facts["lookups"])
    for step in steps:
        yield saving_text(Saving(**step | {"instead": tuple(step["instead"])}), language)


def panel_label(name: str, domain: str) -> str:
    """What a form that adds the domain by itself wants as the name; empty where it does not apply."""
    plain, below = name.lower().rstrip("."), domain.lower().rstrip(".")
    if plain == below:
        return "@"
    return name[: len(plain) - len(below) - 1] if plain.endswith(f".{below}") else ""


def value_text(fix: Fix) -> str:
    """A value to paste; a file keeps its lines."""
    return "\n".join(shown(line) for line in fix.value.splitlines())


def topic_name(topic: str) -> str:
    """A topic as people write it."""
    return TOPICS.get(topic, topic.replace("_", "-").upper())


def read_facts(part: Part) -> list[tuple[str, str]]:
    """What a part read, as names and texts; trees and empty facts are left out."""
    rows = []
    for name, fact in part.facts.items():
        text = fact_text(fact)
        if text and name not in DRAWN:
            rows.append((name.replace("_", " "), text))
    return rows


def fact_text(fact: object) -> str:
    """A fact in a line, or a line for each of several."""
    if fact is None or fact == "":
        return ""
    if isinstance(fact, bool):
        return str(fact).lower()
    if isinstance(fact, Mapping):
        return ", ".join(f"{shown(str(name))}: {text}" for name, each in fact.items() if (text := fact_text(each)))
    if isinstance(fact, list | tuple):
        return "\n".join(text for each in fact if (text := fact_text(each)))
    text = shown(str(fact))
    return text if len(text) <= LONGEST_FACT else f"{text[:LONGEST_FACT]}…"

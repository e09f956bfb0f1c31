"""``relay check smtp`` for a person: does it work, and what is the one thing to do?"""

from __future__ import annotations

from collections.abc import Sequence

import click

from relay.checks.model import Finding, Part
from relay.checks.own_server.check import Answer
from relay.checks.own_server.sentences import advice_texts, verdict_of, verdict_text
from relay.checks.report import shown, summary
from relay.cli.check.text import echo_fact, echo_finding, paragraph
from relay.locales import Catalog

COLOURS = {"works": "green", "signed_in": "green", "fails": "red", "unknown": "magenta"}
SEEN = ("address", "greeting", "tls_version", "cert_expires_at", "cert_names", "auth")
FACTS = (*SEEN, "login_reply", "from_reply", "to_reply")


def echo_server(answer: Answer, language: Catalog) -> None:
    """The verdict with its reason, the advice, what was seen, everything else that was found."""
    part, verdict = answer.part, verdict_of(answer)
    click.echo(click.style(verdict_text(answer, language), fg=COLOURS[verdict], bold=True))
    reasons = 1 if verdict in {"fails", "unknown"} else 0
    echo_findings(part.findings[:reasons], language)
    if texts := advice_texts(answer, language):
        click.echo(f"\n{language.text('advice.verdict.heading')}")
        for number, text in enumerate(texts, 1):
            paragraph(text, f"{number}. ", "   ")
    click.echo()
    echo_facts(part)
    echo_findings(part.findings[reasons:], language)
    click.echo()
    click.echo(summary(part.findings, language))


def echo_findings(findings: Sequence[Finding], language: Catalog) -> None:
    """Findings, each after an empty line."""
    for finding in findings:
        click.echo()
        echo_finding(finding, language)


def echo_facts(part: Part) -> None:
    """What was seen, a line each."""
    click.echo(click.style(shown(part.subject), bold=True))
    if part.facts["esmtp"]:
        echo_fact("mode", mode_of(part))
    for name in FACTS:
        fact = part.facts[name]
        if isinstance(fact, list):
            fact = " ".join(fact)
        if fact not in {None, ""}:
            echo_fact(name, str(fact))


def mode_of(part: Part) -> str:
    """How the port works, as programs call it in their settings."""
    if part.facts["implicit_tls"]:
        return "TLS"
    return "STARTTLS" if part.facts["starttls"] else "none"

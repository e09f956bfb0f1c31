"""The verdict and the advice in the reader's language."""

from __future__ import annotations

from relay.checks.model import Severity
from relay.checks.own_server.check import Answer
from relay.checks.report import harmless
from relay.locales import Catalog


def advice_texts(answer: Answer, language: Catalog) -> list[str]:
    """The advice, a sentence or two each, in order."""
    return [language.text(f"advice.{each.key}", **harmless(each.facts)) for each in answer.advice]


def verdict_of(answer: Answer) -> str:
    """``works``, ``signed_in``, ``fails`` or ``unknown``: what the gravest finding leaves."""
    severities = {finding.severity for finding in answer.part.findings}
    if Severity.ERROR in severities:
        return "fails"
    if Severity.UNKNOWN in severities or answer.works is None:
        return "unknown"
    return "signed_in" if answer.part.facts.get("login_reply") else "works"


def verdict_text(answer: Answer, language: Catalog) -> str:
    """The verdict as a sentence."""
    facts = {name: str(answer.part.facts.get(name)) for name in ("host", "port")}
    return language.text(f"advice.verdict.{verdict_of(answer)}", **harmless(facts))

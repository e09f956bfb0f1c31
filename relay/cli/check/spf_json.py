"""What ``relay check spf --json`` prints; its names are stable."""

from __future__ import annotations

from relay.checks.report import finding_json, summary
from relay.checks.spf.check import SpfAnswer
from relay.checks.spf.part import include_json, spf_part
from relay.locales import Catalog


def spf_json(answer: SpfAnswer, language: Catalog) -> dict[str, object]:
    """The whole answer."""
    part, report = spf_part(answer), answer.report
    document = {"domain": part.subject, **part.facts}
    if answer.include is not None:
        document["include"] = include_json(answer.include, language)
    return document | {
        "findings": [finding_json(finding, language) for finding in part.findings],
        "summary": summary(part.findings, language),
        "elapsed_ms": report.elapsed_ms,
        "queries": report.queries,
    }

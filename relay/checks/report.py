"""A finding in words and as JSON (the shape is stable API)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from relay.checks.model import Finding, Fix, Part, Severity
from relay.locales import Catalog


def sentence(finding: Finding, catalog: Catalog) -> str:
    """What was found and what to do, in the reader's language; octets from a zone made harmless."""
    key = f"check.{finding.id}"
    if key not in catalog:
        key = key.rpartition(".")[0]  # slips of one kind share a sentence
    return catalog.text(key, **harmless(finding.facts))


def publish_heading(fix: Fix, language: Catalog) -> str:
    """What stands above a value: to publish, to put in the place of another, to serve as a file (RFC 8461 3.2); and
    above nothing, where something only goes."""
    if not fix.value:
        return language.text("check.say.delete", name=shown(fix.name))
    if fix.type == "HTTPS":
        return language.text("check.say.file", name=shown(fix.name))
    if fix.replaces:
        return language.text("check.say.replace", name=shown(fix.name), type=shown(fix.type))
    return language.text("check.say.publish", name=shown(fix.name), type=shown(fix.type))


def harmless(facts: Mapping[str, str]) -> dict[str, str]:
    """Facts without anything that a terminal or a page would obey."""
    return {name: shown(text) for name, text in facts.items()}


def shown(text: str) -> str:
    """Text from a zone, octets read as latin-1, with all but printable ASCII as ``\\xNN``."""
    return "".join(char if " " <= char <= "~" else f"\\x{ord(char):02x}" for char in text)


def summary(findings: Iterable[Finding], catalog: Catalog) -> str:
    """How many findings of each severity, in one line."""
    found = [finding.severity for finding in findings]
    counts = {severity.name.lower(): str(found.count(severity)) for severity in Severity}
    return catalog.text("check.summary", **counts)


def finding_json(finding: Finding, catalog: Catalog) -> dict[str, object]:
    """A finding for ``--json``."""
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "subject": shown(finding.subject),
        "text": sentence(finding, catalog),
        "fix": fix_json(finding.fix) if finding.fix else None,
        "rfc": finding.rfc,
        "evidence": [shown(text) for text in finding.evidence],
    }


def fix_json(fix: Fix) -> dict[str, object]:
    """A record to publish for ``--json``."""
    removes = [shown(text) for text in fix.removes]
    return {"name": fix.name, "type": fix.type, "value": fix.value, "zone": fix.zone, "removes": removes}


def parts_json(parts: Sequence[Part], language: Catalog, elapsed_ms: int, queries: int) -> dict[str, object]:
    """Parts for ``--json``; the facts of each stand beside its findings."""
    return {
        "parts": [
            {
                "topic": part.topic,
                "subject": shown(part.subject),
                **part.facts,
                "findings": [finding_json(finding, language) for finding in part.findings],
            }
            for part in parts
        ],
        "summary": summary([finding for part in parts for finding in part.findings], language),
        "elapsed_ms": elapsed_ms,
        "queries": queries,
    }

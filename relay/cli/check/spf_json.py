"""What ``relay check spf --json`` prints; its names are stable."""

from __future__ import annotations

from relay.checks.report import finding_json, shown, summary
from relay.checks.spf.check import SpfAnswer
from relay.checks.spf.include import Included
from relay.checks.spf.tree import everything, tree_json
from relay.locales import Catalog


def spf_json(answer: SpfAnswer, language: Catalog) -> dict[str, object]:
    """The whole answer. ``lookups`` and ``void_lookups`` are those of the whole tree, ``evaluated`` until the match."""
    verdict, root, report = answer.verdict, answer.tree, answer.report
    document: dict[str, object] = {
        "domain": report.subject,
        "result": verdict.result if verdict else None,
        "explanation": verdict.explanation if verdict else None,
        "reason": verdict.why or None if verdict else None,
        "results": {str(ip): each.result for ip, each in zip(answer.ips, answer.verdicts, strict=True)},
        "record": root.record.text if root.record else None,
        "lookups": root.lookups,
        "void_lookups": sum(node.is_void(place) for node, place in everything(root)),
        "evaluated": {"lookups": verdict.lookups, "void_lookups": verdict.void_lookups} if verdict else None,
        "tree": tree_json(root),
    }
    if answer.include is not None:
        document["include"] = include_json(answer.include, language)
    return document | {
        "findings": [finding_json(finding, language) for finding in report.findings],
        "summary": summary(report.findings, language),
        "elapsed_ms": report.elapsed_ms,
        "queries": report.queries,
    }


def include_json(included: Included, language: Catalog) -> dict[str, object]:
    """The answer to the include question."""
    return {
        "answer": included.answer,
        "id": included.id,
        "text": include_text(included, language),
        "chain": list(included.chain),
        "publish": included.publish,
        "zone": included.zone,
        "removes": [shown(text) for text in included.removes],
        "changes": [f"{mark} {word}" for mark, word in included.changes],
    }


def include_text(included: Included, language: Catalog) -> str:
    """The answer as a sentence."""
    return language.text(f"check.{included.id}", chain=shown(" > ".join(included.chain)))

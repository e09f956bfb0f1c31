"""What was found about SPF as a part of a larger report and as JSON; the names are stable."""

from __future__ import annotations

from relay.checks.model import Part
from relay.checks.report import shown
from relay.checks.spf.check import SpfAnswer
from relay.checks.spf.include import Included
from relay.checks.spf.tree import everything, tree_json
from relay.checks.spf.under_ten import Saving
from relay.locales import Catalog


def spf_part(answer: SpfAnswer) -> Part:
    """The verdict and the tree as facts. ``lookups`` and ``void_lookups`` are those of the whole tree, ``evaluated``
    until the match, by way of the domains of ``chain`` to the term ``matched``."""
    verdict, root = answer.verdict, answer.tree
    evaluated = verdict and {
        "lookups": verdict.lookups,
        "void_lookups": verdict.void_lookups,
        "chain": list(verdict.chain),
        "term": verdict.term,
        "matched": verdict.matched,
    }
    facts: dict[str, object] = {
        "result": verdict.result if verdict else None,
        "explanation": verdict.explanation if verdict else None,
        "reason": verdict.why or None if verdict else None,
        "results": {str(ip): each.result for ip, each in zip(answer.ips, answer.verdicts, strict=True)},
        "record": root.record.text if root.record else None,
        "lookups": root.lookups,
        "void_lookups": sum(node.is_void(place) for node, place in everything(root)),
        "evaluated": evaluated,
        "get_under_10": [saving_json(saving) for saving in answer.under_ten],
        "tree": tree_json(root),
    }
    return Part("spf", answer.report.subject, facts, answer.report.findings)


def saving_json(saving: Saving) -> dict[str, object]:
    """One change that makes the record cost less."""
    return {
        "action": saving.action,
        "reason": saving.reason,
        "domain": shown(saving.domain),
        "term": shown(saving.term),
        "instead": list(saving.instead),
        "saves": saving.saves,
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
        "lookups": included.lookups,
        "ttl": included.ttl or None,
    }


def include_text(included: Included, language: Catalog) -> str:
    """The answer as a sentence."""
    return language.text(f"check.{included.id}", chain=shown(" > ".join(included.chain)), ttl=included.ttl)


def saving_text(saving: Saving, language: Catalog) -> str:
    """One change as a sentence."""
    return language.text(
        f"check.say.under.{saving.reason}",
        term=shown(saving.term),
        domain=shown(saving.domain),
        instead=" ".join(saving.instead),
        saves=saving.saves,
    )

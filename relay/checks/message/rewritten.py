"""What the relay's rewriting does to what filters see: the message is judged before and after.

The rewriting itself is a signal to some filters (another domain in Reply-To), and takes others away (a missing Date).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from relay.checks.message.check import ORDER, Asked, MessageReport, check_message
from relay.checks.model import Finding, Severity
from relay.locales import Catalog
from relay.mail.reply import Refusal
from relay.mail.rewrite import Change, Rewritten


@dataclass(frozen=True, slots=True)
class Effect:
    """The changes, and the ids of the findings that go and come with them."""

    changes: tuple[Change, ...]
    removes: tuple[str, ...]
    adds: tuple[str, ...]


def octets_of(rewritten: Rewritten) -> bytes:
    """The message as it leaves, but for trace and signature."""
    message = rewritten.message
    return b"".join((message.header, b"\r\n", *message.body.chunks()))


def as_it_leaves(report: MessageReport, rewritten: Rewritten, now: float, asked: Asked) -> tuple[MessageReport, Effect]:
    """The report on the message after the rewriting, and what that changed."""
    after = check_message(octets_of(rewritten), now, asked)
    first, second = ({finding.id for finding in each.findings} for each in (report, after))
    effect = Effect(rewritten.changes, tuple(sorted(first - second)), tuple(sorted(second - first)))
    facts = {"removes": ", ".join(effect.removes) or "-", "adds": ", ".join(effect.adds) or "-"}
    return with_findings(after, [Finding("msg.rewrite.effect", Severity.INFO, "message", facts)]), effect


def as_refused(report: MessageReport, refusal: Refusal, language: Catalog) -> MessageReport:
    """The report on a message that the relay does not take, with its reply."""
    text = " ".join(language.text(f"reply.{refusal.topic}", **refusal.params).split())
    facts = {"reply": f"{refusal.code} {refusal.enhanced} {text}"}
    return with_findings(report, [Finding("msg.rewrite.refused", Severity.ERROR, "message", facts)])


def with_findings(report: MessageReport, more: Sequence[Finding]) -> MessageReport:
    """The report with more findings, worst first."""
    found = sorted((*report.findings, *more), key=lambda finding: ORDER.index(finding.severity))
    return replace(report, findings=tuple(found))

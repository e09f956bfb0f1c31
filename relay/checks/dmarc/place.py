"""Where the record of a domain is: at its own name, above, at a wrong place, several times, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from relay.checks.dmarc.known import Dmarc
from relay.checks.dmarc.mend import is_lookalike, lookalike_mend, mend
from relay.checks.dmarc.record import POLICIES, is_dmarc, read_dmarc, texts_of
from relay.checks.dmarc.walk import Step
from relay.checks.model import Finding, Severity
from relay.checks.publish import txt_fix
from relay.net.dns import Mx, Records, Unknown


def judge_unknown(dmarc: Dmarc) -> Iterator[Finding]:
    """Names that nobody could say anything about."""
    for step in dmarc.discovery.unknown:
        yield dmarc.finding(
            "unknown", Severity.UNKNOWN, "RFC 9989 4.10.1", asked=f"_dmarc.{step.name}", reason=step.reason
        )
    inherits = dmarc.discovery.applied is not None and not dmarc.discovery.is_own
    if isinstance(dmarc.around.apex, Unknown) and inherits and dmarc.policy is None:
        reason = dmarc.around.apex.reason
        yield dmarc.finding("unknown", Severity.UNKNOWN, "RFC 9989 4.10.1", asked=dmarc.domain, reason=reason)


def judge_place(dmarc: Dmarc) -> Iterator[Finding]:
    """The records at the domain's own ``_dmarc``, those that are misplaced, and none at all."""
    own = dmarc.discovery.own
    for step in dmarc.discovery.steps:
        if step.state == "multiple":
            yield several(dmarc, step)
    alias = [*judge_alias(dmarc, own)]
    yield from alias
    if own.state == "record":
        yield from judge_unrelated(dmarc, own)
    elif own.state == "none":
        found = [*judge_lookalikes(dmarc, own), *judge_misplaced(dmarc)]
        yield from found or (() if alias else judge_absence(dmarc))


def judge_alias(dmarc: Dmarc, own: Step) -> Iterator[Finding]:
    """A CNAME at the domain's own ``_dmarc``, as services that host DMARC records want it."""
    alias = dmarc.around.alias
    if not isinstance(alias, Records) or own.state == "unknown":
        return
    target = str(alias.values[0])
    if not own.texts:
        fix = txt_fix(dmarc.place, first_record(dmarc), [f"CNAME {target}"])
        yield dmarc.finding("cname.dead", Severity.WARNING, "RFC 1034 3.6.2", fix, target=target)
    elif own.canonical in {"", dmarc.place}:
        yield dmarc.finding("cname.conflict", Severity.WARNING, "RFC 1034 3.6.2", target=target)
    elif own.records:
        yield dmarc.finding("cname", Severity.INFO, "RFC 1034 3.6.2", target=target)


def several(dmarc: Dmarc, step: Step) -> Finding:
    """Several records are all discarded (RFC 9989 4.10 step 2), so no policy holds today: the mildest of them is
    proposed, which begins to refuse nothing that arrives now."""
    kept = min(step.records, key=lambda text: POLICIES.index(read_dmarc(text).policy))
    others = list(step.records)
    others.remove(kept)
    severity = Severity.ERROR if step is dmarc.discovery.own else Severity.WARNING
    fix = txt_fix(f"_dmarc.{step.name}", mend(kept) or kept, others)
    count = str(len(step.records))
    return dmarc.finding("multiple", severity, "RFC 9989 4.10", fix, place=f"_dmarc.{step.name}", count=count)


def judge_unrelated(dmarc: Dmarc, own: Step) -> Iterator[Finding]:
    """Other TXT records beside it, which receivers ignore (RFC 9989 4.10 step 2)."""
    others = [text for text in own.texts if not is_dmarc(text)]
    if others:
        yield dmarc.finding("unrelated", Severity.INFO, "RFC 9989 4.10", wrote=", ".join(others))


def judge_lookalikes(dmarc: Dmarc, own: Step) -> Iterator[Finding]:
    """Texts that were meant as the record, where there is none."""
    for text in own.texts:
        if is_lookalike(text):
            meant = lookalike_mend(text)
            fix = txt_fix(dmarc.place, meant, [text]) if meant else None
            yield dmarc.finding("v", Severity.ERROR, "RFC 9989 4.7", fix, wrote=text)


def judge_misplaced(dmarc: Dmarc) -> Iterator[Finding]:
    """A record at the domain itself, or where a panel put the domain behind it once more."""
    places = ((dmarc.domain, dmarc.around.apex), (f"{dmarc.place}.{dmarc.domain}", dmarc.around.doubled))
    for wrong, answer in places:
        for text in texts_of(answer.values) if isinstance(answer, Records) else ():
            if is_dmarc(text):
                fix = txt_fix(dmarc.place, mend(text) or text, [f"{wrong} TXT {text}"])
                yield dmarc.finding("wrongplace", Severity.ERROR, "RFC 9989 4.5", fix, wrong=wrong, right=dmarc.place)


def judge_absence(dmarc: Dmarc) -> Iterator[Finding]:
    """No record, neither here nor above."""
    if dmarc.discovery.applied is not None or dmarc.discovery.unknown:
        return
    if any(step.state == "multiple" for step in dmarc.discovery.steps):
        return  # which says what to do
    if dmarc.exists is False:
        yield dmarc.finding("nxdomain", Severity.ERROR, "RFC 8020")
    else:
        yield dmarc.finding("none", Severity.WARNING, "RFC 9989 4.10.1", txt_fix(dmarc.place, first_record(dmarc)))


def first_record(dmarc: Dmarc) -> str:
    """The least that makes DMARC work; with an address for reports where the domain takes mail."""
    mx = dmarc.around.mx
    has_mail = isinstance(mx, Records) and any(isinstance(value, Mx) and value.exchange for value in mx.values)
    return f"v=DMARC1; p=none; rua=mailto:dmarc@{dmarc.domain}" if has_mail else "v=DMARC1; p=none"


def inherited(dmarc: Dmarc) -> Finding:
    """The record of an ancestor holds, with its policy for sub-domains."""
    record, applied = dmarc.record, dmarc.discovery.applied
    assert record is not None
    assert applied is not None
    tags = ("np", "sp", "p") if dmarc.exists is False else ("sp", "p")
    tag = next((tag for tag in tags if record.value(tag)), "p")
    policy = dmarc.policy or "none"
    return dmarc.finding("inherited", Severity.INFO, "RFC 9989 4.10.1", found=applied.name, tag=tag, policy=policy)

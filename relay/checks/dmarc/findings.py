"""What there is to say of a domain's DMARC record: pure, from what the walk and the questions beside it found."""

from __future__ import annotations

from collections.abc import Iterator

from relay.checks.dmarc.known import Dmarc
from relay.checks.dmarc.mend import mend
from relay.checks.dmarc.place import inherited, judge_place, judge_unknown
from relay.checks.dmarc.record import POLICIES, REMOVED, DmarcRecord, Slip
from relay.checks.model import Finding, Fix, Severity
from relay.checks.publish import txt_fix

PERMIT = "v=DMARC1"  # RFC 9990 4


def judge_dmarc(dmarc: Dmarc) -> Iterator[Finding]:
    """Everything that can be said without knowing how mail is sent."""
    yield from judge_unknown(dmarc)
    yield from judge_place(dmarc)
    if dmarc.record is not None:
        if not dmarc.discovery.is_own:
            yield inherited(dmarc)
        yield from judge_record(dmarc, dmarc.record)
    yield from judge_receivers(dmarc)


def judge_record(dmarc: Dmarc, record: DmarcRecord) -> Iterator[Finding]:
    """The record in force. One proposal mends all of it, since only one record can be published."""
    assert dmarc.discovery.applied is not None
    weakest = min(
        POLICIES.index(record.policy), POLICIES.index(record.value("np") or record.value("sp") or record.policy)
    )
    is_open = record.policy != "none" and weakest == 0 and not record.misread
    text = mend(record.text, np="reject" if is_open else "")
    removes = [record.text]
    fix = txt_fix(f"_dmarc.{dmarc.discovery.applied.name}", text, removes) if text else None
    yield from judge_syntax(dmarc, record, fix)
    yield from judge_policy(dmarc, record, fix)
    if is_open:
        yield dmarc.finding("np", Severity.WARNING, "RFC 9989 4.7", fix, policy=record.policy)
    yield from judge_destinations(dmarc, record, fix)


def judge_syntax(dmarc: Dmarc, record: DmarcRecord, fix: Fix | None) -> Iterator[Finding]:
    """Pieces that are no tag, values that mean nothing, tags that are gone."""
    wrong = [*record.tags.faults, *(f"{tag}={record.tags.value(tag)}" for tag in record.invalid)]
    lost = record.misread or (record.tags.value("p") is None and bool(record.tags.faults))
    if wrong:
        severity = Severity.ERROR if lost else Severity.WARNING
        yield dmarc.finding("syntax", severity, "RFC 9989 4.8", fix, wrong="; ".join(wrong))
    removed = [tag for tag in REMOVED if record.tags.value(tag) is not None]
    if removed:
        yield dmarc.finding("removed", Severity.INFO, "RFC 9989 C.4", fix, tags=", ".join(removed))


def judge_policy(dmarc: Dmarc, record: DmarcRecord, fix: Fix | None) -> Iterator[Finding]:
    """``p``, ``sp``, ``t``, ``psd``."""
    if record.tags.value("p") is None:
        yield dmarc.finding("p.missing", Severity.WARNING, "RFC 9989 4.7", fix)
    elif dmarc.policy == "none" and record.policy == "none" and not record.misread:
        yield dmarc.finding("p.none", Severity.INFO, "RFC 9989 4.7")
    if record.policy != "none" and record.value("sp") == "none":
        yield dmarc.finding("sp", Severity.WARNING, "RFC 9989 4.7", policy=record.policy)
    if dmarc.policy is not None and dmarc.policy != dmarc.acts_as:
        yield dmarc.finding("t", Severity.WARNING, "RFC 9989 4.7", policy=dmarc.policy, acts=dmarc.acts_as or "")
    if dmarc.discovery.applied is not None and (psd := dmarc.discovery.applied.psd) != "u":
        yield dmarc.finding(
            "psd", Severity.INFO, "RFC 9989 4.7", place=f"_dmarc.{dmarc.discovery.applied.name}", psd=psd
        )


def judge_destinations(dmarc: Dmarc, record: DmarcRecord, fix: Fix | None) -> Iterator[Finding]:
    """The addresses for reports as they are written."""
    if not record.destinations("rua") and not (fix and "rua=" in fix.value):
        yield dmarc.finding("rua.none", Severity.INFO, "RFC 9989 4.7")
    severities = {Slip.SIZE: Severity.INFO, Slip.SCHEME: Severity.WARNING, Slip.SYNTAX: Severity.WARNING}
    for slip, severity in severities.items():
        uris = [each.uri for tag in ("rua", "ruf") for each in record.destinations(tag) if each.slip is slip]
        if uris:
            mends = fix if slip is not Slip.SCHEME else None
            yield dmarc.finding(f"rua.{slip.value}", severity, "RFC 9989 4.6", mends, wrote=", ".join(uris))


def judge_receivers(dmarc: Dmarc) -> Iterator[Finding]:
    """The domains that reports go to."""
    for each in dmarc.receivers:
        if each.permits is False:
            fix, place = txt_fix(each.permission, PERMIT), each.permission
            yield dmarc.finding("rua.external", Severity.WARNING, "RFC 9990 4", fix, receiver=each.domain, place=place)
        if each.takes_mail is False:
            yield dmarc.finding("rua.nomx", Severity.WARNING, "RFC 5321 5.1", receiver=each.domain)
        if None in {each.permits, each.takes_mail}:
            yield dmarc.finding("rua.unknown", Severity.UNKNOWN, "RFC 9990 4", receiver=each.domain, reason=each.reason)

"""What is wrong with the MTA-STS of a domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from relay.checks.model import Finding, Severity
from relay.checks.mta_sts.known import SHORT_AGE, Sts, lookalikes, policy_fix, proposal, record_fix
from relay.mail.mta_sts import Mode, Policy, Reading, Slip, read_record
from relay.net.dns import Unknown
from relay.net.https import Fault, Fetched, Unfetched

FETCHING, SYNTAX = "RFC 8461 3.3", "RFC 8461 3.2"
LONGEST_QUOTE = 100  # characters of a line
MOST_NAMES = 10  # of patterns that are listed
MENDED_BY_FILE = frozenset({Fault.NO_ADDRESS, Fault.REDIRECT, Fault.STATUS, Fault.TOO_LARGE})


def judge_sts(sts: Sts) -> Iterator[Finding]:
    """Everything that can be said from the answers."""
    if isinstance(sts.txt, Unknown):
        yield unknown(sts, sts.place, sts.txt)
        return
    if not sts.records and not lookalikes(sts):
        yield from judge_absence(sts)
        return
    yield from judge_record(sts)
    if isinstance(sts.fetched, Unfetched):
        yield judge_fetch(sts, sts.fetched)
    elif isinstance(sts.fetched, Fetched):
        yield from judge_file(sts, sts.fetched)
    if isinstance(sts.mx, Unknown):
        yield unknown(sts, sts.domain, sts.mx)


def unknown(sts: Sts, name: str, answer: Unknown) -> Finding:
    """DNS did not say."""
    facts = {"name": name, "reason": answer.reason}
    return Finding("sts.unknown", Severity.UNKNOWN, sts.domain, facts, rfc="RFC 8461 3.1")


def judge_absence(sts: Sts) -> Iterator[Finding]:
    """Nothing is announced: what it would take, first the file, then the record."""
    if sts.hosts == ():
        return  # a domain that takes no mail needs no policy
    facts = {"domain": sts.domain}
    yield Finding("sts.none", Severity.INFO, sts.domain, facts, policy_fix(sts), rfc="RFC 8461 3")
    fix = record_fix(sts) if proposal(sts) else None  # a record without a file announces what is not there
    yield Finding("sts.txt.none", Severity.INFO, sts.domain, {"name": sts.place}, fix, rfc="RFC 8461 3.1")


def judge_record(sts: Sts) -> Iterator[Finding]:
    """The TXT record (RFC 8461 3.1)."""
    found = ""
    if len(sts.records) > 1:
        found, facts, evidence = "multiple", {"count": str(len(sts.records))}, sts.records
    elif not sts.records:
        evidence = lookalikes(sts)
        found, facts = "syntax", {"wrote": evidence[0]}
    elif wrong := read_record(sts.records[0])[1]:
        found, facts, evidence = "id" if wrong.startswith("id=") else "syntax", {"wrote": wrong}, sts.records
    if found:
        fix = record_fix(sts)
        yield Finding(f"sts.txt.{found}", Severity.ERROR, sts.domain, facts, fix, evidence, "RFC 8461 3.1")


def judge_fetch(sts: Sts, unfetched: Unfetched) -> Finding:
    """Why there is no policy file."""
    severity = Severity.UNKNOWN if unfetched.is_undecided else Severity.ERROR
    facts = {"host": sts.host, "detail": unfetched.detail}
    fix = policy_fix(sts) if unfetched.fault in MENDED_BY_FILE else None
    return Finding(f"sts.policy.fetch.{unfetched.fault}", severity, sts.domain, facts, fix, rfc=FETCHING)


def judge_file(sts: Sts, fetched: Fetched) -> Iterator[Finding]:
    """The file: its media type, its syntax, and what it says."""
    assert sts.reading is not None
    if fetched.media_type != "text/plain":  # RFC 8461 3.2
        facts = {"host": sts.host, "type": fetched.media_type or "-"}
        yield Finding("sts.policy.fetch.type", Severity.ERROR, sts.domain, facts, policy_fix(sts), rfc=FETCHING)
        if sts.policy is None:
            return  # most likely a page, not a policy
    yield from (judge_slip(sts, slip, Severity.ERROR) for slip in telling(sts.reading.faults))
    yield from (judge_slip(sts, slip, Severity.WARNING) for slip in sts.reading.remarks)
    if sts.policy is not None:
        yield from judge_policy(sts, sts.policy, sts.reading)


def telling(faults: Sequence[Slip]) -> Iterator[Slip]:
    """Faults without all lines but the first that are none: the rest is more of the same."""
    lines = [slip for slip in faults if slip.kind == "line"]
    yield from lines[:1]
    yield from (slip for slip in faults if slip.kind != "line")


def judge_slip(sts: Sts, slip: Slip, severity: Severity) -> Finding:
    """One line of the file."""
    wrote = slip.wrote[:LONGEST_QUOTE]
    facts, evidence = {"wrote": wrote}, (wrote,) if wrote else ()
    return Finding(f"sts.policy.syntax.{slip.kind}", severity, sts.domain, facts, policy_fix(sts), evidence, SYNTAX)


def judge_policy(sts: Sts, policy: Policy, reading: Reading) -> Iterator[Finding]:
    """A valid policy: how strict it is, how long it lasts, whom it covers."""
    if policy.mode is not Mode.ENFORCE:
        facts = {"domain": sts.domain}
        yield Finding(f"sts.mode.{policy.mode}", Severity.INFO, sts.domain, facts, rfc=SYNTAX)
    if policy.mode is Mode.NONE:
        return
    if policy.max_age < SHORT_AGE:
        facts = {"seconds": str(policy.max_age)}
        yield Finding("sts.mode.max_age", Severity.WARNING, sts.domain, facts, policy_fix(sts), rfc=SYNTAX)
    uncovered = tuple(host for host in sts.hosts or () if not policy.covers(host))
    if uncovered:
        severity = Severity.ERROR if policy.mode is Mode.ENFORCE else Severity.WARNING
        facts = {"hosts": ", ".join(uncovered), "patterns": ", ".join(reading.mx[:MOST_NAMES])}
        fix = policy_fix(sts)
        yield Finding("sts.mx.mismatch", severity, sts.domain, facts, fix, uncovered, "RFC 8461 4.1")

"""What became of TLS sessions, told to those who publish policies (RFC 8460): the counts, and the report of a day."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby


class PolicyKind(StrEnum):
    """What a session had to keep to (RFC 8460 4.2, ``policy-type``)."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


class TlsFault(StrEnum):
    """Why a session was not as it had to be, in the words of RFC 8460 4.3."""

    NO_STARTTLS = "starttls-not-supported"
    HOST_MISMATCH = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    STS_FETCH = "sts-policy-fetch-error"
    STS_INVALID = "sts-policy-invalid"
    STS_WEBPKI = "sts-webpki-invalid"


@dataclass(frozen=True, slots=True)
class AppliedPolicy:
    """A policy as reports show it: its lines or records, and the names that mail servers may have (``hosts``)."""

    kind: PolicyKind
    domain: str
    lines: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsResult:
    """What one or more sessions came to, on a ``day`` (UTC, such as 2026-11-24), to a recipient's ``domain``. Without
    ``fault`` they were good. ``host`` and ``address`` are the server's, ``sending`` is our address; ``reason`` is ours
    to choose."""

    day: str
    domain: str
    policy: AppliedPolicy
    fault: str = ""
    host: str = ""
    address: str = ""
    sending: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: our host name (``submitter``), whom to ask, and the organization's name."""

    submitter: str
    contact: str
    organization: str


def day_of(now: float) -> str:
    """The day of a moment, in UTC (RFC 8460 4.1: a report is about one UTC day)."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def bounds_of(day: str) -> tuple[datetime, datetime]:
    """The first and the last second of a day."""
    begin = datetime.combine(date.fromisoformat(day), time.min, UTC)
    return begin, begin + timedelta(days=1, seconds=-1)


def report_json(results: Mapping[TlsResult, int], day: str, reporter: Reporter, report_id: str) -> bytes:
    """The report of a day about one domain (RFC 8460 4.4)."""
    begin, end = bounds_of(day)
    in_order = sorted(results.items(), key=lambda item: (policy_key(item[0]), details_key(item[0])))
    report = {
        "organization-name": reporter.organization,
        "date-range": {"start-datetime": rfc3339(begin), "end-datetime": rfc3339(end)},
        "contact-info": reporter.contact,
        "report-id": report_id,
        "policies": [
            policy_entry(tuple(of_policy)) for _, of_policy in groupby(in_order, key=lambda item: policy_key(item[0]))
        ],
    }
    return json.dumps(report, ensure_ascii=False).encode("utf-8")


def policy_key(result: TlsResult) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """What results of the same policy have in common."""
    return result.policy.kind, result.policy.domain, result.policy.lines, result.policy.hosts


def details_key(result: TlsResult) -> tuple[str, ...]:
    """The order of results of one policy."""
    return result.fault, result.host, result.address, result.sending, result.reason


def policy_entry(counted: Sequence[tuple[TlsResult, int]]) -> dict[str, object]:
    """One policy with its counts and what went wrong under it."""
    policy = counted[0][0].policy
    shown: dict[str, object] = {"policy-type": policy.kind.value, "policy-domain": policy.domain}
    if policy.lines:
        shown["policy-string"] = list(policy.lines)
    if policy.hosts:
        shown["mx-host"] = list(policy.hosts)
    failed = [(result, count) for result, count in counted if result.fault]
    entry: dict[str, object] = {
        "policy": shown,
        "summary": {
            "total-successful-session-count": total(counted) - total(failed),
            "total-failure-session-count": total(failed),
        },
    }
    if failed:
        entry["failure-details"] = [failure_entry(result, count) for result, count in failed]
    return entry


def total(counted: Iterable[tuple[TlsResult, int]]) -> int:
    """How many sessions."""
    return sum(count for _, count in counted)


def failure_entry(result: TlsResult, count: int) -> dict[str, object]:
    """One kind of failure; what is not known is left out."""
    known = {
        "sending-mta-ip": result.sending,
        "receiving-mx-hostname": result.host,
        "receiving-ip": result.address,
        "failure-reason-code": result.reason,
    }
    said = {name: value for name, value in known.items() if value}
    return {"result-type": result.fault, **said, "failed-session-count": count}


def rfc3339(moment: datetime) -> str:
    """A moment as ``2026-11-24T00:00:00Z`` (RFC 3339)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def file_name(domain: str, day: str, submitter: str) -> str:
    """The name of a report's file (RFC 8460 5.1)."""
    begin, end = bounds_of(day)
    return f"{submitter}!{domain}!{int(begin.timestamp())}!{int(end.timestamp())}.json.gz"

"""Everything that is wrong with one place, the worst first to be mended first on the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from relay.checks.model import Finding, Severity
from relay.checks.own_server.advice import Matched
from relay.checks.own_server.dated import Tls
from relay.checks.own_server.found import found
from relay.checks.own_server.judge_auth import judge_auth, judge_limits, judge_login, judge_spelling
from relay.checks.own_server.judge_envelope import judge_envelope
from relay.checks.own_server.judge_reach import judge_mode, judge_reach, judge_wait
from relay.checks.own_server.judge_tls import judge_starttls, judge_tls
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Reach, Seen

GRAVEST_FIRST = (Severity.ERROR, Severity.UNKNOWN, Severity.WARNING, Severity.INFO)


def judge(seen: Seen, question: Question, provider: Matched | None) -> list[Finding]:
    """One place, in the order in which things happen, then by severity."""
    found = [
        *judge_reach(seen),
        *judge_starttls(seen, question, offers_starttls(seen, provider)),
        *judge_tls(seen, question),
        *judge_login(seen, question),
        *judge_envelope(seen, question),
        *judge_auth(seen, question),
        *judge_spelling(seen, question),
        *judge_mode(seen),
        *judge_wait(seen, question),
        *judge_limits(seen, question),
    ]
    return by_gravity(found)


def by_gravity(findings: Sequence[Finding]) -> list[Finding]:
    """The gravest first; among equals, as they came."""
    return sorted(findings, key=lambda finding: GRAVEST_FIRST.index(finding.severity))


def offers_starttls(seen: Seen, provider: Matched | None) -> bool:
    """True where the provider is known to offer STARTTLS at this very place."""
    if provider is None or provider.provider.tls is not Tls.STARTTLS or seen.implicit_tls:
        return False
    return (seen.endpoint.host, seen.endpoint.port) == (provider.server, provider.provider.port)


def judge_families(main: Seen, others: Sequence[Seen], question: Question, provider: Matched | None) -> list[Finding]:
    """The main place, and what is only wrong at the other family's address: a risk where the main one answers."""
    findings = judge(main, question, provider)
    ids = {finding.id for finding in findings}
    for seen in others:
        for finding in judge(seen, replace(question, username="", password=""), provider):
            if finding.id not in ids and finding.severity is not Severity.INFO:
                milder = finding.severity is Severity.ERROR and main.reach is Reach.OPEN
                findings.append(replace(finding, severity=Severity.WARNING) if milder else finding)
    return findings


def judge_ports(main: Seen, seen: Sequence[Seen], works: Seen | None) -> list[Finding]:
    """Another port that works, or that none of several answers."""
    ports = list(dict.fromkeys(str(each.endpoint.port) for each in seen))
    if works is None and len(ports) > 1 and not any(each.reach is Reach.OPEN for each in seen):
        return [found(main, "port.none", Severity.ERROR, ports=", ".join(ports))]
    if works is None or works.endpoint.port == main.endpoint.port:
        return []
    tls = Tls.IMPLICIT if works.implicit_tls else Tls.STARTTLS
    return [found(works, f"port.found.{tls}", Severity.INFO, "RFC 8314 3.3")]


def judge_provider(main: Seen, provider: Matched | None) -> list[Finding]:
    """The provider's server, where another was asked about."""
    if provider is None:
        return []
    known = provider.provider
    facts = {
        "provider": known.name,
        "server": provider.server,
        "number": str(known.port),
        "checked_on": known.checked_on.isoformat(),
    }
    return [found(main, f"provider.hint.{known.tls}", Severity.INFO, "", [known.source], **facts)]

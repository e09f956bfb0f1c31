"""What is wrong with DANE for the mail servers of a domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from relay.checks.dane.known import Dane, Seen, Server, is_matched, present_fix, tlsa_fix, unknowns
from relay.checks.model import Finding, Severity
from relay.mail.tlsa import DANE_TA, PKIX_TA, read_tlsa
from relay.net.dns import NoData, NoName, Records

RFC_USAGE, RFC_SIGNED = "RFC 7672 3.1.3", "RFC 7672 2.2"


def judge_dane(dane: Dane) -> Iterator[Finding]:
    """Everything that can be said from the answers."""
    for name, answer in unknowns(dane):
        facts = {"name": name, "reason": answer.reason}
        yield Finding("dane.unknown", Severity.UNKNOWN, dane.domain, facts, rfc="RFC 7672 2.1.2")
    with_records = [server for server in dane.servers if server.texts]
    if with_records:
        yield from judge_signatures(dane, with_records)
    for server in dane.servers:
        if isinstance(server.tlsa, NoData | NoName):
            found, severity = ("partial", Severity.WARNING) if with_records else ("none", Severity.INFO)
            facts, fix = {"host": server.host, "name": server.place}, present_fix(server)
            yield Finding(f"dane.{found}", severity, dane.domain, facts, fix, rfc="RFC 7672 1.3")
        yield from judge_records(dane, server)
        yield from judge_seen(dane, server)


def judge_signatures(dane: Dane, servers: list[Server]) -> Iterator[Finding]:
    """DNSSEC: only a nameserver that checks it can say (RFC 7672 2.1.1)."""
    if not dane.is_validated:
        yield Finding("dane.unvalidated", Severity.UNKNOWN, dane.domain, rfc=RFC_SIGNED)
        return
    for server in servers:
        if not server.is_signed:
            facts = {"host": server.host, "name": server.place}
            yield Finding("dane.unsigned", Severity.ERROR, dane.domain, facts, rfc=RFC_SIGNED)
    if isinstance(dane.mx, Records) and not dane.mx.authenticated:
        facts = {"domain": dane.domain}
        yield Finding("dane.mx.unsigned", Severity.WARNING, dane.domain, facts, rfc="RFC 7672 2.2.1")


def judge_records(dane: Dane, server: Server) -> Iterator[Finding]:
    """Records that mail servers do not take."""
    for text in server.texts:
        record, facts = read_tlsa(text), {"host": server.host, "wrote": text}
        if record is None or not record.is_well_formed:
            yield Finding("dane.unusable", Severity.WARNING, dane.domain, facts, present_fix(server, (text,)), (text,))
        elif not record.is_usable:
            same = replace(record, usage=record.usage + DANE_TA - PKIX_TA)
            fix = tlsa_fix(server, same, (text,))
            yield Finding("dane.usage", Severity.WARNING, dane.domain, facts, fix, (text,), RFC_USAGE)


def judge_seen(dane: Dane, server: Server) -> Iterator[Finding]:
    """The certificates that were really there."""
    for seen in server.seen:
        yield from judge_look(dane, server, seen)


def judge_look(dane: Dane, server: Server, seen: Seen) -> Iterator[Finding]:
    """What was seen at one address."""
    facts = {"host": server.host, "address": seen.address}
    if seen.reason:
        facts["reason"] = seen.reason
        yield Finding("dane.unreachable", Severity.UNKNOWN, dane.domain, facts)
    elif not seen.chain and server.texts:
        yield Finding("dane.starttls", Severity.ERROR, dane.domain, facts, rfc="RFC 7672 2.2")
    elif server.records and not is_matched(server.records, seen.chain):
        fix = present_fix(replace(server, seen=(seen,)), server.texts)
        yield Finding("dane.mismatch", Severity.ERROR, dane.domain, facts, fix, server.texts, "RFC 7672 3.1")

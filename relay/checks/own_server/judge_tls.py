"""STARTTLS, the handshake, the certificate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from relay.checks.model import Finding, Severity
from relay.checks.own_server.certificate import WEAK_HASHES, Certificate, read_certificate
from relay.checks.own_server.found import found
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import MODERN, Reach, Seen, Speaks, TlsTrouble

SOON = timedelta(days=14)
MASKED = re.compile(r"X{4,}[A-Z]?")  # what firewalls write over STARTTLS
MOST_NAMES = 10

# OpenSSL's x509_vfy.h
SELF_SIGNED = 18
OF_THE_CHAIN = frozenset({2, 19, 20, 21})
EXPIRED = 10
TOO_SOON = 9
OTHER_NAME = frozenset({62, 64})
LEAF_KEY = 66
TOO_WEAK = 68


def judge_starttls(seen: Seen, question: Question, expected: bool) -> Iterator[Finding]:
    """STARTTLS: not offered, taken away (``expected``: the provider is known to offer it), answered too much."""
    if seen.before is None or seen.speaks is not Speaks.SMTP:
        return
    masked = next((keyword for keyword in seen.before.extensions if MASKED.fullmatch(keyword)), "")
    reply = seen.starttls_reply
    if masked or (expected and not seen.starttls):
        offered = " ".join(seen.before.extensions)
        yield found(seen, "tls.starttls.stripped", Severity.ERROR, "RFC 3207 6", [offered], reply=masked or "250")
    elif not seen.starttls:
        harmless = seen.endpoint.port == 25 and not question.username
        severity = Severity.WARNING if harmless else Severity.ERROR
        yield found(seen, "tls.starttls.missing", severity, "RFC 8314 3.3")
    elif reply is not None and reply.code != 220:
        yield found(seen, "tls.starttls.stripped", Severity.ERROR, "RFC 3207 4", [reply.line], reply=reply.line)
    if seen.injected:
        evidence = [seen.injected[:80].decode("latin-1")]
        yield found(seen, "tls.injection", Severity.WARNING, "RFC 3207 4.2, CVE-2011-0411", evidence)


def judge_tls(seen: Seen, question: Question) -> Iterator[Finding]:
    """The handshake and, where that is what failed, the certificate."""
    certificate = read_certificate(seen.tls.certificate) if seen.tls else None
    trouble = seen.trouble
    if seen.verified:
        if certificate and certificate.not_after - question.now < SOON:
            days = str((certificate.not_after - question.now).days)
            yield found(seen, "tls.cert.soon", Severity.WARNING, "RFC 5280 4.1.2.5", days=days)
    elif trouble is None:
        if seen.implicit_tls and seen.reach is Reach.OPEN:
            yield found(seen, "net.banner.unfinished", Severity.UNKNOWN)
    elif seen.tls is None:
        yield found(seen, "tls.handshake", Severity.ERROR, "RFC 8446 4", reason=trouble.reason)
    elif seen.tls.version not in MODERN:
        yield found(seen, "tls.version", Severity.ERROR, "RFC 8996", version=seen.tls.version)
    elif trouble.code == 0:
        facts = {"cipher": seen.tls.cipher, "reason": trouble.reason}
        yield found(seen, "tls.cipher", Severity.ERROR, "RFC 9325 4.2", **facts)
    elif certificate is None:
        yield found(seen, "tls.cert.chain", Severity.ERROR, "RFC 5280 6", issuer="?", reason=trouble.reason)
    else:
        yield from judge_certificate(seen, question, certificate, trouble)


def judge_certificate(
    seen: Seen, question: Question, certificate: Certificate, trouble: TlsTrouble
) -> Iterator[Finding]:
    """A certificate that does not verify: everything that is wrong with it, and not only the first thing."""
    yield from judge_dates(seen, certificate, question.now)
    yield from judge_strength(seen, certificate)
    if not certificate.covers(question.host):
        yield judge_name(seen, question.host, certificate)
    issuer = {"issuer": certificate.issuer, "reason": trouble.reason}
    if certificate.self_signed or trouble.code == SELF_SIGNED:
        yield found(seen, "tls.cert.self", Severity.ERROR, "RFC 5280 6.1")
    elif trouble.code in OF_THE_CHAIN and seen.tls and seen.tls.chain is not None and len(seen.tls.chain) == 1:
        yield found(seen, "tls.cert.chain.missing", Severity.ERROR, "RFC 8446 4.4.2", **issuer)
    elif not explained(certificate, question, trouble.code):
        yield found(seen, "tls.cert.chain", Severity.ERROR, "RFC 5280 6.1", **issuer)


def explained(certificate: Certificate, question: Question, code: int) -> bool:
    """True where what OpenSSL found first is a fault of the server's own certificate and not of its issuers."""
    return (
        (code == EXPIRED and certificate.not_after <= question.now)
        or (code == TOO_SOON and certificate.not_before > question.now)
        or code in OTHER_NAME
        or (code == LEAF_KEY and certificate.weak_key)
        or (code == TOO_WEAK and certificate.hash in WEAK_HASHES)
    )


def judge_dates(seen: Seen, certificate: Certificate, now: datetime) -> Iterator[Finding]:
    """When it holds (RFC 5280 4.1.2.5)."""
    if certificate.not_after <= now:
        day = certificate.not_after.date().isoformat()
        yield found(seen, "tls.cert.expired", Severity.ERROR, "RFC 5280 4.1.2.5", day=day)
    if certificate.not_before > now:
        day = certificate.not_before.date().isoformat()
        yield found(seen, "tls.cert.not_yet", Severity.ERROR, "RFC 5280 4.1.2.5", day=day)


def judge_strength(seen: Seen, certificate: Certificate) -> Iterator[Finding]:
    """Signature and key."""
    if certificate.hash in WEAK_HASHES:
        yield found(seen, "tls.cert.sha1", Severity.ERROR, "RFC 9155", hash=certificate.hash.upper())
    if certificate.weak_key:
        yield found(seen, "tls.cert.key", Severity.ERROR, "RFC 9325 4.5", key=certificate.key)


def judge_name(seen: Seen, host: str, certificate: Certificate) -> Finding:
    """A certificate of another name: the names that it has are offered."""
    names = ", ".join(certificate.names[:MOST_NAMES]) or "-"
    if wildcard := certificate.wildcard_beside(host):
        return found(seen, "tls.cert.wildcard", Severity.ERROR, "RFC 9525 6.3", [names], wildcard=wildcard)
    return found(seen, "tls.cert.hostname", Severity.ERROR, "RFC 9525 6.3", [names], names=names)


UNTRUSTED = ("tls.cert.self", "tls.cert.chain", "tls.cert.sha1", "tls.cert.key", "tls.cert.not_yet")


def certificate_problem(findings: tuple[str, ...]) -> str | None:
    """The problem of a certificate in one word, from the ids that were found: what is untrusted comes first."""
    if any(id.startswith(UNTRUSTED) for id in findings):
        return "untrusted"
    if "tls.cert.expired" in findings:
        return "expired"
    return "hostname" if {"tls.cert.hostname", "tls.cert.wildcard"} & set(findings) else None

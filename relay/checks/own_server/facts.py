"""What was seen, as facts for JSON under stable names."""

from __future__ import annotations

from collections.abc import Sequence

from relay.checks.model import Finding
from relay.checks.own_server.certificate import read_certificate
from relay.checks.own_server.judge_tls import certificate_problem
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Reach, Seen
from relay.checks.report import shown


def facts_of(
    main: Seen | None, seen: Sequence[Seen], findings: Sequence[Finding], question: Question
) -> dict[str, object]:
    """The place that is reported on, and in ``places`` all that were looked at. What was not seen is None."""
    facts: dict[str, object] = {"host": question.host, "port": main.endpoint.port if main else question.port}
    facts |= session_facts(main) | certificate_facts(main, findings) | auth_facts(main)
    facts["places"] = [place_facts(each, question) for each in seen]
    return facts


def session_facts(main: Seen | None) -> dict[str, object]:
    """Connection, greeting, TLS."""
    hello = main.hello if main else None
    return {
        "address": main.endpoint.address if main else None,
        "reachable": main is not None and main.reach is Reach.OPEN,
        "speaks": str(main.speaks) if main else None,
        "greeting": (main.greeting.code or None) if main and main.greeting else None,
        "esmtp": hello is not None and hello.esmtp,
        "implicit_tls": main is not None and main.implicit_tls,
        "starttls": main is not None and main.starttls,
        "starttls_works": main is not None and main.starttls and main.secure,
        "tls_version": main.tls.version if main and main.tls else None,
        "tls_cipher": main.tls.cipher if main and main.tls else None,
        "extensions": sorted(shown(keyword) for keyword in hello.extensions) if hello else [],
        "size": int(size) if hello and (size := hello.extensions.get("SIZE", "")).isdecimal() else None,
    }


def certificate_facts(main: Seen | None, findings: Sequence[Finding]) -> dict[str, object]:
    """The certificate: ``cert_ok`` only where it was verified, with its name."""
    certificate = read_certificate(main.tls.certificate) if main and main.tls else None
    ids = tuple(finding.id for finding in findings)
    return {
        "cert_ok": main.verified if main and (main.tls or main.trouble) else None,
        "cert_problem": certificate_problem(ids) if main and not main.verified else None,
        "cert_expires_at": certificate.not_after.strftime("%Y-%m-%dT%H:%M:%SZ") if certificate else None,
        "cert_names": [shown(name) for name in certificate.names] if certificate else [],
        "cert_issuer": shown(certificate.issuer) if certificate else None,
        "cert_chain": len(main.tls.chain) if main and main.tls and main.tls.chain is not None else None,
    }


def auth_facts(main: Seen | None) -> dict[str, object]:
    """Signing in, and the envelope: ``auth`` is what the EHLO that counts offers, inside TLS where there is TLS."""
    hello = main.hello if main else None
    return {
        "auth": [shown(mechanism) for mechanism in hello.mechanisms] if hello else [],
        "auth_before_tls": bool(main and main.before and main.before.mechanisms),
        "login_reply": main.login.line if main and main.login else None,
        "from_reply": main.from_reply.line if main and main.from_reply else None,
        "to_reply": main.to_reply.line if main and main.to_reply else None,
    }


def place_facts(seen: Seen, question: Question) -> dict[str, object]:
    """One of the places in short."""
    return {
        "address": seen.endpoint.address,
        "port": seen.endpoint.port,
        "reach": str(seen.reach),
        "speaks": str(seen.speaks),
        "implicit_tls": seen.implicit_tls,
        "works": seen.works(question.ways),
    }

"""Signing in: what is offered, what was answered, what the user name and the password look like."""

from __future__ import annotations

from collections.abc import Iterator

from relay.checks.model import Finding, Severity
from relay.checks.own_server.dated import Cause, cause_of
from relay.checks.own_server.found import found
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import KNOWN_MECHANISMS, Seen, Speaks

OAUTH = frozenset({"XOAUTH2", "OAUTHBEARER"})  # RFC 7628


def judge_auth(seen: Seen, question: Question) -> Iterator[Finding]:
    """What is offered, in the clear and inside TLS (RFC 4954 4)."""
    clear = seen.before.mechanisms if seen.before else ()
    if any(mechanism in KNOWN_MECHANISMS for mechanism in clear):
        yield found(seen, "auth.plain.clear", Severity.WARNING, "RFC 4954 4", mechanisms=" ".join(clear))
    if seen.after is None:
        return
    offered = {"mechanisms": " ".join(seen.mechanisms)}
    if not seen.mechanisms:
        if clear:
            yield found(seen, "auth.clear", Severity.ERROR, "RFC 4954 4")
        else:
            yield found(seen, "auth.none", Severity.ERROR if question.username else Severity.WARNING, "RFC 4954 3")
    elif not any(mechanism in (question.ways or KNOWN_MECHANISMS) for mechanism in seen.mechanisms):
        id = "auth.mechs.oauth" if OAUTH & set(seen.mechanisms) else "auth.mechs"
        yield found(seen, id, Severity.ERROR, "RFC 4954 3", **offered)


def judge_login(seen: Seen, question: Question) -> Iterator[Finding]:
    """What was answered to the login, or that the password was kept back."""
    if seen.login is None:
        if question.password and seen.speaks is Speaks.SMTP and not seen.verified:
            yield found(seen, "auth.withheld", Severity.INFO, "RFC 4954 4")
    elif not seen.signed_in:
        cause = cause_of(seen.login)
        id = "auth.from.denied" if cause is Cause.DENIED else f"auth.535.{cause}"
        severity = Severity.UNKNOWN if cause is Cause.TEMPORARY else Severity.ERROR
        yield found(seen, id, severity, "RFC 4954 6", [seen.login.line], reply=seen.login.line)


def judge_spelling(seen: Seen, question: Question) -> Iterator[Finding]:
    """User name and password as they were typed; nothing is said of what has been accepted. Facts never hold either."""
    if seen.signed_in:
        return
    severity = Severity.ERROR if seen.login is not None and seen.login.code >= 500 else Severity.WARNING
    username, password = question.username, question.password
    if username != username.strip() or password != password.strip():
        yield found(seen, "auth.space.ends", severity)
    if " " in password.strip():
        yield found(seen, "auth.space", severity)
    if username and "@" not in username:
        yield found(seen, "auth.space.domain", severity)


def judge_limits(seen: Seen, question: Question) -> Iterator[Finding]:
    """What the server takes, in the EHLO that counts."""
    hello = seen.hello
    if hello is None or not hello.esmtp:
        return
    size = hello.extensions.get("SIZE", "")
    if size.isdecimal() and 0 < int(size) < question.size:  # RFC 1870 3: 0 or nothing is no fixed limit
        facts = {"limit": megabytes(int(size)), "wanted": megabytes(question.size)}
        yield found(seen, "send.size", Severity.WARNING, "RFC 1870 3", **facts)
    if "8BITMIME" not in hello.extensions:
        yield found(seen, "send.8bit", Severity.WARNING, "RFC 6152")
    if "SMTPUTF8" not in hello.extensions:
        yield found(seen, "send.smtputf8", Severity.INFO, "RFC 6531")


def megabytes(octets: int) -> str:
    """A size as people read it."""
    return f"{octets / 1_000_000:.1f}".removesuffix(".0") + " MB"

"""Is there an SMTP server at all, and which mode does the port have?"""

from __future__ import annotations

from collections.abc import Iterator

from relay.checks.model import Finding, Severity
from relay.checks.own_server.found import found
from relay.checks.own_server.places import Places
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Reach, Seen, Speaks


def judge_places(places: Places, question: Question) -> tuple[Finding, ...]:
    """Why there is nothing to connect to."""
    if places.addresses:
        return ()
    if places.unknown:
        facts = {"host": question.host, "reason": places.unknown}
        return (Finding("net.dns.unknown", Severity.UNKNOWN, question.host, facts),)
    id = "net.dns.address" if places.exists else "net.dns"
    return (Finding(id, Severity.ERROR, question.host, {"host": question.host}, rfc="RFC 5321 5.1"),)


def judge_reach(seen: Seen) -> Iterator[Finding]:
    """The connection, the greeting, the protocol."""
    if seen.reach is Reach.TIMEOUT and seen.endpoint.port == 25:
        yield found(seen, "port.25.cloud", Severity.ERROR)
    elif seen.reach is not Reach.OPEN:
        family = "IPv6" if ":" in seen.endpoint.address else "IPv4"
        yield found(seen, f"net.{seen.reach}", Severity.ERROR, family=family)
    elif not (seen.over or seen.heard):
        yield found(seen, "net.banner.unfinished", Severity.UNKNOWN)
    elif seen.speaks is not Speaks.SMTP:
        yield from judge_protocol(seen)
    else:
        yield from judge_greeting(seen)


def judge_protocol(seen: Seen) -> Iterator[Finding]:
    """What is no SMTP. In a TLS that failed nothing was said yet."""
    if seen.implicit_tls and seen.tls is None:
        return
    heard = seen.heard.decode("latin-1")
    if seen.speaks is Speaks.NOTHING:
        yield found(seen, "net.banner.none", Severity.ERROR, "RFC 5321 3.1", waited=f"{seen.waited:.0f}")
    else:
        yield found(seen, f"net.not_smtp.{seen.speaks}", Severity.ERROR, "RFC 5321 4.2", [heard], heard=heard[:40])


def judge_greeting(seen: Seen) -> Iterator[Finding]:
    """The reply that a session begins with (RFC 5321 4.3.2)."""
    greeting = seen.greeting
    if greeting is None:
        yield found(seen, "net.banner.unfinished", Severity.UNKNOWN)
    elif greeting.code >= 500:
        yield found(seen, "net.banner.554", Severity.ERROR, "RFC 5321 3.1", reply=greeting.line)
    elif greeting.code >= 400:
        yield found(seen, "net.banner.421", Severity.UNKNOWN, "RFC 5321 3.8", reply=greeting.line)
    elif greeting.code != 220:
        heard = seen.heard.decode("latin-1")
        yield found(seen, "net.not_smtp.other", Severity.ERROR, "RFC 5321 4.3.2", [heard], heard=heard[:40])


def judge_wait(seen: Seen, question: Question) -> Iterator[Finding]:
    """A greeting that comes late."""
    if seen.greeting is not None and seen.waited >= question.slow:
        yield found(seen, "net.banner.slow", Severity.WARNING, "RFC 5321 4.5.3.2.1", waited=f"{seen.waited:.0f}")


def judge_mode(seen: Seen) -> Iterator[Finding]:
    """Ports that are used in the other's mode (RFC 8314 3.3, 7.3)."""
    if seen.speaks is not Speaks.SMTP:
        return
    if seen.endpoint.port == 465 and not seen.implicit_tls:
        yield found(seen, "port.465.starttls", Severity.WARNING, "RFC 8314 3.3")
    if seen.endpoint.port == 587 and seen.implicit_tls:
        yield found(seen, "port.587.implicit", Severity.WARNING, "RFC 8314 3.3")

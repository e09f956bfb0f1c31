"""Would mail be taken? What was answered to MAIL and RCPT, which tells a From that is not allowed from relaying."""

from __future__ import annotations

from collections.abc import Iterator

from relay.checks.model import Finding, Severity
from relay.checks.own_server.dated import Cause, cause_of
from relay.checks.own_server.found import found
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Said, Seen

IDS = {
    Cause.DENIED: "auth.from.denied",
    Cause.ANONYMOUS: "auth.535.anonymous",
    Cause.CONNECTOR: "auth.535.connector",
    Cause.RELAY: "send.relay_denied",
    Cause.LOGIN: "send.login",
    Cause.TEMPORARY: "send.temporary",
}
OTHER_TROUBLE = ("5.1.", "5.6.")  # RFC 3463 3.2, 3.7: the address itself, not who uses it


def judge_envelope(seen: Seen, question: Question) -> Iterator[Finding]:
    """What was answered to the envelope that was asked about; the first refusal counts."""
    if seen.from_reply is None:
        return
    if not taken(seen.from_reply):
        yield refused(seen, question, seen.from_reply, cause_at_mail(seen.from_reply), "send.from")
    elif seen.to_reply is not None and not taken(seen.to_reply):
        yield refused(seen, question, seen.to_reply, cause_at_rcpt(seen.to_reply), "send.to")


def taken(reply: Said) -> bool:
    """True for a reply that accepts (RFC 5321 4.2.1)."""
    return 200 <= reply.code < 300


def cause_at_mail(reply: Said) -> Cause:
    """Why a sender was refused. RFC 5321 4.2.3: 553 is a name that is not allowed."""
    cause = cause_of(reply, "envelope")
    if cause is Cause.REFUSED and reply.code == 553 and not reply.enhanced.startswith(OTHER_TROUBLE):
        return Cause.DENIED
    return cause


def cause_at_rcpt(reply: Said) -> Cause:
    """Why a recipient was refused. RFC 5321 4.2.3: 551 is mail that would have to be passed on."""
    cause = cause_of(reply, "envelope")
    return Cause.RELAY if cause is Cause.REFUSED and reply.code == 551 else cause


def refused(seen: Seen, question: Question, reply: Said, cause: Cause, otherwise: str) -> Finding:
    """The finding for a refusal. Another recipient may be taken, so that is a warning; whether one may send is unknown
    where a login was named but not tried."""
    id = IDS.get(cause, otherwise)
    severity = Severity.WARNING if id == "send.to" else Severity.ERROR
    if cause is Cause.TEMPORARY or (cause is Cause.LOGIN and question.username and seen.login is None):
        severity = Severity.UNKNOWN
    facts = {"sender": question.mail_from, "recipient": question.rcpt_to, "reply": reply.line}
    return found(seen, id, severity, "RFC 5321 4.2.3", [reply.line], **facts)

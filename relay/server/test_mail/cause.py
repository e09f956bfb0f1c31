"""Why a test mail did not arrive, and the one thing to do, for whoever runs the relay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.checks.own_server.dated import Cause as LoginCause
from relay.checks.own_server.dated import cause_of
from relay.checks.own_server.seen import Said
from relay.mail.delivery import Answer, State
from relay.mail.dsn import remote_host
from relay.mail.rewrite import resolve_platform_address
from relay.mail.route import RouteKind
from relay.server.failure_reason import failure_reason
from relay.server.notices import written_date
from relay.server.own_notices import cause_text
from relay.server.test_mail.step import Cause, harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relay.config import Platform
    from relay.locales import Catalog
    from relay.mail.delivery import Attempt, Delivery
    from relay.mail.destination import Destination
    from relay.mail.own_server import OwnServer
    from relay.mail.reply import Reply
    from relay.mail.tenant import Tenant
    from relay.store.model import StoredMessage

SPOKEN = re.compile(r"([2-5]\d\d) (?:([245]\.\d{1,3}\.\d{1,3}) )?(.*)", re.DOTALL)  # RFC 5321 4.2, RFC 2034 4
OF_THE_LOGIN = frozenset({454, 530, 534, 535, 538})  # RFC 4954 4.7, 6
LATER = re.compile(r"gr[ae]y-?list", re.IGNORECASE)

# The beginning of an enhanced code of ours, where no server spoke (RFC 3463 3) -> a topic of ``test.cause``.
OURS = {
    "4.4.1": "unreachable",
    "4.4.2": "broken",
    "4.4.3": "dns",
    "4.4.4": "nowhere",
    "4.7.": "tls",
    "4.3.": "ours",
}


@dataclass(frozen=True, slots=True)
class Context:
    """Whose mail it is, how the platform is called, the tenant's own server, and the reader's language."""

    platform: Platform
    tenant: Tenant
    server: OwnServer | None
    words: Catalog


def refusal_cause(reply: Reply, words: Catalog) -> Cause:
    """The reply says what happened in its first line, and in the others what to do."""
    first, *others = reply.lines
    return Cause(first, " ".join(others) or words.text("test.do.refused"))


def hold_cause(reply: Reply, words: Catalog) -> Cause:
    """Taken in, and kept until the owner of the address says yes."""
    return Cause(reply.lines[-1], words.text("test.do.confirm"))


def untaken_cause(words: Catalog) -> Cause:
    """No process took it up."""
    return Cause(words.text("test.cause.untaken"), words.text("test.do.untaken"))


def delivery_cause(
    context: Context,
    message: StoredMessage,
    delivery: Delivery,
    attempts: Sequence[Attempt],
    waits: Destination | None = None,
) -> Cause:
    """Why a delivery has not arrived; ``waits`` is the destination that it waits for."""
    words, own = context.words, message.route is RouteKind.OWN
    server = context.server if own else None
    answer = attempts[-1].answer if attempts else None
    if server is not None and server.refused_at is not None and delivery.state is State.HELD:
        return login_cause(context, server)
    if delivery.state in {State.HELD, State.CANCELLED}:
        topic = delivery.state.value
    elif delivery.leased_by:
        topic = "pending"
    elif answer is None:
        topic = "down" if waits and waits.down else "queued"
    elif delivery.state is State.FAILED:
        return failure_cause(context, server, delivery, answer)
    else:
        topic = deferral_topic(answer)
    reply = str(answer) if answer else waits.reply if waits else ""
    known = {
        "host": host_of(answer),
        "reply": harmless(reply),
        "id": delivery.id,
        "domain": delivery.domain,
    }
    return Cause(words.text(f"test.cause.{topic}", **known), words.text(f"test.do.{topic}", **known))


def login_cause(context: Context, server: OwnServer) -> Cause:
    """The own server refuses the login, or no account is connected."""
    answer = spoken(server.refused_reply)
    do = "login" if answer.code else "connect"
    return Cause(
        cause_text(server, answer, context.words), context.words.text(f"test.do.{do}", tenant=context.tenant.id)
    )


def failure_cause(context: Context, server: OwnServer | None, delivery: Delivery, answer: Answer) -> Cause:
    """Refused for good: by the own server because of its From, or for a reason that the code tells."""
    words, reason = context.words, failure_reason(answer)
    known = {
        "recipient": harmless(delivery.recipient),
        "domain": delivery.domain,
        "platform": context.platform.name,
        "platform_address": str(resolve_platform_address(context.platform.address, context.tenant.id)),
        "since": written_date(delivery.created_at, words),
    }
    if server is not None and cause_of(Said(answer.code, answer.enhanced, answer.text)) is LoginCause.DENIED:
        return Cause(cause_text(server, answer, words), words.text("test.do.denied"))
    ours = f"test.do.{reason}"
    do = ours if ours in words else f"mail.reason.{reason}.advice"
    return Cause(words.text(f"mail.reason.{reason}.why", **known), words.text(do, **known))


def deferral_topic(answer: Answer) -> str:
    """What kind of "not now" it is."""
    if answer.code in OF_THE_LOGIN:
        return "account"
    if answer.code:
        return "greylisted" if LATER.search(answer.text) else "later"
    return next((topic for begins, topic in OURS.items() if answer.enhanced.startswith(begins)), "later")


def host_of(answer: Answer | None) -> str:
    """Who was spoken to, or was to be."""
    return harmless((remote_host(answer) if answer else "") or "?")


def spoken(reply: str) -> Answer:
    """A reply as it was kept, in its parts."""
    found = SPOKEN.fullmatch(reply)
    return Answer(found[3], int(found[1]), found[2] or "") if found else Answer(reply)

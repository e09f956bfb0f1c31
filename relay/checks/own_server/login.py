"""Signing in once, on a connection of its own, and only inside TLS whose certificate was verified."""

from __future__ import annotations

import asyncio

from relay.checks.own_server.handshake import strict, tls_session
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Said, Seen, Speaks, spoken
from relay.checks.own_server.talk import first_octets, greet, outcome, read_greeting
from relay.net.auth import login, plain
from relay.net.session import Session
from relay.net.smtp import reason
from relay.net.wire import Broken


async def sign_in(seen: Seen, question: Question, ends_at: float) -> Said | None:
    """What the server says to the user name and the password; None where they are not to be sent. Not signed in by
    ``ends_at`` (the loop's time): a reply with the code 0."""
    if question.credentials is None or not seen.works(signs_in=True):
        return None
    try:
        async with asyncio.timeout_at(ends_at):
            return await signed_in(seen, question)
    except TimeoutError:
        return Said(0, "", "no answer in time")
    except (OSError, ValueError) as error:
        return Said(0, "", reason(error))
    except Broken as broken:
        return Said(broken.code, broken.enhanced, broken.text)


async def signed_in(seen: Seen, question: Question) -> Said | None:
    """Connect again, verify, and sign in. Raises OSError, ValueError, `Broken`."""
    session = await tls_session(seen, question, strict(question))
    try:
        if seen.implicit_tls:
            if spoken(await first_octets(session.wire, session.client.timeouts.greeting)) is not Speaks.SMTP:
                return None
            await read_greeting(session)
        hello = await greet(session)
        return await answered(session, hello.mechanisms if hello else ())
    finally:
        session.close()


async def answered(session: Session, mechanisms: tuple[str, ...]) -> Said | None:
    """The reply to AUTH with the first mechanism that we know (RFC 4954 4); None when there is none any more."""
    credentials = session.client.credentials
    assert credentials is not None
    for mechanism, exchange in (("PLAIN", plain), ("LOGIN", login)):
        if mechanism in mechanisms:
            return await outcome(exchange(session, credentials))
    return None

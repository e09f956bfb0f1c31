"""Signing in once, on a connection of its own, and asking there whether mail would be taken.

A password only goes out inside TLS whose certificate was verified. An envelope is begun and taken back with RSET: no
message is sent. Without a login it may be begun in the clear, where the server offers no TLS.
"""

from __future__ import annotations

import asyncio

from relay.checks.own_server.handshake import strict, tls_session
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Hello, Reach, Said, Seen, Speaks, spoken
from relay.checks.own_server.talk import dial, first_octets, greet, outcome, read_greeting, say
from relay.net.auth import login, plain, xoauth2
from relay.net.session import Session
from relay.net.smtp import reason
from relay.net.wire import Broken


async def sign_in(seen: Seen, question: Question, ends_at: float) -> None:
    """Note in ``seen`` what the server says to the user name and the password, and then to the envelope; nothing where
    they are not to be said. Not answered by ``ends_at`` (the loop's time): a reply with the code 0."""
    if not may_try(seen, question):
        return
    try:
        async with asyncio.timeout_at(ends_at):
            await try_in_session(seen, question)
    except TimeoutError:
        note(seen, question, Said(0, "", "no answer in time"))
    except (OSError, ValueError) as error:
        note(seen, question, Said(0, "", reason(error)))
    except Broken as broken:
        note(seen, question, Said(broken.code, broken.enhanced, broken.text))


def may_try(seen: Seen, question: Question) -> bool:
    """True where there is something to say and the server may hear it."""
    if question.credentials is not None:
        return seen.works(question.ways)
    return bool(question.mail_from) and (seen.works(()) or in_the_clear(seen))


def in_the_clear(seen: Seen) -> bool:
    """True for a server that speaks SMTP and offers no TLS."""
    return seen.reach is Reach.OPEN and seen.before is not None and not seen.starttls


def note(seen: Seen, question: Question, said: Said) -> None:
    """What ended the session early, as the answer to what was to be answered next."""
    if question.credentials is not None and seen.login is None:
        seen.login = said
    elif question.mail_from and seen.from_reply is None:
        seen.from_reply = said
    elif question.mail_from and seen.to_reply is None:
        seen.to_reply = said


async def try_in_session(seen: Seen, question: Question) -> None:
    """Connect again, verify, sign in, ask. Raises OSError, ValueError, `Broken`."""
    session = await session_for(seen, question)
    try:
        if seen.implicit_tls or in_the_clear(seen):
            if spoken(await first_octets(session.wire, session.client.timeouts.greeting)) is not Speaks.SMTP:
                return
            await read_greeting(session)
        hello = await greet(session)
        if question.credentials is not None:
            seen.login = await answered(session, hello)
        if question.mail_from and (question.credentials is None or seen.signed_in):
            await ask_envelope(session, seen, question)
    finally:
        session.close()


async def session_for(seen: Seen, question: Question) -> Session:
    """A connection: inside verified TLS where the server has TLS. Raises OSError, ValueError, `Broken`."""
    if in_the_clear(seen):
        return Session(await dial(seen, question), seen.endpoint, question.client)
    return await tls_session(seen, question, strict(question))


async def answered(session: Session, hello: Hello | None) -> Said | None:
    """The reply to AUTH with the first mechanism that we know (RFC 4954 4); None when there is none any more."""
    credentials = session.client.credentials
    assert credentials is not None
    ways = (("XOAUTH2", xoauth2),) if credentials.token else (("PLAIN", plain), ("LOGIN", login))
    for mechanism, exchange in ways:
        if hello is not None and mechanism in hello.mechanisms:
            return await outcome(exchange(session, credentials))
    return None


async def ask_envelope(session: Session, seen: Seen, question: Question) -> None:
    """MAIL and RCPT, taken back with RSET (RFC 5321 4.1.1.5): nothing becomes of it."""
    seen.from_reply = await say(session, f"MAIL FROM:<{question.mail_from}>")
    if 200 <= seen.from_reply.code < 300:
        seen.to_reply = await say(session, f"RCPT TO:<{question.rcpt_to}>")
        await say(session, "RSET")
    await session.quit()

"""Looking at one port: step by step, into a `Seen`, within the time there is.

1. `listen`: who speaks first? A server for implicit TLS says nothing until TLS begins, so after a silence the beginning
   of TLS is tried on a second connection, while the first goes on waiting for a late greeting.
2. `in_the_clear`: EHLO, STARTTLS where it is offered, the handshake that verifies.
3. `in_tls`: the same for implicit TLS.
4. `examine`: where that handshake failed, another that verifies nothing, to see the certificate. Nothing secret is said
   there.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

from relay.checks.own_server.handshake import answer_to_tls, lax, strict, tls_seen, tls_session, trouble_of
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Reach, Seen, Speaks, TlsTrouble, spoken
from relay.checks.own_server.talk import dial, first_octets, greet, reached, read_greeting, say
from relay.net.client import Endpoint
from relay.net.session import Session
from relay.net.wire import Broken, Wire

IMPLICIT_PORTS = frozenset({465})  # where TLS is expected at once (RFC 8314 3.3); elsewhere after a silence
TROUBLE = (OSError, ValueError, Broken)


async def look(port: int, addresses: Sequence[str], question: Question, ends_at: float) -> list[Seen]:
    """A port of each address, until ``ends_at`` (the loop's time)."""
    seen = [Seen(Endpoint(question.host, address, port)) for address in addresses]
    await asyncio.gather(*(look_at(each, question, ends_at) for each in seen))
    return seen


async def look_at(seen: Seen, question: Question, ends_at: float) -> None:
    """One port of one address."""
    try:
        async with asyncio.timeout_at(ends_at):
            await connect(seen, question)
            seen.over = True
    except TimeoutError:
        pass  # what was seen stands


async def connect(seen: Seen, question: Question) -> None:
    """Dial and go on."""
    try:
        wire = await dial(seen, question)
    except OSError as error:
        seen.reach = reached(error)
        return
    seen.reach = Reach.OPEN
    try:
        await listen(seen, wire, question)
        if seen.implicit_tls:
            wire.close()
            await in_tls(seen, question)
        elif seen.speaks is Speaks.SMTP:
            await in_the_clear(seen, Session(wire, seen.endpoint, question.client), question)
    finally:
        wire.close()


async def listen(seen: Seen, wire: Wire, question: Question) -> None:
    """Which protocol, and whether it begins with TLS."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    seen.heard = await first_octets(wire, 0 if seen.endpoint.port in IMPLICIT_PORTS else question.silence)
    if not seen.heard and not wire.ended:
        hearing = asyncio.create_task(first_octets(wire, question.greeting))
        trying = asyncio.create_task(answer_to_tls(seen, question))
        try:
            seen.heard = await first_of(hearing, trying)
        finally:
            hearing.cancel()
            trying.cancel()
    seen.waited = loop.time() - began
    seen.speaks = spoken(seen.heard)
    seen.implicit_tls = seen.speaks is Speaks.TLS and not wire.buffer
    if not seen.heard and wire.ended:
        seen.reach = Reach.RESET


async def first_of(hearing: asyncio.Task[bytes], trying: asyncio.Task[bytes]) -> bytes:
    """What the server said by itself, or the answer to TLS, unless that only was a late greeting."""
    await asyncio.wait({hearing, trying}, return_when=asyncio.FIRST_COMPLETED)
    if not hearing.done() and spoken(trying.result()) not in {Speaks.SMTP, Speaks.NOTHING}:
        return trying.result()
    return await hearing


async def in_the_clear(seen: Seen, session: Session, question: Question) -> None:
    """From the greeting to what is offered inside TLS."""
    seen.greeting = await read_greeting(session)
    if seen.greeting.code != 220:
        return
    seen.before = await greet(session)
    if seen.before is None:
        seen.speaks = Speaks.OTHER  # a greeting like that has FTP too
    if not seen.starttls:
        return
    seen.starttls_reply = await say(session, "STARTTLS")
    if seen.starttls_reply.code != 220:
        return
    seen.injected = bytes(session.wire.buffer)  # RFC 3207 4: nothing may follow before TLS
    try:
        await session.wire.start_tls(strict(question), seen.endpoint.host, question.client.timeouts.tls)
    except TROUBLE as error:
        await examine(seen, question, error)
        return
    await inside(seen, session, verified=True)


async def in_tls(seen: Seen, question: Question) -> None:
    """Implicit TLS."""
    seen.speaks = Speaks.NOTHING
    try:
        wire = await dial(seen, question, strict(question))
    except TROUBLE as error:
        await examine(seen, question, error)
        return
    try:
        await inside(seen, Session(wire, seen.endpoint, question.client), verified=True)
    finally:
        wire.close()


async def examine(seen: Seen, question: Question, error: Exception) -> None:
    """Note what is wrong with TLS, and look at it once more without checking anything."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    seen.trouble = TlsTrouble(trouble_of(error), code)
    try:
        session = await tls_session(seen, question, lax())
    except TROUBLE:
        return
    try:
        await inside(seen, session, verified=False)
    finally:
        session.close()


async def inside(seen: Seen, session: Session, verified: bool) -> None:
    """The certificate, and what is offered inside TLS."""
    seen.tls = tls_seen(session.wire)
    seen.verified = verified
    if seen.implicit_tls:
        loop = asyncio.get_running_loop()
        began = loop.time()
        seen.heard = await first_octets(session.wire, session.client.timeouts.greeting)
        seen.waited = loop.time() - began
        seen.speaks = spoken(seen.heard)
        if seen.speaks is not Speaks.SMTP:
            return
        seen.greeting = await read_greeting(session)
        if seen.greeting.code != 220:
            return
    seen.after = await greet(session)

"""Outgoing SMTP, step by step (RFC 5321, RFC 3207, RFC 4954).

1. `connect` dials and, for implicit TLS (RFC 8314), shakes hands first; `greet` reads the greeting.
2. `hello` says EHLO, or HELO to a server that does not know it, and notes the extensions.
3. `secure` starts TLS as `relay.mail.route.TlsMode` has it, forgets what was learnt in the clear, and says EHLO again.
   Opportunistic: when the handshake fails, `open_session` begins anew with a new connection in the clear (RFC 7435 4).
   Required: without a certificate that verifies nothing more is said, and the mail waits.
4. `relay.net.auth.sign_in` authenticates when there are credentials, and only after the certificate was verified.
5. `Session.send` runs one mail transaction (`relay.net.transaction.hand_in`, `conclude`), as often as the caller likes.
6. `Session.quit` says goodbye.

What a server says or fails to say is never an exception to the caller: `open_session` returns the session or what it
came to, `Session.send` an outcome a recipient. Within this package `Broken` carries bad news up to those two. Each wait
has a limit (`relay.net.client.Timeouts`); memory is bounded whatever the server sends (`relay.net.wire`).
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import Any

from relay.mail.delivery import Answer, Deferred, Failed, LoginRefused
from relay.mail.route import TlsMode
from relay.net.auth import NotSignedIn, sign_in
from relay.net.client import Client, Endpoint
from relay.net.reply import RemoteReply
from relay.net.session import Session
from relay.net.wire import Broken, Wire


class Refused(Broken):
    """The remote said no before any transaction, in words that count."""


class TlsBroken(Broken):
    """The handshake failed, or the certificate is not to be trusted."""


async def open_session(endpoint: Endpoint, client: Client) -> Session | Deferred | Failed:
    """A session that is ready for `Session.send`, or what the try came to."""
    try:
        async with asyncio.timeout(client.timeouts.total):
            return await prepared(endpoint, client)
    except TlsBroken as broken:
        if client.tls is TlsMode.OPPORTUNISTIC:
            return await open_session(endpoint, replace(client, tls=TlsMode.NONE))
        return Deferred(answer_of(broken, endpoint))
    except Refused as refused:
        kind = Failed if refused.code >= 500 else Deferred
        return kind(answer_of(refused, endpoint))
    except NotSignedIn as refused:
        return LoginRefused(answer_of(refused, endpoint))
    except Broken as broken:
        return Deferred(answer_of(broken, endpoint))
    except TimeoutError:
        return Deferred(Answer("the remote took too long to get ready", 0, "4.4.2", str(endpoint)))


def answer_of(broken: Broken, endpoint: Endpoint) -> Answer:
    """Bad news as it is recorded."""
    return Answer(broken.text, broken.code, broken.enhanced, str(endpoint))


async def prepared(endpoint: Endpoint, client: Client) -> Session:
    """Steps 1 to 4. Raises `Broken`."""
    session = Session(await connect(endpoint, client), endpoint, client)
    try:
        await greet(session)
        await hello(session)
        await secure(session, endpoint.host)
        await sign_in(session)
    except BaseException:
        session.close()
        raise
    return session


async def connect(endpoint: Endpoint, client: Client) -> Wire:
    """Dial. Raises `Broken`."""
    times, options = client.timeouts, dict[str, Any]()
    if client.tls is TlsMode.IMPLICIT:  # RFC 8314 3.3
        options = {"ssl": client.tls_context(), "server_hostname": endpoint.host, "ssl_handshake_timeout": times.tls}
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(times.connect):
            _, wire = await loop.create_connection(Wire, endpoint.address, endpoint.port, **options)
    except TimeoutError:
        raise Broken("4.4.1", f"no connection within {times.connect:g} s") from None
    except ssl.SSLError as error:
        raise TlsBroken("4.7.5", reason(error)) from error
    except (OSError, ValueError) as error:
        raise Broken("4.4.1", reason(error)) from error
    return wire


async def greet(session: Session) -> None:
    """Read the greeting (RFC 5321 4.3.1: 220, or 554 and nothing else). Raises `Broken`."""
    expect(await session.reply("the connection", session.client.timeouts.greeting), 220)


async def hello(session: Session) -> None:
    """EHLO, with HELO for who does not know it (RFC 5321 3.2), and the extensions. Raises `Broken`."""
    name, within = session.client.hostname, session.client.timeouts.helo
    reply = await session.command(f"EHLO {name}", within)
    if reply.code < 500:
        expect(reply, 250)
        session.extensions = extensions(reply)
        return
    session.extensions = {}
    expect(await session.command(f"HELO {name}", within), 250)


def extensions(reply: RemoteReply) -> dict[str, str]:
    """Keywords in upper case with their parameters (RFC 5321 4.1.1.1); the first line is the greeting."""
    pairs = (line.partition(" ") for line in reply.lines[1:])
    return {keyword.upper(): parameters.strip() for keyword, _, parameters in pairs}


async def secure(session: Session, host: str) -> None:
    """STARTTLS where it is wanted and offered (RFC 3207). Raises `Broken`, `TlsBroken` when the handshake fails."""
    client = session.client
    if client.tls in {TlsMode.NONE, TlsMode.IMPLICIT}:
        return
    if "STARTTLS" in session.extensions:
        reply = await session.command("STARTTLS", client.timeouts.helo)
        if reply.code == 220:
            await shake_hands(session, host)
            await hello(session)  # RFC 3207 4.2: only what is said inside TLS counts
            return
        if client.verifies:
            raise Broken("4.7.4", f"TLS is required, but was refused: {reply.text}", reply.code)
    elif client.verifies:
        raise Broken("4.7.4", "TLS is required, but is not offered")


async def shake_hands(session: Session, host: str) -> None:
    """The TLS handshake. Raises `TlsBroken`."""
    client = session.client
    try:
        await session.wire.start_tls(client.tls_context(), host, client.timeouts.tls)
    except (OSError, ValueError) as error:
        raise TlsBroken("4.7.5", f"TLS failed: {reason(error)}") from error


def expect(reply: RemoteReply, code: int) -> None:
    """Raises `Refused` when the remote refuses, `Broken` when it answers something else than ``code``."""
    if reply.code >= 400:
        raise Refused(reply.enhanced, reply.text, reply.code)
    if reply.code != code:
        raise Broken("4.5.0", f"the remote answered {reply.code} where {code} was due")


def reason(error: Exception) -> str:
    """An error of the network in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate does not verify: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__

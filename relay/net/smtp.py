"""Outgoing SMTP, step by step (RFC 5321, RFC 3207, RFC 4954).

1. `connect` dials and, for implicit TLS (RFC 8314), shakes hands first; `greet` reads the greeting.
2. `hello` says EHLO, or HELO to a server that does not know it, and notes the extensions.
3. `secure` starts TLS as `relay.mail.route.TlsMode` has it, forgets what was learnt in the clear, and says EHLO again.
   Opportunistic: when the handshake fails, `open_session` begins anew with a new connection in the clear (RFC 7435 4).
   Required: without a certificate that verifies, by an authority or by TLSA records (RFC 7672), nothing more is said,
   and the mail waits.
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
from datetime import UTC, datetime
from typing import Any

from relay.mail.conversation import Side
from relay.mail.delivery import Answer, Deferred, Failed, LoginRefused, Unprotected
from relay.mail.route import TlsMode
from relay.mail.tls_report import TlsFault
from relay.net.auth import NotSignedIn, sign_in
from relay.net.chain import chain_of
from relay.net.client import Client, Endpoint
from relay.net.conversation import hear
from relay.net.reply import RemoteReply
from relay.net.session import Session
from relay.net.wire import Broken, Wire

# OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_HOSTNAME_MISMATCH
CERTIFICATE_FAULTS = {10: TlsFault.EXPIRED, 62: TlsFault.HOST_MISMATCH}


class Refused(Broken):
    """The remote said no before any transaction, in words that count."""


class TlsBroken(Broken):
    """There is no TLS, or the certificate is not to be trusted: ``fault`` says which."""

    def __init__(self, enhanced: str, text: str, code: int = 0, fault: TlsFault = TlsFault.VALIDATION) -> None:
        super().__init__(enhanced, text, code)
        self.fault = fault
        self.sending = ""


async def open_session(endpoint: Endpoint, client: Client) -> Session | Deferred | Failed:
    """A session that is ready for `Session.send`, or what the try came to."""
    try:
        async with asyncio.timeout(client.timeouts.total):
            return await prepared(endpoint, client)
    except TlsBroken as broken:
        if client.tls is TlsMode.OPPORTUNISTIC:
            return await open_session(endpoint, replace(client, tls=TlsMode.NONE))
        return Unprotected(answer_of(broken, endpoint), broken.fault, broken.sending)
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
    if not broken.code:  # else it was heard as a reply
        hear(Side.NOTE, f"{endpoint}: {broken.text}")
    return Answer(broken.text, broken.code, broken.enhanced, str(endpoint))


async def prepared(endpoint: Endpoint, client: Client) -> Session:
    """Steps 1 to 4. Raises `Broken`."""
    session = Session(await connect(endpoint, client), endpoint, client)
    sending = session.wire.own_address()
    try:
        await greet(session)
        await hello(session)
        await secure(session, endpoint.host)
        await sign_in(session)
    except TlsBroken as broken:
        broken.sending = sending
        session.close()
        raise
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
        raise TlsBroken("4.7.5", reason(error), fault=fault_of(error)) from error
    except (OSError, ValueError) as error:
        raise Broken("4.4.1", reason(error)) from error
    hear(Side.NOTE, f"connected to {endpoint} {wire.tls()}".rstrip())
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
            hear(Side.NOTE, session.tls)
            await hello(session)  # RFC 3207 4.2: only what is said inside TLS counts
            return
        if client.encrypts:
            refusal = f"TLS is required, but was refused: {reply.text}"
            raise TlsBroken("4.7.4", refusal, reply.code, TlsFault.NO_STARTTLS)
    elif client.encrypts:
        raise TlsBroken("4.7.4", "TLS is required, but is not offered", fault=TlsFault.NO_STARTTLS)


async def shake_hands(session: Session, host: str) -> None:
    """The TLS handshake, and the certificates against TLSA records where there are some. Raises `TlsBroken`."""
    client, dane = session.client, session.client.dane
    try:
        await session.wire.start_tls(client.tls_context(), dane.names[0] if dane else host, client.timeouts.tls)
    except (OSError, ValueError) as error:
        raise TlsBroken("4.7.5", f"TLS failed: {reason(error)}", fault=fault_of(error)) from error
    if dane and (fault := dane.fault(chain_of(session.wire), datetime.now(UTC))):
        raise TlsBroken("4.7.5", f"the certificate is not that of the TLSA records of {dane.names[0]}", fault=fault)


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


def fault_of(error: Exception) -> TlsFault:
    """Why a handshake failed, as reports name it."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return TlsFault.VALIDATION
    return CERTIFICATE_FAULTS.get(error.verify_code, TlsFault.NOT_TRUSTED)

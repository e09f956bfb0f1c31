"""TLS as the relay wants it, and TLS as a server has it, however bad."""

from __future__ import annotations

import contextlib
import ssl

from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Seen, TlsSeen
from relay.checks.own_server.talk import dial, first_octets, greet, read_greeting
from relay.net.client import tls_context
from relay.net.session import Session
from relay.net.smtp import expect, reason
from relay.net.wire import Broken, Wire


async def answer_to_tls(seen: Seen, question: Question) -> bytes:
    """What the server answers, on a connection of its own, to the beginning of TLS; nothing when it hangs up."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        shaking = lax().wrap_bio(incoming, outgoing, server_hostname=seen.endpoint.host)
        with contextlib.suppress(ssl.SSLWantReadError):
            shaking.do_handshake()
        wire = await dial(seen, question)
    except (OSError, ValueError):
        return b""
    try:
        wire.write(outgoing.read())
        return await first_octets(wire, question.greeting)
    except Broken:
        return b""
    finally:
        wire.close()


async def tls_session(seen: Seen, question: Question, context: ssl.SSLContext) -> Session:
    """A new connection, up to the handshake. Raises OSError, ValueError, `Broken`."""
    if seen.implicit_tls:
        return Session(await dial(seen, question, context), seen.endpoint, question.client)
    session = Session(await dial(seen, question), seen.endpoint, question.client)
    try:
        await read_greeting(session)
        await greet(session)
        expect(await session.command("STARTTLS", session.client.timeouts.helo), 220)
        await session.wire.start_tls(context, seen.endpoint.host, question.client.timeouts.tls)
    except BaseException:
        session.close()
        raise
    return session


def tls_seen(wire: Wire) -> TlsSeen:
    """What a TLS session is made of."""
    assert wire.transport is not None
    tls: ssl.SSLObject = wire.transport.get_extra_info("ssl_object")
    cipher = tls.cipher()
    return TlsSeen(tls.version() or "", cipher[0] if cipher else "", tls.getpeercert(True) or b"", chain_of(tls))


def chain_of(tls: ssl.SSLObject) -> tuple[bytes, ...] | None:
    """The certificates as they were sent. `ssl` tells them since Python 3.13; before, what it is made of does."""
    source = tls if hasattr(tls, "get_unverified_chain") else getattr(tls, "_sslobj", None)
    tell = getattr(source, "get_unverified_chain", None)
    if tell is None:
        return None
    return tuple(each if isinstance(each, bytes) else ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in tell())


def strict(question: Question) -> ssl.SSLContext:
    """The context that the relay delivers with. Raises OSError where the file of authorities cannot be read."""
    return tls_context(True, question.ca_file)


def lax() -> ssl.SSLContext:
    """A context that takes anything, however old, to look at it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def trouble_of(error: Exception) -> str:
    """Why a handshake failed, in a few words; OpenSSL's library and line left out."""
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLCertVerificationError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return reason(error)

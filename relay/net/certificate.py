"""The certificates that a mail server presents after STARTTLS, unverified: for comparison with TLSA records."""

from __future__ import annotations

import ssl
from typing import Any

from relay.mail.delivery import Deferred, Failed
from relay.net.client import Client, Endpoint
from relay.net.smtp import open_session
from relay.net.wire import Wire

DER = 2  # ssl's ENCODING_DER, which has no public name


async def presented(endpoint: Endpoint, client: Client) -> tuple[bytes, ...] | Deferred | Failed:
    """The chain as DER, the server's own first; none when the session is in the clear, or what the try came to."""
    session = await open_session(endpoint, client)
    if isinstance(session, Deferred | Failed):
        return session
    try:
        return chain_of(session.wire)
    finally:
        await session.quit()


def chain_of(wire: Wire) -> tuple[bytes, ...]:
    """What came in the handshake. Before Python 3.13 only the inner object of ssl knows more than the first."""
    tls: Any = wire.transport.get_extra_info("ssl_object") if wire.transport else None
    if not isinstance(tls, ssl.SSLObject | ssl.SSLSocket):
        return ()
    if hasattr(tls, "get_unverified_chain"):
        return tuple(tls.get_unverified_chain())
    inner: Any = getattr(tls, "_sslobj", None)
    if hasattr(inner, "get_unverified_chain"):
        return tuple(certificate.public_bytes(DER) for certificate in inner.get_unverified_chain())
    own = tls.getpeercert(binary_form=True)
    return (own,) if own else ()

"""The certificates that a mail server presents after STARTTLS, unverified: for comparison with TLSA records."""

from __future__ import annotations

from relay.mail.delivery import Deferred, Failed
from relay.net.chain import chain_of
from relay.net.client import Client, Endpoint
from relay.net.smtp import open_session


async def presented(endpoint: Endpoint, client: Client) -> tuple[bytes, ...] | Deferred | Failed:
    """The chain as DER, the server's own first; none when the session is in the clear, or what the try came to."""
    session = await open_session(endpoint, client)
    if isinstance(session, Deferred | Failed):
        return session
    try:
        return chain_of(session.wire)
    finally:
        await session.quit()

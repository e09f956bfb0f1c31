"""Signing in to a remote server: AUTH PLAIN and LOGIN (RFC 4954)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from relay.net.wire import Broken

if TYPE_CHECKING:
    from relay.net.client import Credentials
    from relay.net.reply import RemoteReply
    from relay.net.session import Session


async def sign_in(session: Session) -> None:
    """AUTH PLAIN or LOGIN (RFC 4954, RFC 4616). Refused or impossible, the mail waits: a mended password frees it.
    Raises `Broken`."""
    credentials = session.client.credentials
    if credentials is None:
        return
    if not session.client.verifies:
        raise Broken("4.7.11", "the password is only sent where the certificate is verified")
    mechanisms = session.extensions.get("AUTH", "").upper().split()
    if "PLAIN" in mechanisms:
        reply = await plain(session, credentials)
    elif "LOGIN" in mechanisms:
        reply = await login(session, credentials)
    else:
        raise Broken("4.7.0", "the remote offers no way to sign in that we know")
    if reply.code != 235:
        raise Broken(reply.enhanced, f"signing in was refused: {reply.text}", reply.code)


async def plain(session: Session, credentials: Credentials) -> RemoteReply:
    """AUTH PLAIN with an initial response (RFC 4616 2). Raises `Broken`."""
    response = encoded(f"\0{credentials.username}\0{credentials.password}")
    return await session.command(f"AUTH PLAIN {response}", session.client.timeouts.helo)


async def login(session: Session, credentials: Credentials) -> RemoteReply:
    """AUTH LOGIN: user name and password, each when asked. Raises `Broken`."""
    within = session.client.timeouts.helo
    reply = await session.command("AUTH LOGIN", within)
    for secret in (credentials.username, credentials.password):
        if reply.code != 334:
            return reply
        session.say(encoded(secret))
        reply = await session.reply("AUTH", within)
    return reply


def encoded(text: str) -> str:
    """Base64, as SASL wants it."""
    return base64.b64encode(text.encode("utf-8")).decode("ascii")

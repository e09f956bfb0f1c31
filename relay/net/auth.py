"""Signing in to a remote server: AUTH PLAIN, LOGIN and XOAUTH2 (RFC 4954)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from relay.net.wire import Broken

if TYPE_CHECKING:
    from relay.net.client import Credentials
    from relay.net.reply import RemoteReply
    from relay.net.session import Session


class NotSignedIn(Broken):
    """The remote refused the login for good: trying again does not help before it is mended."""


async def sign_in(session: Session) -> None:
    """Sign in with what there is (RFC 4954). Refused or impossible, the mail waits: a mended password frees it. Raises
    `NotSignedIn`, or `Broken` where it may go better the next time."""
    credentials = session.client.credentials
    if credentials is None:
        return
    if not session.client.verifies:
        raise Broken("4.7.11", "the password is only sent where the certificate is verified")
    offered = session.extensions.get("AUTH", "").upper().split()
    ways = {"XOAUTH2": xoauth2} if credentials.token else {"PLAIN": plain, "LOGIN": login}
    way = next((ways[mechanism] for mechanism in ways if mechanism in offered), None)
    if way is None:
        raise Broken("4.7.0", "the remote offers no way to sign in that we know")
    reply = await way(session, credentials)
    if reply.code != 235:
        kind = NotSignedIn if reply.code >= 500 else Broken  # RFC 4954 6: 454 and other 4xx are temporary
        raise kind(reply.enhanced, f"signing in was refused: {reply.text}", reply.code)


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


async def xoauth2(session: Session, credentials: Credentials) -> RemoteReply:
    """AUTH XOAUTH2, as Google and Microsoft describe it. A refusal begins with a 334 that holds JSON; after an empty
    line comes the reply that counts. Raises `Broken`."""
    within = session.client.timeouts.helo
    response = encoded(f"user={credentials.username}\1auth=Bearer {credentials.token}\1\1")
    reply = await session.command(f"AUTH XOAUTH2 {response}", within)
    if reply.code == 334:
        reply = await session.command("", within)
    return reply


def encoded(text: str) -> str:
    """Base64, as SASL wants it."""
    return base64.b64encode(text.encode("utf-8")).decode("ascii")

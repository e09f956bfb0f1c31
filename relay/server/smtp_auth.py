"""AUTH: PLAIN (RFC 4616) and LOGIN, the dialogue of RFC 4954. Nothing of the client's is ever logged or repeated here.

1. `authenticate` checks that AUTH may be said now and picks the mechanism.
2. The mechanism asks for what it needs and returns `Credentials`, or the reply that ends the dialogue.
3. `sign_in` asks the desk; every failure costs the client more time, and the last one the connection.
"""

from __future__ import annotations

import asyncio
import binascii
import logging
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from relay.server.smtp_commands import HELO_FIRST, reply

if TYPE_CHECKING:
    from relay.server.smtp_contract import Desk
    from relay.server.smtp_session import Session

log = logging.getLogger("relay.smtp")

SIGNED_IN = reply(235, "2.7.0", "signed in")
WRONG = reply(535, "5.7.8", "username or password is wrong")
CANCELLED = reply(501, "5.7.0", "authentication cancelled")  # RFC 4954 4
NOT_BASE64 = reply(501, "5.5.2", "cannot read that")
TOO_LONG = reply(500, "5.5.6", "authentication exchange line is too long")
NO_MECHANISM = reply(504, "5.5.4", "only PLAIN and LOGIN are supported")
SYNTAX = reply(501, "5.5.4", "say AUTH mechanism, with at most one initial response")
ALREADY = reply(503, "5.5.1", "signed in already")
IN_TRANSACTION = reply(503, "5.5.1", "not during a mail transaction")
NEEDS_EXTENDED = reply(503, "5.5.1", "say EHLO first")
NOT_HERE = reply(502, "5.5.1", "mail comes in here; apps hand theirs in on another port")
NEEDS_TLS = reply(538, "5.7.11", "encryption required: say STARTTLS first")
TOO_MANY_FAILURES = reply(421, "4.7.0", "too many failed attempts to sign in")

LONGEST_EXCHANGE = 12_288  # RFC 4954 4
ASK_NOTHING = b"334 \r\n"
ASK_USERNAME = b"334 VXNlcm5hbWU6\r\n"
ASK_PASSWORD = b"334 UGFzc3dvcmQ6\r\n"


class Dialogue(Protocol):
    """What AUTH needs of a connection."""

    session: Session
    desk: Desk

    async def ask(self, challenge: bytes) -> bytes:
        """Say something and wait for a line. Raises ConnectionError when the client has gone."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who somebody claims to be. The secret never shows in a repr."""

    username: str
    secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, ...)"


async def authenticate(dialogue: Dialogue, argument: bytes) -> bytes:
    """The AUTH command, from its argument to its last reply."""
    words = argument.split()
    if problem := not_now(dialogue.session, words):
        return problem
    mechanism = MECHANISMS.get(words[0].upper())
    if mechanism is None:
        return NO_MECHANISM
    found = await mechanism(dialogue, words[1] if len(words) == 2 else None)
    return found if isinstance(found, bytes) else await sign_in(dialogue, found)


def not_now(session: Session, words: list[bytes]) -> bytes:
    """The reply when AUTH cannot be said now or not so, or nothing."""
    if session.settings.reception is not None:
        return NOT_HERE
    if not session.helo:
        return HELO_FIRST
    if not session.extended:
        return NEEDS_EXTENDED
    if not session.may_sign_in:
        if len(words) == 2:
            log.warning("credentials sent in the clear ip=%s: change that password", session.address)
        return NEEDS_TLS
    if session.tenant is not None:
        return ALREADY
    if session.transaction is not None:
        return IN_TRANSACTION
    return b"" if len(words) in {1, 2} else SYNTAX


async def plain(dialogue: Dialogue, initial: bytes | None) -> Credentials | bytes:
    """PLAIN: ``authzid NUL authcid NUL password`` in UTF-8; acting for somebody else is not possible."""
    text = read_response(await dialogue.ask(ASK_NOTHING) if initial is None else initial)
    if isinstance(text, bytes):
        return text
    parts = text.split("\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        return NOT_BASE64
    authzid, username, secret = parts
    return Credentials("" if authzid not in {"", username} else username, secret)


async def login(dialogue: Dialogue, initial: bytes | None) -> Credentials | bytes:
    """LOGIN: two questions; the username may come along."""
    username = read_response(await dialogue.ask(ASK_USERNAME) if initial is None else initial)
    if isinstance(username, bytes):
        return username
    secret = read_response(await dialogue.ask(ASK_PASSWORD))
    return secret if isinstance(secret, bytes) else Credentials(username, secret)


MECHANISMS = {b"PLAIN": plain, b"LOGIN": login}


def read_response(line: bytes) -> str | bytes:
    """A response as text, or the reply that ends the dialogue."""
    if len(line) > LONGEST_EXCHANGE + 2:
        return TOO_LONG
    word = line.rstrip(b"\r\n")
    if word == b"*":
        return CANCELLED
    if word == b"=":
        return ""  # RFC 4954 4: an empty initial response
    try:
        return b64decode(word, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return NOT_BASE64


async def sign_in(dialogue: Dialogue, credentials: Credentials) -> bytes:
    """Ask the desk. What cannot be right is not asked for, but takes as long to be refused."""
    session = dialogue.session
    username, secret = credentials.username, credentials.secret
    if username and "\0" not in username + secret:
        session.tenant = await dialogue.desk.sign_in(username, secret, session.address)
    if session.tenant is not None:
        session.login = username
        return SIGNED_IN
    session.auth_failures += 1
    await asyncio.sleep(session.settings.auth_delay * session.auth_failures)
    if session.auth_failures >= session.settings.auth_failures:
        session.closing = True
        return TOO_MANY_FAILURES
    return WRONG

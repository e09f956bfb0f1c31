"""The submission protocol (RFC 6409) on a connection: one command loop, most commands answered at once.

1. `converse` takes lines from the inbox until one side has had enough.
2. `obey` looks the command up: `ANSWERS` need no waiting, `DIALOGUES` do (DATA, AUTH, STARTTLS).
3. `counted` ends a session that consists of errors or of nothing.
4. `receive` reads a message, `start_tls` begins anew under TLS.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from relay.mail.reply import Reply
from relay.server import smtp_auth
from relay.server.smtp_auth import authenticate
from relay.server.smtp_commands import (
    ANSWERS,
    GARBLED,
    IDLE_COMMANDS,
    LINE_TOO_LONG,
    LONGEST,
    OUT_OF_STEP,
    RECIPIENT_OK,
    TOO_MANY_ERRORS,
    TOO_MANY_IDLE_COMMANDS,
    UNKNOWN,
    reply,
)
from relay.server.smtp_connection import CLOSE_WITHIN, Gone, SmtpConnection
from relay.server.smtp_data import GO_AHEAD, data
from relay.server.tls import describe_tls

if TYPE_CHECKING:
    from relay.server.data import DataReader

log = logging.getLogger("relay.smtp")

CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
INTERNATIONAL = frozenset({b"MAIL", b"RCPT"})  # RFC 6531 3.1: what may hold more than ASCII
CLIENT_HELLO = b"\x16"  # RFC 8446 5.1: a TLS handshake record
LONGEST_COMMAND = 512  # octets with CRLF: RFC 5321 4.5.3.1.4
FLUSH_AT = 16 * 1024
NO_DATA = frozenset({b"500", b"501", b"503", b"530"})  # that DATA could not begin

READY_FOR_TLS = reply(220, "2.0.0", "ready to start TLS")
NO_TLS = reply(502, "5.5.1", "STARTTLS is not offered here")
ALREADY_TLS = reply(503, "5.5.1", "TLS is active already")
TLS_TOO_LATE = reply(503, "5.5.1", "not during a mail transaction")
TLS_SYNTAX = reply(501, "5.5.4", "STARTTLS takes no argument")


class SubmissionProtocol(SmtpConnection):
    """A connection to a submission listener."""

    async def converse(self) -> None:
        """Take commands until one side has had enough."""
        session, inbox = self.session, self.inbox
        while not session.closing and not self.farewell:
            if inbox.buffer.startswith(CLIENT_HELLO):
                return  # implicit TLS on a port without: no reply would be understood
            line = inbox.line()
            if line is None:
                if not await self.wait():
                    return
                continue
            self.say(await self.obey(line))
            self.heard_at = self.loop.time()
            if len(self.out) > FLUSH_AT:
                await self.flush()

    async def obey(self, line: bytes) -> bytes:
        """The reply to one command line."""
        text = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        verb, _, argument = text.partition(b" ")
        verb, argument = verb.upper(), argument.strip(b" ")
        if len(line) > LONGEST.get(verb, LONGEST_COMMAND):
            return self.counted(verb, smtp_auth.TOO_LONG if verb == b"AUTH" else LINE_TOO_LONG)
        if CONTROL.search(text) or not (text.isascii() or verb in INTERNATIONAL) or self.is_bare(line):
            return self.counted(verb, GARBLED)
        try:
            if (answer := ANSWERS.get(verb)) is not None:
                said = answer(self.session, argument)
                if said is RECIPIENT_OK and self.settings.reception is not None:
                    said = await self.settings.reception.recipient(self.session)
                elif said is RECIPIENT_OK and self.settings.recipient_check is not None:
                    return await self.settings.recipient_check.reply(self.session)  # no error of the client's
            elif (dialogue := DIALOGUES.get(verb)) is not None:
                said = await dialogue(self, argument)
            else:
                said = UNKNOWN
        except Gone:
            raise
        except Exception as error:  # noqa: BLE001 - the border: a defect costs one reply, not the session
            said = (await self.handle_exception(error)).encode("ascii") + b"\r\n"
        return self.counted(verb, said)

    def is_bare(self, line: bytes) -> bool:
        """True when a line that ends in LF alone is none here (RFC 5321 2.3.8)."""
        return self.settings.bare_newline == "reject" and not line.endswith(b"\r\n")

    def counted(self, verb: bytes, said: bytes) -> bytes:
        """The reply, unless the client has tried our patience. That a message was refused does not count."""
        session, settings = self.session, self.settings
        if verb == b"DATA" and said[:3] in NO_DATA and self.inbox.buffer:
            session.closing = True  # RFC 2920 3.1: what follows is no command but the message, sent unasked
            return OUT_OF_STEP
        if said[:1] == b"5" and (verb != b"DATA" or said[:3] in NO_DATA):
            session.errors += 1
            if session.errors >= settings.errors:
                session.closing = True
                return TOO_MANY_ERRORS
        elif verb in IDLE_COMMANDS:
            session.idle_commands += 1
            if session.idle_commands > settings.idle_commands:
                session.closing = True
                return TOO_MANY_IDLE_COMMANDS
            if verb in {b"EHLO", b"HELO"} and self.inbox.buffer:  # RFC 2920 3.1: the last command of a group
                session.closing = True
                return OUT_OF_STEP
        return said

    async def handle_exception(self, error: Exception) -> str:
        """The reply to a defect: temporary, with a reference to the log and nothing about the cause."""
        reference = secrets.token_hex(4)
        log.error("defect reference=%s ip=%s", reference, self.session.address, exc_info=error)
        return Reply(451, "4.3.0", (f"local error, please try again later; reference {reference}",)).text

    async def receive(self, reader: DataReader) -> bool:
        """Say 354 and feed the reader until the message ends: True then, False when it is far too large."""
        self.say(GO_AHEAD)
        self.reader = reader
        self.data_at = self.heard_at = self.loop.time()
        self._reset_timeout(min(self.settings.data_grace_for, self.settings.idle_for))
        try:
            return await self.fill(reader)
        except Exception:
            self.session.closing = True  # where the message ends is not known any more
            raise
        finally:
            self.reader = None

    async def fill(self, reader: DataReader) -> bool:
        """Feed the reader from the inbox until the message ends or is far too large. Raises Gone."""
        while not reader.overrun:
            if not self.inbox.buffer and not await self.wait():
                raise Gone
            rest = reader.feed(self.inbox.take())
            self.heard_at = self.loop.time()
            if rest is not None:
                self.inbox.put_back(rest)
                return True
        return False

    async def start_tls(self, argument: bytes) -> bytes:
        """STARTTLS (RFC 3207): everything said in the clear before is forgotten, read or not."""
        if argument:
            return TLS_SYNTAX
        if self.session.tls:
            return ALREADY_TLS
        if self.settings.tls != "starttls" or self.settings.context is None:
            return NO_TLS
        if self.session.transaction is not None:
            return TLS_TOO_LATE
        self.say(READY_FOR_TLS)
        await self.flush()
        self.inbox.clear()  # RFC 3207 4.2: nothing sent before the handshake may count after it
        try:
            transport = await self.loop.start_tls(
                self.wire,
                self,
                self.settings.context,
                server_side=True,
                ssl_handshake_timeout=self.settings.handshake_for,
                ssl_shutdown_timeout=CLOSE_WITHIN,
            )
        except OSError as error:
            log.info("handshake failed ip=%s: %s", self.session.address, type(error).__name__)
            self.connection_lost(None)  # the loop has closed it and tells nobody
            raise Gone from None
        if transport is None or self.lost:
            raise Gone
        self.transport = self.inbox.transport = transport
        self.session.begin_again(describe_tls(transport))
        return b""


DIALOGUES: dict[bytes, Callable[[SubmissionProtocol, bytes], Awaitable[bytes]]] = {
    b"DATA": data,
    b"AUTH": authenticate,
    b"STARTTLS": SubmissionProtocol.start_tls,
}

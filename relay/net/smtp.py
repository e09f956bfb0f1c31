"""An outgoing SMTP session, step by step (RFC 5321, RFC 3207, RFC 4954).

1. `open_session` connects (`Session.connect`) and reads the greeting (`Session.greet`): 220, or the server is not for us.
2. `Session.hello` says EHLO, or HELO to a server that does not know it, and notes the extensions.
3. `Session.secure` starts TLS as `relay.mail.route.TlsMode` has it, forgets what came before it, and says EHLO again.
   Opportunistic: when the handshake fails, `open_session` begins anew with a new connection in the clear (RFC 7435 4).
   Required: without a certificate that verifies nothing more is said, and the mail waits.
4. `Session.sign_in` authenticates when there are credentials, and only where the certificate was verified.
5. `Session.send` runs one mail transaction (`relay.net.transaction`), as often as the caller likes.
6. `Session.quit` says goodbye.

What a server says or does not say is never an exception to the caller: `open_session` returns the session or what it came
to, `send` returns an outcome a recipient. Within this package `Broken` and `Refused` carry the bad news up to there.
Each wait has a limit (`Timeouts`); all before the final dot together has one too.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Deferred, Delivered, Failed, Outcome
from relay.mail.route import TlsMode
from relay.net.auth import sign_in
from relay.net.reply import RemoteReply, read_reply
from relay.net.transaction import Transaction, run_transaction
from relay.net.wire import Broken, Wire

if TYPE_CHECKING:
    from relay.net.auth import Credentials

GOODBYE = 5.0  # seconds to wait for the answer to QUIT
VERIFIED = frozenset({TlsMode.REQUIRE, TlsMode.IMPLICIT})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait at each stage (RFC 5321 4.5.3.2). ``data`` is for the answer to DATA and for each stretch of the
    message, ``final`` for the answer to the final dot, ``total`` for everything before it."""

    connect: float = 30
    tls: float = 30
    greeting: float = 300
    helo: float = 300
    mail: float = 300
    rcpt: float = 300
    data: float = 180
    final: float = 600
    total: float = 900


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect: ``host`` is the name that the certificate has to have, ``address`` what is dialled."""

    host: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are and how we behave, the same for every session: the name we greet with, TLS, credentials, patience."""

    hostname: str
    tls: TlsMode = TlsMode.OPPORTUNISTIC
    ca_file: str = ""
    credentials: Credentials | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)


class Stage(IntEnum):
    """How far the latest transaction came."""

    ENVELOPE = 1
    MESSAGE = 2
    FINAL_DOT = 3


class Refused(Broken):
    """The session cannot go on because the remote said so, with a code that counts."""


class TlsBroken(Broken):
    """The handshake failed."""

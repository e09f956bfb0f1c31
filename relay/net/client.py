"""How we behave as an SMTP client: whom to dial, who we are, TLS, patience."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from relay.mail.route import TlsMode

if TYPE_CHECKING:
    from relay.mail.dane import Dane

# Forward secrecy, no SHA-1 (RFC 9325 4.2): the same on every machine, whatever its build of Python has for a default.
CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
VERIFIED = frozenset({TlsMode.REQUIRE, TlsMode.IMPLICIT})
ENCRYPTED = VERIFIED | {TlsMode.ENCRYPT}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait at each stage (RFC 5321 4.5.3.2). ``data`` is for the answer to DATA and for each stretch of the
    message, ``final`` for the answer to the final dot, ``total`` for opening a session and again for all of a
    transaction before its final dot."""

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
    """Where to connect: ``host`` is the name that the certificate has to have, ``address`` what is dialled. ``bases``
    are the names below which its TLSA records may be; none where DNSSEC does not vouch for the way here."""

    host: str
    address: str
    port: int
    bases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.host}[{self.address}]:{self.port}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What to sign in to a server with: a password, or an OAuth access token in its place. Never printed."""

    username: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Client:
    """The same for every session: the name we greet with (``hostname``), TLS, credentials, patience. With ``dane`` the
    certificate has to be one of the TLSA records (with `TlsMode.ENCRYPT`); ``policy`` names what asks for that TLS."""

    hostname: str
    tls: TlsMode = TlsMode.OPPORTUNISTIC
    ca_file: str = ""
    credentials: Credentials | None = None
    timeouts: Timeouts = Timeouts()
    dane: Dane | None = None
    policy: str = ""

    @property
    def verifies(self) -> bool:
        """True when a session is only used after the certificate proved whose it is."""
        return self.tls in VERIFIED or (self.tls is TlsMode.ENCRYPT and self.dane is not None)

    @property
    def encrypts(self) -> bool:
        """True when a session is only used with TLS."""
        return self.tls in ENCRYPTED

    def tls_context(self) -> ssl.SSLContext:
        """The TLS context for these settings."""
        return tls_context(self.tls in VERIFIED, self.ca_file)


@cache
def tls_context(verify: bool, ca_file: str) -> ssl.SSLContext:
    """A context that checks the certificate and its name, or one that checks nothing (RFC 7435: encryption without
    authentication beats none). ``ca_file`` holds further authorities. Raises OSError when it cannot be read."""
    context = ssl.create_default_context()
    if verify:
        context.set_ciphers(CIPHERS)
        if ca_file:
            context.load_verify_locations(ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

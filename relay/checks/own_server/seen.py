"""What was seen of a server at one address and port; nothing of it is judged."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from relay.net.client import Endpoint

KNOWN_MECHANISMS = ("PLAIN", "LOGIN")
SIGNED_IN = 235  # RFC 4954 4
MODERN = frozenset({"TLSv1.2", "TLSv1.3"})  # RFC 8996


class Reach(StrEnum):
    """How far a connection came. RESET: it was accepted or answered, and cut off without a word."""

    OPEN = "open"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    RESET = "reset"
    UNREACHABLE = "unreachable"


class Speaks(StrEnum):
    """Which protocol the first octets belong to."""

    SMTP = "smtp"
    HTTP = "http"
    IMAP = "imap"
    POP3 = "pop3"
    SSH = "ssh"
    TLS = "tls"
    OTHER = "other"
    NOTHING = "nothing"


BEGINNINGS = (
    (re.compile(rb"[2-5][0-9]{2}(?:[ \r\n-]|$)"), Speaks.SMTP),
    (re.compile(rb"HTTP/|<(?:!DOCTYPE|html)", re.IGNORECASE), Speaks.HTTP),
    (re.compile(rb"\* (?:OK|BYE|PREAUTH)", re.IGNORECASE), Speaks.IMAP),
    (re.compile(rb"\+OK|-ERR", re.IGNORECASE), Speaks.POP3),
    (re.compile(rb"SSH-"), Speaks.SSH),
    (re.compile(rb"[\x14-\x17]\x03"), Speaks.TLS),  # RFC 8446 5.1: a record of TLS
)


def spoken(octets: bytes) -> Speaks:
    """The protocol that begins like this."""
    if not octets:
        return Speaks.NOTHING
    return next((speaks for beginning, speaks in BEGINNINGS if beginning.match(octets)), Speaks.OTHER)


@dataclass(frozen=True, slots=True)
class Said:
    """A reply, or what came of waiting for one (code 0)."""

    code: int
    enhanced: str
    text: str

    @property
    def line(self) -> str:
        """The reply as it is quoted."""
        return " ".join(word for word in (str(self.code) if self.code else "", self.enhanced, self.text) if word)


@dataclass(frozen=True, slots=True)
class Hello:
    """The answer to EHLO; without ``esmtp`` the server only knew HELO."""

    esmtp: bool
    extensions: dict[str, str]

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The ways to sign in (RFC 4954 3)."""
        return tuple(self.extensions.get("AUTH", "").upper().split())


@dataclass(frozen=True, slots=True)
class TlsSeen:
    """A TLS session: protocol, cipher, and the certificates as the server sent them (DER; the first is its own). The
    chain is None where Python does not tell it."""

    version: str
    cipher: str
    certificate: bytes
    chain: tuple[bytes, ...] | None


@dataclass(frozen=True, slots=True)
class TlsTrouble:
    """Why the handshake that verifies failed; ``code`` is OpenSSL's for a certificate (X509_V_ERR_…), else 0."""

    reason: str
    code: int = 0


@dataclass(slots=True)
class Seen:
    """Filled in while looking, so that what was seen stands when time is up. ``before`` is the EHLO in the clear,
    ``after`` the one inside TLS; ``verified`` says whether the certificate and its name held; ``waited`` is how long
    the greeting took, in seconds; ``over`` says that the look came to its end in time; ``from_reply`` and
    ``to_reply`` are the answers to MAIL and RCPT."""

    endpoint: Endpoint
    reach: Reach = Reach.TIMEOUT
    implicit_tls: bool = False
    speaks: Speaks = Speaks.NOTHING
    heard: bytes = b""
    waited: float = 0.0
    greeting: Said | None = None
    before: Hello | None = None
    starttls_reply: Said | None = None
    injected: bytes = b""
    trouble: TlsTrouble | None = None
    tls: TlsSeen | None = None
    verified: bool = False
    after: Hello | None = None
    login: Said | None = None
    from_reply: Said | None = None
    to_reply: Said | None = None
    over: bool = False

    @property
    def place(self) -> str:
        """What findings are about."""
        return f"{self.endpoint.host}:{self.endpoint.port}"

    @property
    def starttls(self) -> bool:
        """True where STARTTLS is offered (RFC 3207 2)."""
        return self.before is not None and "STARTTLS" in self.before.extensions

    @property
    def secure(self) -> bool:
        """True where TLS of our day came about, whoever the certificate is of."""
        return self.tls is not None and self.tls.version in MODERN

    @property
    def hello(self) -> Hello | None:
        """The EHLO that counts: the one inside TLS, where there is one (RFC 3207 4.2)."""
        return self.after or self.before

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The ways to sign in that are offered inside TLS."""
        return self.after.mechanisms if self.after else ()

    @property
    def signed_in(self) -> bool:
        """True where the login was accepted."""
        return self.login is not None and self.login.code == SIGNED_IN

    def works(self, ways: Collection[str]) -> bool:
        """True where mail can be handed in over verified TLS, after signing in by one of ``ways`` if there are any."""
        known = any(mechanism in ways for mechanism in self.mechanisms)
        return self.verified and self.after is not None and (known or not ways)

    def progress(self, ways: Collection[str]) -> tuple[bool, ...]:
        """How far it came, to compare."""
        smtp = self.speaks is Speaks.SMTP
        return self.works(ways), self.verified, self.secure, smtp, self.reach is Reach.OPEN

"""What an SMTP listener needs to be told, whom it asks, and how it says that it cannot start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import ssl

    from relay.mail.envelope import Incoming, Submission
    from relay.mail.reply import Refusal, Reply
    from relay.mail.tenant import Tenant
    from relay.server.disk import Disk
    from relay.server.recipients import RecipientCheck
    from relay.server.smtp_session import Session


class ListenError(Exception):
    """A listener cannot start; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """A submission listener: who it is, how it is protected, and every limit. Times in seconds, sizes in octets."""

    hostname: str
    address: str = "127.0.0.1"  # only used when `listen` gets no socket
    port: int = 0
    tls: str = "starttls"  # starttls | implicit | none
    context: ssl.SSLContext | None = None
    auth_without_tls: bool = False  # a development relay on loopback
    by_network: bool = False  # who may hand in mail is decided by the desk from the address, not by a login
    proxies: tuple[str, ...] = ()  # networks whose PROXY header is believed, and expected
    disk: Disk | None = None
    recipient_check: RecipientCheck | None = None  # what DNS knows of recipients is said at RCPT
    reception: Reception | None = None  # mail comes in here, for our own addresses, from anybody

    message_size: int = 25_000_000  # as it is stored: with CRLF, without dot-stuffing (RFC 1870 3)
    recipients: int = 100  # RFC 5321 4.5.3.1.8: at least this many
    header_size: int = 100_000
    header_fields: int = 1_000
    header_line: int = 998  # RFC 5322 2.1.1, without CRLF
    body_line: int = 64 * 1024  # RFC 5321 4.5.3.1.6 has 1,000; real programs write more
    bare_newline: Literal["normalize", "reject"] = "normalize"
    spool_directory: str | None = None  # None: the system's directory for temporary files
    memory_size: int = 256 * 1024  # a larger body waits in a file

    errors: int = 20
    idle_commands: int = 100  # NOOP, RSET, EHLO and the like, between two messages
    auth_failures: int = 5
    auth_delay: float = 1.0  # after the first wrong password; twice that after the second, and so on
    idle_for: float = 300.0  # RFC 5321 4.5.3.2.7
    idle_under_load: float = 10.0  # when four fifths of all connections are taken
    session_for: float = 3600.0
    handshake_for: float = 30.0
    data_grace_for: float = 30.0
    data_rate: float = 500.0  # octets a second, on average, once the grace is over
    connections: int = 2_000
    connections_per_address: int = 50
    stop_for: float = 30.0


class Desk(Protocol):
    """Where submissions are handed in: the intake, as the listener sees it."""

    async def sign_in(self, username: str, secret: str, peer: str) -> Tenant | None:
        """The tenant of a login, or None; ``peer`` is the client's IP address."""

    async def neighbour(self, peer: str) -> Tenant | None:
        """The tenant that an IP address stands for on a listener without logins, or None."""

    async def accept(self, submission: Submission) -> Reply:
        """Take responsibility, or say why not. Is never cancelled by the client's leaving."""

    def refuse(self, tenant: Tenant, topic: str, code: int = 550, enhanced: str = "5.6.0", **params: str) -> Reply:
        """A refusal in the tenant's language (``reply.<topic>`` in the locales)."""


class Reception(Protocol):
    """Where mail for our own addresses comes in, as the listener sees it."""

    async def recipient(self, session: Session) -> bytes:
        """The reply to the RCPT that has just been read well; its recipient stays unless it is refused."""

    async def accept(self, incoming: Incoming) -> Reply:
        """Take responsibility, or say why not. Is never cancelled by the client's leaving."""

    def refuse(self, refusal: Refusal) -> Reply:
        """A refusal as other servers read it."""

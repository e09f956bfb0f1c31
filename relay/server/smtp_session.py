"""What an SMTP session knows at any moment: who is there, how protected, and the mail transaction in progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from relay.mail.envelope import Envelope, Peer

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.tenant import Tenant
    from relay.mail.wish import Wish
    from relay.server.smtp_contract import ListenerSettings


@dataclass(slots=True)
class Transaction:
    """A mail transaction (RFC 5321 3.3): begun by MAIL, ended by DATA, RSET, EHLO or STARTTLS."""

    reverse_path: Address | None  # None: null, where mail comes in
    smtputf8: bool
    ret: str = ""
    envid: str = ""
    requires_tls: bool = False
    forward_paths: dict[str, Address] = field(default_factory=dict)  # by key: a recipient given twice counts once
    wishes: dict[str, Wish] = field(default_factory=dict)
    weighed: int = 0  # forward-paths that `RecipientCheck` let pass

    def envelope(self, eightbit: bool) -> Envelope:
        """The envelope as it stands."""
        paths = tuple(self.forward_paths.values())
        known = (self.wishes, self.ret, self.envid, self.requires_tls)
        return Envelope(self.reverse_path, paths, self.smtputf8, eightbit, *known)


@dataclass(slots=True)
class Session:
    """One connection's state. ``peer`` is the socket's address, ``tls`` protocol and cipher or empty in the clear."""

    settings: ListenerSettings
    peer: Any = None
    tls: str = ""
    helo: str = ""
    extended: bool = False
    tenant: Tenant | None = None
    neighbour: Tenant | None = None  # whose mail comes from this address, on a listener without logins
    proxied: str = ""  # the client's address, where a balancer said it
    login: str = ""
    transaction: Transaction | None = None
    errors: int = 0
    idle_commands: int = 0
    auth_failures: int = 0
    closing: bool = False

    @property
    def address(self) -> str:
        """The client's IP address; empty for a socket that has none."""
        return self.proxied or address_of(self.peer)

    @property
    def may_sign_in(self) -> bool:
        """True when a password may pass (RFC 4954 4)."""
        return self.settings.reception is None and (bool(self.tls) or self.settings.auth_without_tls)

    @property
    def needs_tls(self) -> bool:
        """True when STARTTLS has to come first (RFC 3207 4), as it must not where mail comes in from anybody."""
        if self.settings.reception is not None:
            return False
        return self.settings.tls == "starttls" and not self.may_sign_in and self.neighbour is None

    def begin_again(self, tls: str) -> None:
        """After STARTTLS everything learned before is forgotten (RFC 3207 4.2)."""
        self.tls = tls
        self.helo = self.login = ""
        self.extended = False
        self.tenant, self.transaction = self.neighbour, None

    def as_peer(self) -> Peer:
        """The client as it is remembered with its message; protocol names of RFC 3848 and RFC 6531 4.3."""
        protocol = "SMTP"
        if self.extended:
            utf8 = self.transaction is not None and self.transaction.smtputf8
            base = "UTF8SMTP" if utf8 else "ESMTP"
            protocol = base + ("S" if self.tls else "") + ("A" if self.login else "")
        return Peer(self.address, self.helo, protocol, self.login, self.tls)


def address_of(peer: Any) -> str:
    """The IP address in a socket's address; empty for a socket that has none."""
    return str(peer[0]).removeprefix("::ffff:") if isinstance(peer, tuple) and peer else ""

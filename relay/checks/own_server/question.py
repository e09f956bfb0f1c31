"""What is asked about an own server, and how patient the probe is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from relay.checks.own_server.seen import KNOWN_MECHANISMS
from relay.mail.route import TlsMode
from relay.net.client import Client, Credentials, Timeouts

SECONDS = 30.0
USUAL_PORTS = (587, 465, 25, 2525)
SLOW = 5.0  # a greeting that takes longer makes clients give up


@dataclass(frozen=True, slots=True)
class Question:
    """A host (A-labels or an address) with a port, or None for the usual ones. ``oauth``: ``password`` is an OAuth
    access token. ``now`` is the time of asking, ``size`` the octets of the largest message (0: not asked),
    ``mail_from`` and ``rcpt_to`` the envelope to ask about (empty: none), ``seconds`` the limit of the whole check.
    ``system_names`` True: a name that DNS does not know may be one of the system's."""

    host: str
    now: datetime
    port: int | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    oauth: bool = False
    ca_file: str = ""
    size: int = 0
    mail_from: str = ""
    rcpt_to: str = ""
    hello: str = "localhost"
    seconds: float = SECONDS
    system_names: bool = False
    usual_ports: tuple[int, ...] = USUAL_PORTS

    @property
    def client(self) -> Client:
        """How we are an SMTP client here: always one that verifies."""
        answer = self.seconds / 3
        times = Timeouts(connect=self.connect, tls=answer, greeting=self.greeting, helo=answer)
        return Client(self.hello, TlsMode.REQUIRE, self.ca_file, self.credentials, times)

    @property
    def credentials(self) -> Credentials | None:
        """What to sign in with, where both are given."""
        if not self.username or not self.password:
            return None
        if self.oauth:
            return Credentials(self.username, token=self.password)
        return Credentials(self.username, self.password)

    @property
    def ways(self) -> tuple[str, ...]:
        """The mechanisms of AUTH one of which has to be offered; none where nobody signs in."""
        if not self.username:
            return ()
        return ("XOAUTH2",) if self.oauth else KNOWN_MECHANISMS

    @property
    def connect(self) -> float:
        """Seconds to wait for a connection."""
        return self.seconds / 6

    @property
    def silence(self) -> float:
        """Seconds without a word after which the port may be one for implicit TLS, and the other ports are tried."""
        return self.seconds / 30

    @property
    def slow(self) -> float:
        """Seconds after which a greeting is late."""
        return min(SLOW, self.seconds / 6)

    @property
    def greeting(self) -> float:
        """Seconds to wait for a greeting."""
        return self.seconds / 2

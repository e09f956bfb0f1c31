"""Which way a message leaves. The kind is fixed at intake because it decides the From; the rest at each attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class RouteKind(StrEnum):
    """PLATFORM: under the platform's address, rewritten and signed. OWN: by the tenant's own server, as it came."""

    PLATFORM = "platform"
    OWN = "own"


class TlsMode(StrEnum):
    """How a delivery session is protected. Only REQUIRE and IMPLICIT verify the certificate; ENCRYPT wants TLS,
    whosever certificate it is, unless there are TLSA records."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    ENCRYPT = "encrypt"
    REQUIRE = "require"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class MxRoute:
    """Straight to the mail exchangers of the recipient's domain (RFC 5321 5.1)."""

    tls: TlsMode = TlsMode.OPPORTUNISTIC


@dataclass(frozen=True, slots=True)
class Smarthost:
    """A server of the platform's that passes mail on. Those of the lowest ``priority`` come first; among equals each
    gets its share by ``weight``. ``password_file`` is read whenever a session is opened."""

    host: str
    port: int
    tls: TlsMode = TlsMode.OPPORTUNISTIC
    username: str = ""
    password_file: str = ""
    priority: int = 0
    weight: int = 1


@dataclass(frozen=True, slots=True)
class SmarthostRoute:
    """By the platform's smarthosts, whoever the recipient is."""

    smarthosts: tuple[Smarthost, ...]


@dataclass(frozen=True, slots=True)
class CaptureRoute:
    """Nowhere: the message is kept and shown (development)."""


@dataclass(frozen=True, slots=True)
class OwnRoute:
    """By a tenant's own server, as its settings of this ``version`` have it. ``secret`` is a password, or an access
    token where there is ``oauth``; ``failing`` says that the last attempt did not get through. Never printed."""

    tenant_id: str
    version: str
    host: str
    port: int
    tls: TlsMode
    username: str = ""
    secret: str = field(default="", repr=False)
    oauth: bool = False
    failing: bool = False


Route = MxRoute | SmarthostRoute | CaptureRoute | OwnRoute


def choose_route(*, own_server: bool, allowed: bool) -> RouteKind:
    """The kind of route for a tenant's mail: ``own_server`` where it has one and this login may use it, ``allowed``
    where the platform lets anybody."""
    return RouteKind.OWN if own_server and allowed else RouteKind.PLATFORM

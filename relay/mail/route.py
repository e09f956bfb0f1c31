"""Which way a message leaves. The kind is fixed at intake because it decides the From; the rest at each attempt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.mail.tenant import Tenant


class RouteKind(StrEnum):
    """PLATFORM: the platform's address, rewritten and signed."""

    PLATFORM = "platform"


class TlsMode(StrEnum):
    """How a delivery session is protected. Only REQUIRE and IMPLICIT verify the certificate."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    REQUIRE = "require"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class MxRoute:
    """Straight to the mail exchangers of the recipient's domain (RFC 5321 5.1)."""

    tls: TlsMode = TlsMode.OPPORTUNISTIC


@dataclass(frozen=True, slots=True)
class SmarthostRoute:
    """To one server of the platform's, whoever the recipient is."""

    host: str
    port: int
    tls: TlsMode = TlsMode.OPPORTUNISTIC


@dataclass(frozen=True, slots=True)
class CaptureRoute:
    """Nowhere: the message is kept and shown (development)."""


Route = MxRoute | SmarthostRoute | CaptureRoute


def choose_route(tenant: Tenant) -> RouteKind:  # noqa: ARG001 - the tenant's choice of an own server enters here
    """The kind of route for a tenant's mail."""
    return RouteKind.PLATFORM

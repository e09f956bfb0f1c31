"""An OAuth account with which the relay signs in at a tenant's own server, and a link to connect one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How it was connected. CODE: a person agreed in a browser; DEVICE: on another device; APPLICATION: nobody has to,
    an administrator has let the application in."""

    CODE = "code"
    DEVICE = "device"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class Connection:
    """A tenant's account, and how it fares. ``app`` is the name of the application in the configuration. Tokens are
    sealed. ``version`` is another each time it is connected. Times are seconds since 1970: ``expires_at`` of the access
    token, ``refreshed_at`` when it was got, ``failed_at`` when the next one could not be. ``dead``: somebody has to
    connect it anew."""

    tenant_id: str
    app: str
    kind: Kind
    username: str
    refresh_token: bytes = field(repr=False)
    access_token: bytes = field(repr=False)
    expires_at: float
    refreshed_at: float
    connected_at: float
    version: str
    dead: bool = False
    last_error: str = ""
    failed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """A link: whose account is to be connected to whom, until when, and when it was used. ``verifier`` is sealed (RFC
    7636 4.1)."""

    tenant_id: str
    app: str
    username: str
    verifier: bytes = field(repr=False)
    expires_at: float
    used_at: float | None = None

"""The platform's customers and their logins."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_NAME = 128  # rule B5


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer of the platform: ``name`` is the company that recipients see, ``locale`` the language it reads."""

    id: str
    name: str
    email: str
    locale: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Login:
    """What an app signs in with. Only the SHA-256 of the secret (160 random bits) is kept. ``networks`` (CIDR) is where
    it may be used from: nothing means anywhere. ``own_server`` False: its mail never goes by the tenant's own
    server."""

    username: str
    tenant_id: str
    secret_sha256: bytes
    created_at: float
    revoked_at: float | None = None
    networks: tuple[str, ...] = ()
    own_server: bool = True

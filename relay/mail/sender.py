"""The verified-sender table: who may send as what (rules A1-A5 and D)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.mail.address import Address


class SenderState(StrEnum):
    """PENDING until its owner confirms; BLOCKED when the owner said no; REVOKED when it was withdrawn."""

    PENDING = "pending"
    VERIFIED = "verified"
    BLOCKED = "blocked"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Sender:
    """A row of the verified-sender table: one address for one tenant. ``address`` is as it was first typed."""

    tenant_id: str
    address: str
    state: SenderState
    created_at: float
    decided_at: float | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What a tenant may send as: keys of addresses (`Address.key`) and whole domains (lower-case A-labels; D4)."""

    addresses: frozenset[str] = field(default_factory=frozenset)
    domains: frozenset[str] = field(default_factory=frozenset)

    def __contains__(self, address: Address) -> bool:
        return address.key in self.addresses or address.domain in self.domains

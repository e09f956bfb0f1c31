"""Addresses: parsed strictly, compared exactly, printed canonically (rules A2-A5)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """An addr-spec. ``local`` is as typed (quoted where it must be), ``domain`` a lower-case A-label without final dot."""

    local: str
    domain: str

    @property
    def key(self) -> str:
        """What two addresses are compared on (rule A4): no plus-tag or dot folding."""
        return f"{self.local.casefold()}@{self.domain}"

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

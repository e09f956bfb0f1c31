"""The exact rewriting of a submission (rules A to C): what a customer's customer sees instead of what the app wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One header field that left otherwise than it came; ``reason`` is a key of the locales (section ``reason``)."""

    field: str
    before: str | None
    after: str | None
    reason: str

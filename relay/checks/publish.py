"""A record to publish, as a `Fix`."""

from __future__ import annotations

from collections.abc import Sequence

from relay.checks.model import Fix
from relay.mail.zone_line import zone_line


def txt_fix(name: str, value: str, removes: Sequence[str] = ()) -> Fix:
    """A TXT record at its full name; ``removes`` are values that must go for it."""
    return Fix(name, "TXT", value, zone_line(name, "TXT", value), tuple(removes))


def record_fix(name: str, rdtype: str, value: str, removes: Sequence[str] = ()) -> Fix:
    """A record of another type; names in its value without the final dot."""
    return Fix(name, rdtype, value, zone_line(name, rdtype, value), tuple(removes))


def removal(name: str, rdtype: str, value: str) -> Fix:
    """Nothing to publish: a value that must go."""
    return Fix(name, rdtype, "", "", (value,))

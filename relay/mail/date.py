"""Date and time as mail writes them (RFC 5322 3.3), always in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def mail_date(now: float) -> str:
    """``Tue, 24 Nov 2026 09:05:03 +0000`` for seconds since 1970."""
    at = datetime.fromtimestamp(now, UTC)
    return f"{DAYS[at.weekday()]}, {at.day} {MONTHS[at.month - 1]} {at:%Y %H:%M:%S} +0000"

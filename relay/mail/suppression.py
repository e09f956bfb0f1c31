"""Addresses to which nothing is sent for a tenant, why, and for how long.

Suppressed is a mailbox of which its own server said that it does not exist: in its reply to RCPT, or in a bounce that
names it. Never for what was said of the message (after DATA, X.7.X), and not for a full mailbox or a domain without
mail: those pass. A mailbox may come back, so each time has an end, twice as far away as the last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from relay.mail.delivery import DAY

FIRST = 30 * DAY
LONGEST = 360 * DAY
# RFC 3463 3.2 and 3.3: no such mailbox, moved without a trace, disabled.
NO_MAILBOX = frozenset({"5.1.1", "5.1.6", "5.2.1"})
NOT_TRIED = "not tried: "  # begins the words about a recipient that was accepted together with others


class Reason(StrEnum):
    """Why an address is suppressed."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address as it was written, for one tenant or (``tenant_id`` None) for all. ``until`` None has no end;
    ``detail`` is the words of the server or of whoever added it; ``times`` counts how often it bounced."""

    tenant_id: str | None
    address: str
    reason: Reason
    detail: str
    since: float
    until: float | None
    times: int = 1

    def in_force(self, now: float) -> bool:
        """True until its end."""
        return self.until is None or now < self.until

    @property
    def words(self) -> str:
        """Why nothing was sent, for a report."""
        return f"{NOT_TRIED}on the suppression list ({self.reason}): {self.detail}".rstrip(": ")


def means_no_mailbox(status: str) -> bool:
    """True for a code of RFC 3463 that says of a mailbox that there is none."""
    return status in NO_MAILBOX


def after_bounce(earlier: Suppression | None, tenant_id: str, address: str, detail: str, now: float) -> Suppression:
    """The suppression of a mailbox that does not exist. One that is in force stays as it is: what was on its way then
    says nothing new."""
    if earlier is not None and earlier.in_force(now):
        return earlier
    times = earlier.times + 1 if earlier is not None and earlier.reason is Reason.BOUNCE else 1
    lasts = min(FIRST * 2.0 ** min(times - 1, 16), LONGEST)
    return Suppression(tenant_id, address, Reason.BOUNCE, detail, now, now + lasts, times)


def after_complaint(earlier: Suppression | None, tenant_id: str, address: str, kind: str, now: float) -> Suppression:
    """The suppression of somebody who wants no more of this tenant: without end."""
    if earlier is not None and earlier.reason is not Reason.BOUNCE and earlier.until is None:
        return earlier
    made = Suppression(tenant_id, address, Reason.COMPLAINT, kind, now, None)
    return replace(made, times=earlier.times) if earlier else made

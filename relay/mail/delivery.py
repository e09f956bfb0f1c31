"""One recipient on its way out: its states, what an attempt can come to, and when to try again.

    QUEUED --Delivered--> DELIVERED
    QUEUED --Deferred---> QUEUED (due later), or when the time is up FAILED (HELD, where people decide)
    QUEUED --Failed-----> FAILED
    DELIVERED --a bounce comes later (relay.mail.returned)--> FAILED
    QUEUED <-hold/release-> HELD;  QUEUED or HELD --cancel--> CANCELLED

"Being sent" is a lease (``leased_until``, ``leased_by``, ``attempt``), not a state: the work of a dead process
comes back by itself when its lease runs out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from zlib import crc32

from relay.mail.tls_report import TlsFault

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR

QUICK_RETRIES = (1 * MINUTE, 2 * MINUTE, 5 * MINUTE, 5 * MINUTE)  # greylisting servers want a quick second try
LONGEST_RETRY = 4 * HOUR
LIFETIME = 5 * DAY  # RFC 5321 4.5.4.1: at least 4-5 days
LEAST_ATTEMPTS = 12  # a clock that jumps must not expire the queue: age alone is not enough
SPREAD = 0.1  # by which part of itself a longer wait may be shorter, so that what failed together comes back apart


class State(StrEnum):
    """Where a delivery stands; the last three are final."""

    QUEUED = "queued"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """True when nothing more will happen to it."""
        return self not in {State.QUEUED, State.HELD}


@dataclass(frozen=True, slots=True)
class Answer:
    """The other side's words, or ours where there was no other side (then ``code`` is 0 and ``remote`` may be empty).

    ``remote`` is ``host[address]:port``; ``enhanced`` is an RFC 3463 code or empty; ``tls`` is empty in the clear.
    """

    text: str
    code: int = 0
    enhanced: str = ""
    remote: str = ""
    tls: str = ""

    def __str__(self) -> str:
        parts = [str(self.code) if self.code else "", self.enhanced, self.text]
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The next hop took responsibility; ``reports`` when it also took over what the client wants to be told."""

    answer: Answer
    reports: bool = False


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now; everything unknown is this."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Unreachable(Deferred):
    """Nobody there heard of the message: no address, no connection, no greeting. All mail for there fares alike."""


@dataclass(frozen=True, slots=True)
class LoginRefused(Deferred):
    """Not before somebody mends how we sign in: the remote refused it."""


@dataclass(frozen=True, slots=True)
class Unprotected(Deferred):
    """Not by this connection: its TLS was not as it had to be. ``sending`` is our address, if it came so far."""

    fault: TlsFault
    sending: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Never: a real 5xx, a domain that does not exist, a null MX."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class RecipientRefused(Failed):
    """Said of the recipient, in the reply to RCPT, whatever the message."""


Outcome = Delivered | Deferred | Failed


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, as it is recorded: when it began (seconds since 1970), how long it took, and what was said."""

    number: int
    started_at: float
    took_for: float
    outcome: str  # delivered | deferred | failed
    answer: Answer


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message's way to one recipient. ``attempt`` counts the leases so far and fences late results; ``notify`` and
    ``orcpt`` are what the client wants to be told (RFC 3461, see `relay.mail.wish`). ``waits_for`` is the destination
    that must be reached first, empty for none; ``shared`` counts the tries that were made at it meanwhile by others."""

    id: str
    message_id: str
    recipient: str
    domain: str
    state: State
    attempt: int
    created_at: float
    due_at: float
    last_reply: str = ""
    leased_until: float | None = None
    leased_by: str | None = None
    notify: str = ""
    orcpt: str = ""
    shared: int = 0
    waits_for: str = ""

    def leased(self, node: str, until: float) -> Delivery:
        """This delivery as the next attempt of a process, which nobody else makes before ``until``."""
        return replace(self, attempt=self.attempt + 1, leased_by=node, leased_until=until)

    def after(self, outcome: Outcome, now: float, late: State = State.FAILED) -> Delivery:
        """This delivery once an attempt came to ``outcome`` at ``now``. A final state stays what it is. ``late`` is the
        state when its time is up."""
        if self.state.final:
            return self
        settled = replace(self, last_reply=str(outcome.answer), leased_until=None, leased_by=None)
        match outcome:
            case Delivered():
                return replace(settled, state=State.DELIVERED)
            case Failed():
                return replace(settled, state=State.FAILED)
            case Deferred() if self.expired(now):
                return replace(settled, state=late)
            case Deferred():
                return replace(settled, due_at=now + spread(retry_after(self.attempt), self.id, self.attempt))

    def expired(self, now: float) -> bool:
        """True when it has been tried long and often enough (RFC 5321 4.5.4.1), by itself at least once. A try at its
        destination that reached nobody was one for everything that waits there."""
        tries = self.attempt + self.shared
        return now - self.created_at >= LIFETIME and self.attempt > 0 and tries >= LEAST_ATTEMPTS


def retry_after(attempt: int) -> float:
    """Seconds to wait after the ``attempt``-th try (from 1): quick at first, then doubling up to four hours."""
    if attempt <= len(QUICK_RETRIES):
        return QUICK_RETRIES[max(attempt, 1) - 1]
    doubled = QUICK_RETRIES[-1] * 2.0 ** min(attempt - len(QUICK_RETRIES), 16)
    return min(doubled, LONGEST_RETRY)


def spread(wait: float, whose: str, attempt: int) -> float:
    """That wait, made up to a tenth shorter by chance that is always the same for the same try: a herd that failed
    together comes back one by one. Quick retries stay as they are: greylisting servers count the seconds."""
    if attempt <= len(QUICK_RETRIES):
        return wait
    return wait * (1 - SPREAD * (crc32(f"{whose} {attempt}".encode()) / 2**32))

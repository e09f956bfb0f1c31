"""Where mail goes to, as one: a domain, the smarthosts, a tenant's own server. When it cannot be reached, all of its
mail waits for it together.

    up --failed--> down: one try at a time, on the schedule of a delivery (`relay.mail.delivery.retry_after`)
    down --a try that reaches it--> up, and what waited goes out

A destination that is down is tried out of turn by new mail, though not sooner than `SPARED_FOR` after the last try:
whoever writes now must not wait for hours because of those who wrote yesterday.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from relay.mail.delivery import LONGEST_RETRY, MINUTE, Deferred, Delivered, Outcome, Unreachable, retry_after, spread

SMARTHOSTS = "the smarthosts"  # no domain has a space
OWN = "own "  # begins the name of a tenant's own server
SPARED_FOR = 10 * MINUTE
BUSY = 421  # RFC 5321 3.8, 4.2.2: the service as such is not available


@dataclass(frozen=True, slots=True)
class Destination:
    """What is known of one that mail waits for. ``failures`` counts the tries in a row that did not reach it, on
    schedule; with none it is up. Times are seconds since 1970; ``reply`` is what the last try came to."""

    name: str
    failures: int = 0
    since: float = 0.0
    next_at: float = 0.0
    tried_at: float = 0.0
    reply: str = ""

    @property
    def down(self) -> bool:
        """True when its mail waits."""
        return self.failures > 0

    def failed(self, now: float, reply: str) -> Destination:
        """After a try that did not reach it. Tries that were under way beside the first one, or came out of turn, do
        not count: only what was due does."""
        if self.down and not self.due(now):
            return replace(self, tried_at=now, reply=reply)
        failures = self.failures + 1
        return Destination(
            name=self.name,
            failures=failures,
            since=self.since if self.down else now,
            next_at=now + spread(retry_after(failures), f"{self.name} {failures}", failures),
            tried_at=now,
            reply=reply,
        )

    def due(self, now: float) -> bool:
        """True when it is to be tried. A time further away than any wait was made by a clock that was set back."""
        return not now < self.next_at <= now + LONGEST_RETRY

    def spared(self, now: float) -> bool:
        """True when not even new mail tries it."""
        return self.down and not self.due(now) and abs(now - self.tried_at) < SPARED_FOR


def reached(outcome: Outcome) -> bool | None:
    """True when the destination heard of the message, whatever it said; False when a try says of the destination, not
    of the message, that it does not work; None when nothing is known, as after a session that broke off."""
    if isinstance(outcome, Unreachable) or (isinstance(outcome, Deferred) and outcome.answer.code == BUSY):
        return False
    return True if isinstance(outcome, Delivered) or outcome.answer.code else None


def own_destination(tenant_id: str) -> str:
    """The name of a tenant's own server as a destination."""
    return f"{OWN}{tenant_id}"

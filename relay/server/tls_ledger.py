"""What TLS sessions came to, counted in memory and written down once a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from relay.mail.tls_report import AppliedPolicy, TlsFault, TlsResult, day_of

if TYPE_CHECKING:
    from relay.store.group import CommitGroup

MOST_KINDS = 10_000  # of results between two writes: a stranger chooses what goes wrong


class TlsLedger:
    """One per process."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.counts: Counter[TlsResult] = Counter()

    def good(self, domain: str, policy: AppliedPolicy) -> None:
        """A session was as it had to be."""
        self.note(TlsResult(day_of(self.now()), domain, policy))

    def bad(
        self,
        domain: str,
        policy: AppliedPolicy,
        fault: TlsFault,
        host: str,
        address: str,
        sending: str = "",
        reason: str = "",
    ) -> None:
        """A session was not. ``sending`` is our address; one in a private network is no business of strangers."""
        sending = sending if sending and ip_address(sending).is_global else ""
        self.note(TlsResult(day_of(self.now()), domain, policy, fault.value, host, address, sending, reason))

    def note(self, result: TlsResult) -> None:
        """Count one."""
        if result in self.counts or len(self.counts) < MOST_KINDS:
            self.counts[result] += 1

    async def write(self, group: CommitGroup) -> None:
        """Write down what was counted since the last time; it is counted on when that fails. Raises StoreError."""
        counts, self.counts = self.counts, Counter()
        if not counts:
            return
        try:
            await group.write(lambda store: store.add_tls_results(counts))
        except BaseException:
            self.counts.update(counts)
            raise

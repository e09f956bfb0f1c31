"""MTA-STS policies, and results of TLS until they are reported. Every function is a method of
`relay.store.Store`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from relay.mail.mta_sts import Mode, Policy
from relay.mail.tls_report import AppliedPolicy, TlsResult

if TYPE_CHECKING:
    from relay.store.session import Session

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(AppliedPolicy).decode


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """An MTA-STS policy with the id of the record that announced it, and when it was fetched."""

    id: str
    policy: Policy
    fetched_at: float

    def counts(self, now: float) -> bool:
        """True until its life is over (RFC 8461 3.2)."""
        return now < self.fetched_at + self.policy.max_age


def put_sts_policy(store: Session, domain: str, kept: KeptPolicy) -> None:
    """Keep the policy of a domain, in place of an older one."""
    store.database.run(
        "put_sts_policy",
        domain=domain,
        id=kept.id,
        mode=kept.policy.mode.value,
        max_age=kept.policy.max_age,
        mx=" ".join(kept.policy.mx),
        fetched_at=kept.fetched_at,
    )


def sts_policy(store: Session, domain: str) -> KeptPolicy | None:
    """The policy that was kept of a domain, however old."""
    row = store.database.one("sts_policy", domain=domain)
    if row is None:
        return None
    policy_id, mode, max_age, patterns, fetched_at = row
    return KeptPolicy(policy_id, Policy(Mode(mode), max_age, tuple(patterns.split())), fetched_at)


def purge_sts_policies(store: Session, now: float) -> int:
    """Forget policies whose life is over; how many."""
    return store.database.run("purge_sts_policies", now=now)


def add_tls_results(store: Session, results: Mapping[TlsResult, int]) -> None:
    """Count sessions."""
    store.database.run_many(
        "add_tls_result",
        [
            {
                "domain": result.domain,
                "day": result.day,
                "policy": encode(result.policy).decode(),
                "fault": result.fault,
                "host": result.host,
                "address": result.address,
                "sending": result.sending,
                "reason": result.reason,
                "sessions": count,
            }
            for result, count in results.items()
        ],
    )


def tls_days(store: Session, today: str, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
    """Domains and days that are over and have results, in order, ``after`` one of them (or two empty texts)."""
    return store.database.all("tls_days", today=today, domain=after[0], day=after[1], limit=limit)


def take_tls_results(store: Session, domain: str, day: str) -> dict[TlsResult, int]:
    """The sessions of a day, which are forgotten: whoever gets them reports them."""
    rows = store.database.all("tls_results", domain=domain, day=day)
    store.database.run("drop_tls_results", domain=domain, day=day)
    return {TlsResult(day, domain, decode(policy), *rest): sessions for day, domain, policy, *rest, sessions in rows}

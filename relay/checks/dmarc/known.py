"""All that is known about the DMARC of one domain."""

from __future__ import annotations

from dataclasses import dataclass

from relay.checks.dmarc.record import DmarcRecord, applied_policy
from relay.checks.dmarc.reports import Receiver
from relay.checks.dmarc.walk import Discovery
from relay.checks.model import Finding, Fix, Severity
from relay.net.dns import Lookup, NoName, Unknown

TESTED = {"reject": "quarantine", "quarantine": "none", "none": "none"}  # RFC 9989 4.7: t=y


@dataclass(frozen=True, slots=True)
class Around:
    """What else was asked: the TXT records of the domain itself, those at ``_dmarc`` with the domain twice, the CNAME
    at ``_dmarc``, and the MX of the domain."""

    apex: Lookup
    doubled: Lookup
    alias: Lookup
    mx: Lookup


@dataclass(frozen=True, slots=True)
class Dmarc:
    """All that is known about the DMARC of a domain."""

    discovery: Discovery
    around: Around
    receivers: tuple[Receiver, ...] = ()

    @property
    def domain(self) -> str:
        return self.discovery.domain

    @property
    def place(self) -> str:
        """Where the domain's own record belongs."""
        return f"_dmarc.{self.domain}"

    @property
    def record(self) -> DmarcRecord | None:
        """The record in force."""
        return self.discovery.applied.record if self.discovery.applied else None

    @property
    def exists(self) -> bool | None:
        """Whether the domain does (RFC 9989 3.2, RFC 8020); None where nobody could say."""
        return None if isinstance(self.around.apex, Unknown) else not isinstance(self.around.apex, NoName)

    @property
    def policy(self) -> str | None:
        """The policy for mail of the domain, as the record says it; None where there is none or nobody knows."""
        if self.record is None:
            return None
        return applied_policy(self.record, is_own=self.discovery.is_own, exists=self.exists)

    @property
    def acts_as(self) -> str | None:
        """The policy with ``t=y`` considered."""
        return TESTED[self.policy] if self.policy and self.record and self.record.is_testing else self.policy

    def finding(self, topic: str, severity: Severity, rfc: str, fix: Fix | None = None, **facts: str) -> Finding:
        """A finding about this domain."""
        return Finding(f"dmarc.{topic}", severity, self.domain, {"name": self.domain, **facts}, fix, (), rfc)

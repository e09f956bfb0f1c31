"""Making a finding about one place."""

from __future__ import annotations

from collections.abc import Sequence

from relay.checks.model import Finding, Severity
from relay.checks.own_server.seen import Seen


def found(seen: Seen, id: str, severity: Severity, rfc: str = "", evidence: Sequence[str] = (), **more: str) -> Finding:
    """A finding whose sentence may name the host, the port, the address, and ``more``."""
    endpoint = seen.endpoint
    facts = {"host": endpoint.host, "port": str(endpoint.port), "address": endpoint.address} | more
    return Finding(id, severity, seen.place, facts, None, tuple(evidence), rfc)

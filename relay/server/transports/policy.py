"""How TLS has to be for mail to a domain, server by server: published, asked for, or configured.

1. `Policies.guard` finds the domain's MTA-STS policy (`relay.server.transports.policy_sts`) before it dials.
2. `Guard.open` opens a session to one server. Signed TLSA records of that server come first (RFC 7672), for MTA-STS
   never overrides DANE (RFC 8461 2); then MTA-STS, then ``delivery.tls``. A server that does not keep to it is as good
   as away: the next is tried, and the mail waits. MTA-STS in testing is tried, reported, and then left aside.
3. REQUIRETLS (RFC 8689) wants verified TLS, a server whose name DNSSEC or MTA-STS vouches for, and the same word from
   that server. ``TLS-Required: No`` wants none of all this.
4. Each session is counted for the reports of RFC 8460.

Without any demand TLS is used where it is offered, whatever the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Deferred, Failed, Unprotected
from relay.mail.mta_sts import Mode, policy_text
from relay.mail.route import TlsMode
from relay.mail.tls_report import AppliedPolicy, PolicyKind, TlsFault
from relay.net.client import Client, Endpoint
from relay.net.dns import Unknown
from relay.net.session import Session
from relay.net.smtp import open_session
from relay.server.transports.policy_dane import DaneRecords, Found
from relay.server.transports.policy_sts import Known, StsPolicies

if TYPE_CHECKING:
    from relay.net.transaction import Transaction
    from relay.server.tls_ledger import TlsLedger
    from relay.store.tls_policy import KeptPolicy

MISMATCH = "mx-mismatch"  # RFC 8460 4.3: a reason code of our choice

Opened = Session | Deferred | Failed


@dataclass(frozen=True, slots=True)
class Policies:
    """What all deliveries of a process share."""

    sts: StsPolicies
    dane: DaneRecords
    ledger: TlsLedger

    async def guard(self, domain: str, client: Client, transaction: Transaction) -> Guard:
        """What mail to a domain has to keep to. Raises StoreError."""
        if client.tls is TlsMode.NONE or transaction.tls_optional:
            return Guard(self, domain, ignores=True)
        known = await self.sts.of(domain)
        return Guard(self, domain, known, known.policy(self.sts.now()), requires_tls=transaction.requires_tls)


@dataclass(frozen=True, slots=True)
class Demand:
    """What a session has to keep to, and under which policy it is counted (None: it is counted already). With
    ``otherwise`` it is only tried, and reported; that is how the session may be as well."""

    client: Client
    policy: AppliedPolicy | None
    otherwise: Client | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """The demands on mail to a domain, of one kind of message."""

    policies: Policies
    domain: str
    known: Known | None = None
    sts: KeptPolicy | None = None
    requires_tls: bool = False
    ignores: bool = False

    @property
    def key(self) -> str:
        """Sessions with the same key had the same demands on them."""
        sts = f"{self.sts.id} {self.sts.policy.mode}" if self.sts else "-"
        return f"{sts} {'required' if self.requires_tls else 'ignored' if self.ignores else ''}"

    async def open(self, endpoint: Endpoint, client: Client) -> Opened:
        """A session that keeps to everything, or what the try came to."""
        if self.ignores:
            return await open_session(endpoint, client)
        found = await self.policies.dane.of(endpoint, self.domain)
        if isinstance(found, Unknown):
            policy = AppliedPolicy(PolicyKind.TLSA, endpoint.bases[0])
            text = f"DNS cannot tell the TLSA records of {endpoint.host}: {found.reason}"
            return self.refused(endpoint, policy, TlsFault.DNSSEC_INVALID, text)
        demand = self.demand(endpoint, client, found)
        if self.requires_tls and not await self.is_vouched_for(endpoint):
            text = f"REQUIRETLS: neither DNSSEC nor MTA-STS vouches for {endpoint.host}"
            return Failed(Answer(text, 0, "5.7.10", str(endpoint)))
        if isinstance(demand, Unprotected):
            return demand
        return self.with_requiretls(await self.by(endpoint, demand), endpoint)

    def demand(self, endpoint: Endpoint, client: Client, found: Found | None) -> Demand | Unprotected:
        """What a session to this server has to keep to; `Unprotected` when it may not be opened at all."""
        if found and found.dane:
            policy = AppliedPolicy(PolicyKind.TLSA, found.base, found.records)
            return Demand(replace(client, tls=TlsMode.ENCRYPT, dane=found.dane, policy="DANE"), policy)
        least = client
        if found and client.tls is TlsMode.OPPORTUNISTIC:  # RFC 7672 2.2: unusable, but they promise TLS
            least = replace(client, tls=TlsMode.ENCRYPT, policy="DANE without usable records")
        if self.requires_tls:
            least = replace(client, tls=TlsMode.REQUIRE)
        if self.sts:
            return self.sts_demand(endpoint, least, self.sts)
        if found:
            return Demand(least, AppliedPolicy(PolicyKind.TLSA, found.base, found.records))
        return Demand(least, AppliedPolicy(PolicyKind.NONE, self.domain))

    def sts_demand(self, endpoint: Endpoint, least: Client, sts: KeptPolicy) -> Demand | Unprotected:
        """What MTA-STS wants (RFC 8461 4, 5), and ``least`` all the same."""
        is_covered, is_trial = sts.policy.covers(endpoint.host), sts.policy.mode is Mode.TESTING
        if not is_covered and not is_trial:
            text = f"the MTA-STS policy of {self.domain} does not name {endpoint.host}"
            return self.refused(endpoint, self.sts_policy(), TlsFault.VALIDATION, text, MISMATCH)
        if not is_covered:
            self.count_bad(endpoint, self.sts_policy(), TlsFault.VALIDATION, MISMATCH)
            return Demand(least, None)
        client = replace(least, tls=TlsMode.REQUIRE, policy=f"MTA-STS {sts.policy.mode}")
        return Demand(client, self.sts_policy(), least if is_trial and least.tls is not TlsMode.REQUIRE else None)

    async def by(self, endpoint: Endpoint, demand: Demand) -> Opened:
        """Open a session as it has to be, and count it; if that was a trial only, as it may be then."""
        opened = await open_session(endpoint, demand.client)
        if isinstance(opened, Unprotected) and demand.policy:
            self.count_bad(endpoint, demand.policy, opened.fault, sending=opened.sending)
            if demand.otherwise:
                return await open_session(endpoint, demand.otherwise)
        if isinstance(opened, Session) and demand.policy:
            self.count(endpoint, demand.policy, opened)
        return opened

    def with_requiretls(self, opened: Opened, endpoint: Endpoint) -> Opened:
        """RFC 8689 4.2.1: a server that does not promise the same is not the one, and the next may be."""
        if not self.requires_tls:
            return opened
        if isinstance(opened, Unprotected):
            return Failed(replace(opened.answer, enhanced="5.7.10"))
        if isinstance(opened, Session) and "REQUIRETLS" not in opened.extensions:
            opened.close()
            return Failed(Answer(f"{endpoint.host} does not support REQUIRETLS", 0, "5.7.30", str(endpoint)))
        return opened

    async def is_vouched_for(self, endpoint: Endpoint) -> bool:
        """True when nobody can have put this server's name in place of another's (RFC 8689 4.2.1)."""
        if self.sts and self.sts.policy.covers(endpoint.host):
            return True
        return bool(endpoint.bases) and await self.policies.dane.validates()

    def sts_policy(self) -> AppliedPolicy:
        """The MTA-STS policy as reports show it."""
        assert self.sts is not None
        lines = tuple(policy_text(self.sts.policy).splitlines())
        return AppliedPolicy(PolicyKind.STS, self.domain, lines, self.sts.policy.mx)

    # what is counted

    def refused(
        self, endpoint: Endpoint, policy: AppliedPolicy, fault: TlsFault, text: str, reason: str = ""
    ) -> Unprotected:
        """A server that is not to be dialled, and counted."""
        self.count_bad(endpoint, policy, fault, reason)
        return Unprotected(Answer(text, 0, "4.7.5", str(endpoint)), fault)

    def count(self, endpoint: Endpoint, policy: AppliedPolicy, session: Session) -> None:
        """Count a session that was opened."""
        if fault := self.remaining_fault(policy, session):
            self.count_bad(endpoint, policy, fault, sending=session.wire.own_address())
        else:
            self.policies.ledger.good(self.domain, policy)

    def remaining_fault(self, policy: AppliedPolicy, session: Session) -> TlsFault | None:
        """What is wrong with a session that is good enough for mail."""
        if policy.kind is PolicyKind.TLSA and session.client.dane is None:
            return TlsFault.TLSA_INVALID
        if policy.kind is not PolicyKind.NONE:
            return None
        if not session.tls:
            return TlsFault.VALIDATION if "STARTTLS" in session.extensions else TlsFault.NO_STARTTLS
        return self.known.fault if self.known else None

    def count_bad(
        self, endpoint: Endpoint, policy: AppliedPolicy, fault: TlsFault, reason: str = "", sending: str = ""
    ) -> None:
        """Count a failure, with the server and our address."""
        self.policies.ledger.bad(self.domain, policy, fault, endpoint.host, endpoint.address, sending, reason)

"""The TLS of deliveries, from the configuration: the policies that they keep to, and the desk that reports on them."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

from relay.config import Config
from relay.net.dns import DnsResolver
from relay.net.https import SECONDS, HttpsClient
from relay.server.tls_ledger import TlsLedger
from relay.server.tls_reports import TlsDesk
from relay.server.transports.policy import Policies
from relay.server.transports.policy_dane import DaneRecords
from relay.server.transports.policy_sts import StsPolicies

if TYPE_CHECKING:
    from relay.server.office import Office
    from relay.store.group import CommitGroup

FOR_A_REPORT = 30.0  # seconds


def open_policies(config: Config, group: CommitGroup, now: Callable[[], float]) -> Policies:
    """What deliveries to mail exchangers keep to."""
    resolver = DnsResolver(config.dns.nameservers)
    validating = None if config.dns.validating == "auto" else config.dns.validating
    local = bool(resolver.servers) and all(is_local(address) for address, _ in resolver.servers)
    return Policies(
        StsPolicies(group, resolver, https_client(config), now),
        DaneRecords(resolver, now, validating=validating, local=local),
        TlsLedger(now),
    )


def open_desk(
    config: Config, office: Office, policies: Policies, wake: Callable[[], None], now: Callable[[], float]
) -> TlsDesk:
    """Where results are written down and reported."""
    sts = policies.sts
    client = https_client(config, FOR_A_REPORT)
    reports = config.delivery.tls_reports
    return TlsDesk(sts.group, office, policies.ledger, sts.resolver, client, wake, now, reports)


def https_client(config: Config, seconds: float = SECONDS) -> HttpsClient:
    """How strangers' web servers are asked."""
    delivery = config.delivery
    return HttpsClient(ca_file=delivery.ca_file, private=delivery.allow_private, seconds=seconds)


def is_local(address: str) -> bool:
    """True for an address of this machine that nobody else can listen in on."""
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False

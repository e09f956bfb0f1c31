"""How a message leaves: one transport a kind of route, chosen by `TRANSPORTS`.

A transport returns what the attempt came to; it raises only for a defect or when a body cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from relay.mail.route import CaptureRoute, MxRoute, OwnRoute, Route, SmarthostRoute
from relay.net.client import Client
from relay.server.transports.capture import CaptureTransport
from relay.server.transports.job import Job, Outlet, Transport
from relay.server.transports.mx import MxTransport
from relay.server.transports.own import OwnTransport
from relay.server.transports.pool import Pool
from relay.server.transports.smarthost import SmarthostTransport

if TYPE_CHECKING:
    from relay.config import Delivery
    from relay.net.dns import Resolver
    from relay.server.transports.policy import Policies

__all__ = ["TRANSPORTS", "Job", "Outlet", "Transport", "open_outlet", "open_transports"]

TRANSPORTS: Mapping[type[Route], type[MxTransport | SmarthostTransport | OwnTransport | CaptureTransport]] = {
    MxRoute: MxTransport,
    SmarthostRoute: SmarthostTransport,
    OwnRoute: OwnTransport,
    CaptureRoute: CaptureTransport,
}


def open_outlet(delivery: Delivery, resolver: Resolver, hostname: str, policies: Policies | None = None) -> Outlet:
    """What the transports share, from the configuration."""
    return Outlet(
        client=Client(hostname, ca_file=delivery.ca_file),
        resolver=resolver,
        pool=Pool(),
        port=delivery.port,
        allow_private=delivery.allow_private,
        policies=policies,
    )


def open_transports(outlet: Outlet) -> dict[type[Route], Transport]:
    """A transport for every kind of route."""
    return {kind: transport(outlet) for kind, transport in TRANSPORTS.items()}

"""Everything to one server of the platform's, whoever the recipient is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from relay.mail.route import SmarthostRoute
from relay.net.client import Endpoint
from relay.server.transports.hand_over import hand_over

if TYPE_CHECKING:
    from relay.mail.delivery import Outcome
    from relay.server.transports.job import Job, Outlet


class SmarthostTransport:
    """Dials the configured server, which may be a name of the system's (``localhost``) or at a private address: whoever
    configured it may do so."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet

    async def deliver(self, job: Job) -> Outcome:
        """Try once."""
        route = job.route
        assert isinstance(route, SmarthostRoute)

        async def endpoints() -> Sequence[Endpoint]:
            return [Endpoint(route.host, route.host, route.port)]

        destination = f"{route.host}:{route.port} {route.tls}"
        client = replace(self.outlet.client, tls=route.tls)
        return await hand_over(self.outlet.pool, destination, client, endpoints, job.transaction)

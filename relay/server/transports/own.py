"""By a tenant's own server: with its password over verified TLS only, in sessions that no other tenant ever uses.

What such a server says before it hears of a message is about us, not about the message: it is never a failure. To spare
it, and the account, sessions are opened one at a time for each tenant, and what went wrong with one is for a while the
answer for all: a wrong password is tried once, and a host that is gone is not waited for by every delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Deferred, Failed, LoginRefused, Outcome
from relay.mail.route import OwnRoute, TlsMode
from relay.net.client import Client, Credentials, Endpoint
from relay.net.dns import NoName, Records, Unknown
from relay.net.session import Session
from relay.net.smtp import open_session
from relay.server.transports.hand_over import MOST_ADDRESSES, Endpoints, hand_over
from relay.server.transports.reach import is_public

if TYPE_CHECKING:
    from relay.server.transports.job import Job, Outlet

DNS_FOR = 30.0  # seconds
SPARED_FOR = 30.0  # seconds after a session could not be opened
AUTHENTICATION_REQUIRED = 530  # RFC 4954 6
LOOPBACK = ("127.0.0.1", "::1")


@dataclass(slots=True)
class Door:
    """Where sessions of a tenant are opened one after the other, and what came of the last that could not be: the
    version of the settings, the answer, and until when it stands (the loop's time)."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    version: str = ""
    closed: Deferred | None = None
    until: float = 0.0


class OwnTransport:
    """Finds the server's addresses anew whenever no session is open."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.doors: dict[str, Door] = {}

    async def deliver(self, job: Job) -> Outcome:
        """Try once."""
        route = job.route
        assert isinstance(route, OwnRoute)
        client = replace(self.outlet.client, tls=route.tls, credentials=credentials_of(route))
        outcome = await hand_over(
            self.outlet.pool,
            f"own {route.tenant_id} {route.version}",
            client,
            partial(self.endpoints, route),
            job.transaction,
            partial(self.open, route),
        )
        if outcome.answer.code == AUTHENTICATION_REQUIRED:
            return LoginRefused(outcome.answer)
        return outcome

    async def open(self, route: OwnRoute, endpoint: Endpoint, client: Client) -> Session | Deferred:
        """A session, or why there is none; never a failure."""
        door = self.doors.setdefault(route.tenant_id, Door())
        loop = asyncio.get_running_loop()
        async with door.lock:
            if door.closed and door.version == route.version and loop.time() < door.until:
                return door.closed
            opened = await open_session(endpoint, client)
            if isinstance(opened, Session):
                door.closed = None
                return opened
            door.closed = Deferred(opened.answer) if isinstance(opened, Failed) else opened
            door.version = route.version
            door.until = loop.time() + (float("inf") if isinstance(opened, LoginRefused) else SPARED_FOR)
            return door.closed

    async def endpoints(self, route: OwnRoute) -> Endpoints:
        """Where to connect, IPv4 first, or why there is nowhere to: a tenant's host may not lead into our network."""
        found = await self.addresses(route.host)
        if isinstance(found, Deferred):
            return found
        allowed = [each for each in found[:MOST_ADDRESSES] if self.outlet.allow_private or is_public(each)]
        if not allowed:
            return Deferred(Answer(f"the own server {route.host} has private addresses only", 0, "4.4.4"))
        return [Endpoint(route.host, address, route.port) for address in allowed]

    async def addresses(self, host: str) -> Sequence[str] | Deferred:
        """The addresses of a host; one that does not exist may be a slip, and is to be mended."""
        if is_address(host):
            return [host]
        if host == "localhost":  # RFC 6761 6.3: never asked of DNS
            return LOOPBACK
        resolver = self.outlet.resolver
        try:
            async with asyncio.timeout(DNS_FOR):
                answers = await asyncio.gather(resolver.lookup(host, "A"), resolver.lookup(host, "AAAA"))
        except TimeoutError:
            return Deferred(Answer(f"DNS takes too long for the own server {host}", 0, "4.4.3"))
        found = [str(value) for answer in answers if isinstance(answer, Records) for value in answer.values]
        if found:
            return found
        if unknown := next((answer for answer in answers if isinstance(answer, Unknown)), None):
            return Deferred(Answer(f"DNS cannot tell the addresses of {host}: {unknown.reason}", 0, "4.4.3"))
        missing = "does not exist" if any(isinstance(answer, NoName) for answer in answers) else "has no address"
        return Deferred(Answer(f"the own server {host} {missing}", 0, "4.4.4"))


def credentials_of(route: OwnRoute) -> Credentials | None:
    """What to sign in with. Without TLS there is nothing that could be stolen: no secret goes out."""
    if not route.username or route.tls is TlsMode.NONE:
        return None
    if route.oauth:
        return Credentials(route.username, token=route.secret)
    return Credentials(route.username, route.secret)


def is_address(host: str) -> bool:
    """True for an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True

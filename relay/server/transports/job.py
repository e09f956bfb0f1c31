"""What a transport is given, and what it promises: the `Transport` port."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from relay.mail.delivery import Outcome
    from relay.mail.route import Route
    from relay.net.client import Client
    from relay.net.dns import Resolver
    from relay.net.transaction import Transaction
    from relay.server.transports.policy import Policies
    from relay.server.transports.pool import Pool


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery to carry out: which way, to which domain, and a transaction with a single recipient."""

    route: Route
    domain: str
    transaction: Transaction


class Transport(Protocol):
    """Executes routes of one kind."""

    async def deliver(self, job: Job) -> Outcome:
        """Try once. Whatever the network or a remote server does comes back as an outcome."""
        ...


@dataclass(frozen=True, slots=True)
class Outlet:
    """What the transports of a process share. ``port`` is where mail exchangers listen; ``allow_private`` permits those
    at loopback and private addresses; ``rng`` orders exchangers of equal preference; ``policies`` say how TLS to them
    has to be (without, it is used where it is offered)."""

    client: Client
    resolver: Resolver
    pool: Pool
    port: int = 25
    allow_private: bool = False
    rng: random.Random = field(default_factory=random.SystemRandom)
    policies: Policies | None = None

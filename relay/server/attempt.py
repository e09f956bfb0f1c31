"""One attempt at one delivery: build the job, run its transport, and say what it came to. Nothing is written here."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from relay.mail.delivery import (
    DAY,
    Answer,
    Attempt,
    Deferred,
    Delivered,
    Failed,
    LoginRefused,
    Outcome,
    RecipientRefused,
    State,
    Unprotected,
    Unreachable,
)
from relay.mail.destination import reached
from relay.mail.route import CaptureRoute, OwnRoute, RouteKind
from relay.mail.suppression import NOT_TRIED
from relay.mail.verp import verp_address
from relay.mail.wish import Wish
from relay.net.conversation import listening
from relay.net.transaction import Transaction
from relay.server.own_route import OwnRoutes, Unsent
from relay.server.transports import Job, Transport
from relay.store.model import OwnNews, Settlement, Work

if TYPE_CHECKING:
    from relay.mail.route import Route
    from relay.store.group import CommitGroup
    from relay.store.store import Store

log = logging.getLogger("relay.worker")

LONGEST_ATTEMPT = 30 * 60.0  # seconds; more than all time-outs of a session in a row that goes slowly but well
LEASE_FOR = 2 * LONGEST_ATTEMPT
BOUNCES_FOR = 10 * DAY  # how long a bounce may take to come back: twice the lifetime of a queue

NAMES = {
    Delivered: "delivered",
    Deferred: "deferred",
    LoginRefused: "deferred",
    Unreachable: "deferred",
    Unprotected: "deferred",
    Failed: "failed",
    RecipientRefused: "failed",
}


class BodyLost(Exception):
    """The stored body is not what was accepted: nothing else may be sent in its place."""


@dataclass(frozen=True, slots=True)
class Courier:
    """Carries out attempts. ``route`` is the way of the platform's mail, ``own_routes`` knows that of tenants' own;
    ``verp_key`` and ``bounce_domain`` make the reverse-paths; with ``keeps_all`` what was said is kept of what was
    delivered too."""

    group: CommitGroup
    route: Route
    own_routes: OwnRoutes
    transports: Mapping[type[Route], Transport]
    verp_key: bytes
    bounce_domain: str
    now: Callable[[], float]
    keeps_all: bool = False

    async def attempt(self, work: Work) -> Settlement:
        """Try once; never raises but for cancellation."""
        started_at, started = self.now(), time.monotonic()
        by_own_server = self.by_own_server(work)
        way = await self.own_routes.route(work.message.tenant_id or "") if by_own_server else self.route
        with listening() as conversation:
            outcome = way.outcome if isinstance(way, Unsent) else await self.outcome(work, way)
        attempt = Attempt(
            number=work.delivery.attempt,
            started_at=started_at,
            took_for=time.monotonic() - started,
            outcome=NAMES[type(outcome)],
            answer=outcome.answer,
        )
        reports = isinstance(outcome, Delivered) and outcome.reports
        late = State.HELD if by_own_server else State.FAILED
        after = work.delivery.after(outcome, self.now(), late)
        return Settlement(
            work.delivery,
            after,
            attempt,
            reports,
            news_of(way, outcome),
            reached=reached(outcome),
            of_recipient=isinstance(outcome, RecipientRefused),
            conversation=conversation.lines() if self.keeps_all or not isinstance(outcome, Delivered) else (),
        )

    def by_own_server(self, work: Work) -> bool:
        """True for mail that leaves by its tenant's own server; where everything is captured, that is too."""
        return work.message.route is RouteKind.OWN and not isinstance(self.route, CaptureRoute)

    async def outcome(self, work: Work, route: Route) -> Outcome:
        """What the transport says; whatever goes wrong here is temporary and logged with a reference."""
        if work.delivery.last_reply.startswith(NOT_TRIED):
            return Failed(Answer(work.delivery.last_reply, 0, "5.1.1"))
        try:
            async with asyncio.timeout(LONGEST_ATTEMPT):
                return await self.transports[type(route)].deliver(self.job(work, route))
        except TimeoutError:
            return Deferred(Answer("the attempt took too long", 0, "4.4.2"))
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("attempt failed id=%s reference=%s", work.delivery.id, reference)
            return Deferred(Answer(f"internal error, reference {reference}", 0, "4.3.0"))

    def job(self, work: Work, route: Route) -> Job:
        """The delivery as the transport takes it."""
        message, delivery = work.message, work.delivery
        transaction = Transaction(
            reverse_path=self.reverse_path(work),
            forward_paths=(delivery.recipient,),
            header=message.header,
            body=partial(stored_body, self.group, work),
            size=len(message.header) + 2 + message.body_size,
            smtputf8=message.smtputf8,
            eightbit=message.eightbit,
            wishes=(Wish(delivery.notify, delivery.orcpt),),
            ret=message.ret,
            envid=message.envid,
            requires_tls=message.requires_tls,
        )
        return Job(route, delivery.domain, transaction)

    def reverse_path(self, work: Work) -> str | None:
        """Null for mail that must not bounce; the author's own address where bounces are the author's; else an address
        that names the delivery."""
        match work.message.reverse_path:
            case "null":
                return None
            case "author":
                return work.message.author
        return verp_address(work.delivery.id, int(self.now() + BOUNCES_FOR), self.verp_key, self.bounce_domain)


def news_of(way: Route | Unsent, outcome: Outcome) -> OwnNews | None:
    """What is new about an own server after an attempt, if that was the way."""
    refused = isinstance(outcome, LoginRefused)
    match way:
        case OwnRoute() if isinstance(outcome, Delivered | Failed):  # it spoke of the message, so it is there
            return OwnNews(way.version, works=True) if way.failing else None
        case OwnRoute(version=str(version)) | Unsent(version=str(version)):
            return OwnNews(version, refused=refused)
    return None


async def stored_body(group: CommitGroup, work: Work) -> AsyncIterator[bytes]:
    """The body, one chunk of it in memory at a time unless all of it is. Raises `BodyLost` before its end if what was
    stored is not what was accepted, so that the final dot is never sent for it."""
    if work.body is not None:
        yield work.body
        return
    message = work.message
    digest, octets, number = hashlib.sha256(), 0, 0
    while octets < message.body_size:
        chunk = await group.read(partial(chunk_of, message.id, number))
        if chunk is None:
            raise BodyLost(f"chunk {number} of message {message.id} is missing")
        digest.update(chunk)
        octets, number = octets + len(chunk), number + 1
        yield chunk
    if digest.digest() != message.body_sha256:
        raise BodyLost(f"the body of message {message.id} was altered")


def chunk_of(message_id: str, number: int, store: Store) -> bytes | None:
    """A piece of a stored body."""
    return store.read_chunk(message_id, number)

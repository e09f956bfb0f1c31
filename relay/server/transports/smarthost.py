"""Everything by the platform's smarthosts, whoever the recipient is: one after the other, by priority and weight.

1. `in_order` draws the order anew for each delivery (RFC 2782 has the same idea for SRV); a smarthost with which no
   session could be opened a moment ago comes last.
2. The next one is tried when there was no session, or when the answer was "later". A refusal of the message stands; and
   when a session broke off, the message may have arrived, so nobody else is asked at once.

What a smarthost says before it hears of a message, a refused login among it, is about us and never fails the message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Deferred, Failed
from relay.mail.route import Smarthost, SmarthostRoute
from relay.net.client import Client, Credentials, Endpoint
from relay.net.session import Session
from relay.net.smtp import open_session
from relay.server.transports.hand_over import hand_over, more_telling

if TYPE_CHECKING:
    from relay.mail.delivery import Outcome
    from relay.server.transports.job import Job, Outlet

log = logging.getLogger("relay.smarthost")

MOST_SMARTHOSTS = 5  # a try
SPARED_FOR = 30.0  # seconds after a session could not be opened
AUTHENTICATION_REQUIRED = 530  # RFC 4954 6


@dataclass(slots=True)
class Try:
    """What is known of one try: whether a session had to be opened, and could be."""

    refused: bool = False


class SmarthostTransport:
    """Dials configured servers, which may be names of the system's (``localhost``) or at private addresses: whoever
    configured them may do so."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.spared_until: dict[Smarthost, float] = {}  # by the loop's clock

    async def deliver(self, job: Job) -> Outcome:
        """Try once."""
        route = job.route
        assert isinstance(route, SmarthostRoute)
        telling: Outcome | None = None
        for smarthost in self.in_order(route.smarthosts)[:MOST_SMARTHOSTS]:
            tried = Try()
            outcome = await self.by(smarthost, job, tried)
            telling = more_telling(telling, outcome) if telling else outcome
            if not tried.refused and not (isinstance(outcome, Deferred) and outcome.answer.code):
                return outcome
        assert telling is not None  # a route has a smarthost at least
        return telling

    def in_order(self, smarthosts: Sequence[Smarthost]) -> list[Smarthost]:
        """By priority, those that answer first, and by chance in proportion to their weights."""
        if len(smarthosts) == 1:
            return list(smarthosts)
        now, rng = asyncio.get_running_loop().time(), self.outlet.rng
        # The least of exponential variates belongs to each in proportion to its rate.
        drawn = {each: rng.expovariate(each.weight) for each in smarthosts}
        return sorted(smarthosts, key=lambda each: (self.spared_until.get(each, 0) > now, each.priority, drawn[each]))

    async def by(self, smarthost: Smarthost, job: Job, tried: Try) -> Outcome:
        """Try one of them."""

        async def endpoints() -> Sequence[Endpoint]:
            return [Endpoint(smarthost.host, smarthost.host, smarthost.port)]

        async def opener(endpoint: Endpoint, client: Client) -> Session | Deferred:
            opened = await self.open(smarthost, endpoint, client)
            tried.refused = isinstance(opened, Deferred)
            return opened

        destination = f"{smarthost.host}:{smarthost.port} {smarthost.tls} {smarthost.username}"
        client = replace(self.outlet.client, tls=smarthost.tls)
        outcome = await hand_over(self.outlet.pool, destination, client, endpoints, job.transaction, opener)
        if outcome.answer.code == AUTHENTICATION_REQUIRED:  # of us, not of the message
            return Deferred(outcome.answer)
        return outcome

    async def open(self, smarthost: Smarthost, endpoint: Endpoint, client: Client) -> Session | Deferred:
        """A session, signed in where there is a login, or why there is none."""
        if smarthost.username:
            try:
                password = await asyncio.to_thread(read_password, smarthost.password_file)
            except (OSError, UnicodeError) as error:
                log.error("password of smarthost=%s not read: %s", smarthost.host, error)  # noqa: TRY400
                return Deferred(Answer(f"the password file of {smarthost.host} cannot be read", 0, "4.3.5"))
            client = replace(client, credentials=Credentials(smarthost.username, password))
        opened = await open_session(endpoint, client)
        if isinstance(opened, Session):
            self.spared_until.pop(smarthost, None)
            return opened
        log.warning("no session with smarthost=%s: %s", smarthost.host, opened.answer)
        self.spared_until[smarthost] = asyncio.get_running_loop().time() + SPARED_FOR
        return Deferred(opened.answer) if isinstance(opened, Failed) else opened


def read_password(file: str) -> str:
    """The password in a file, without the line end behind it. Raises OSError, UnicodeError."""
    return Path(file).read_text("utf-8").rstrip("\r\n")

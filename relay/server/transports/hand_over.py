"""Hand a transaction to a destination: over an idle session, else over a new one, address by address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Deferred, Failed, LoginRefused, Outcome, Unreachable
from relay.net.client import Client, Endpoint
from relay.net.session import Session
from relay.net.smtp import open_session

if TYPE_CHECKING:
    from relay.net.transaction import Transaction
    from relay.server.transports.pool import Pool

MOST_ADDRESSES = 5  # a try
MOST_SESSIONS = 2  # a try: a second server may know better than one that says "later"

Endpoints = Sequence[Endpoint] | Deferred | Failed
Opener = Callable[[Endpoint, Client], Awaitable[Session | Deferred | Failed]]


async def hand_over(
    pool: Pool,
    destination: str,
    client: Client,
    endpoints: Callable[[], Awaitable[Endpoints]],
    transaction: Transaction,
    opener: Opener = open_session,
) -> Outcome:
    """One try. ``destination`` names the pool's sessions; when there is none, or it was dead, ``opener`` opens another
    to what ``endpoints`` says."""
    if session := pool.take(destination):
        outcome = await transact(pool, destination, session, transaction)
        if session.alive or session.begun or not isinstance(outcome, Deferred):
            return outcome
        # the remote had hung up, or did so instead of an answer: that says nothing about this message
    found = await endpoints()
    if isinstance(found, Deferred | Failed):
        return unreached(found)
    return await over_new_session(pool, destination, client, found, transaction, opener)


async def over_new_session(
    pool: Pool,
    destination: str,
    client: Client,
    endpoints: Sequence[Endpoint],
    transaction: Transaction,
    opener: Opener,
) -> Outcome:
    """Address by address until one takes it or refuses for good (RFC 5321 5.1); the most telling outcome. A login that
    is refused is not tried again at the next address: that would lock the account."""
    telling: Outcome = Deferred(Answer("no address to try", 0, "4.4.4"))
    sessions = 0
    for number, endpoint in enumerate(endpoints[:MOST_ADDRESSES]):
        opened = await opener(endpoint, client)
        if isinstance(opened, Session):
            sessions += 1
            outcome = await transact(pool, destination, opened, transaction)
            if not isinstance(outcome, Deferred) or opened.in_doubt or sessions == MOST_SESSIONS:
                return outcome
        else:
            outcome = opened
            if isinstance(outcome, LoginRefused):
                return outcome
        telling = outcome if number == 0 else more_telling(telling, outcome)
    return telling if sessions else unreached(telling)


def unreached(outcome: Outcome) -> Outcome:
    """That outcome when nobody heard of the message; TLS and logins that were not as they had to be are another
    matter."""
    return Unreachable(outcome.answer) if type(outcome) is Deferred else outcome


def more_telling(one: Outcome, other: Outcome) -> Outcome:
    """Of two servers' outcomes: a deferral, for that server may still take it; of two deferrals one with words."""
    if isinstance(one, Deferred) != isinstance(other, Deferred):
        return one if isinstance(one, Deferred) else other
    return other if other.answer.code and not one.answer.code else one


async def transact(pool: Pool, destination: str, session: Session, transaction: Transaction) -> Outcome:
    """Send over a session and give it back to the pool."""
    try:
        (outcome,) = await session.send(transaction)
    finally:
        pool.give(destination, session)
    return outcome

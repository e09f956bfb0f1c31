"""A test mail by the real way of a tenant: handed in as an app would, carried out by the relay that runs, told step by
step (`relay.server.test_mail.step`).

1. `hand_in` makes the mail and has it taken in: verified, addressed, rewritten, signed, queued.
2. `follow` tells what a relay process makes of it, from what that writes into the store.
3. `note_certificate` looks at the server that it was handed to.
4. `relay.server.test_mail.cause` says why it did not arrive, and the one thing to do.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from relay.mail.delivery import State
from relay.server.intake import Intake
from relay.server.outbox import QueueAlone
from relay.server.test_mail.cause import Context, delivery_cause, hold_cause, refusal_cause, untaken_cause
from relay.server.test_mail.certificate import note_certificate
from relay.server.test_mail.follow import Look, follow
from relay.server.test_mail.hand_in import hand_in
from relay.server.test_mail.step import Cause, End, Fact, Journal, Result, Step

if TYPE_CHECKING:
    from relay.locales import Catalog
    from relay.mail.address import Address
    from relay.mail.delivery import Delivery
    from relay.mail.tenant import Tenant
    from relay.server.office import Office
    from relay.store.group import CommitGroup

__all__ = ["Cause", "End", "Fact", "Journal", "Result", "Step", "send_test_mail"]

ENDS = {State.FAILED: End.FAILED, State.CANCELLED: End.FAILED, State.HELD: End.HELD, State.QUEUED: End.WAITING}


async def send_test_mail(
    group: CommitGroup, office: Office, tenant: Tenant, to: Address, wait_for: float, journal: Journal, words: Catalog
) -> Result:
    """Send a test mail of ``tenant``, and tell ``journal`` what happens for ``wait_for`` seconds at most; ``words`` are
    the reader's. Raises StoreError."""
    fresh = secrets.token_bytes(32)
    loop_secret = await group.write(lambda store: store.secret("loop", fresh))
    intake = Intake(group, office, QueueAlone(group), journal.now, loop_secret)
    taken = await hand_in(intake, tenant, to, journal)
    if not taken.message_id:
        return Result(End.REFUSED, cause=refusal_cause(taken.reply, words))
    if taken.held:
        return Result(End.WAITING, taken.message_id, hold_cause(taken.reply, words))
    seen, untaken = await follow(group, taken.message_id, journal, journal.began_at + wait_for)
    for remote in sorted(spoken_to(seen)):
        await note_certificate(office.config, office.hostname, remote, journal)
    if untaken:
        return Result(End.WAITING, taken.message_id, untaken_cause(words))
    return await result_of(group, office, tenant, seen, words)


def spoken_to(seen: Look) -> set[str]:
    """The servers with which there was TLS."""
    return {attempt.answer.remote for _, attempts in seen.tries for attempt in attempts if attempt.answer.tls}


async def result_of(group: CommitGroup, office: Office, tenant: Tenant, seen: Look, words: Catalog) -> Result:
    """What it came to: the worst of the deliveries, with its cause."""
    missing = [each for each in seen.tries if each[0].state is not State.DELIVERED]
    if not missing:
        return Result(End.DELIVERED, seen.message.id)
    delivery, attempts = min(missing, key=lambda each: gravity(each[0]))
    server = await group.read(lambda store: store.own_server(tenant.id))
    context = Context(office.config.platform, tenant, server, words)
    cause = delivery_cause(context, seen.message, delivery, attempts, seen.waits.get(delivery.id))
    return Result(ENDS[delivery.state], seen.message.id, cause)


def gravity(delivery: Delivery) -> int:
    """Which comes first when several have not arrived."""
    return [*ENDS].index(delivery.state)

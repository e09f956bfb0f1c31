"""H12, S12: a thousand attempts send exactly as many verification mails as rule D2 allows, and none to who said no."""

from __future__ import annotations

from collections import Counter

import pytest

from relay.mail.address import parse_address
from relay.mail.sender import SenderState
from relay.mail.tenant import Tenant

ATTEMPTS = 1000
STEP = 20.0  # seconds between attempts: all of them within a day


def attempts(tenants: int, addresses: int) -> list[tuple[int, int]]:
    """Which tenant tries which address, in order; in time every tenant tries every address."""
    return [((number // addresses + number) % tenants, number % addresses) for number in range(ATTEMPTS)]


@pytest.mark.parametrize(
    ("tenants", "addresses", "blocked", "step", "mails"),
    [
        (50, 100, 0, STEP, 300),  # three a day for each address
        (50, 100, 10, STEP, 270),
        (5, 100, 0, STEP, 100),  # twenty a day for each tenant
        (1, 100, 0, STEP, 20),
        (1, 1, 0, 0.5, 1),  # all within a quarter of an hour
        (1, 1, 0, STEP, 3),
        (1, 1, 1, STEP, 0),
    ],
)
async def test_the_number_of_mails_is_exact(desk, tenants, addresses, blocked, step, mails) -> None:
    named = [
        Tenant(f"t{number}", f"Company {number}", f"info@t{number}.example", "en", 0.0) for number in range(tenants)
    ]
    owners = [parse_address(f"owner{number}@victim.example") for number in range(addresses)]

    def fill(store) -> None:
        for tenant in named:
            store.add_tenant(tenant)
            for owner in owners[:blocked]:
                store.put_sender(tenant.id, owner, SenderState.BLOCKED, 0.0)

    await desk.group.write(fill)
    for tenant, owner in attempts(tenants, addresses):
        desk.clock[0] += step
        reply = await desk.submit(f"From: {owners[owner]}\r\nTo: klant@customer.example\r\n", named[tenant])
        assert (reply.code, reply.enhanced) == (550, "5.7.1")
    sent = await desk.verification_mails()
    assert len(sent) == mails
    asked = Counter([each.recipient for one in sent for each in await deliveries(desk, one.id)])
    assert asked.keys() & {str(owner) for owner in owners[:blocked]} == set()
    assert max(asked.values(), default=0) <= 3
    assert max(Counter(one.tenant_id for one in sent).values(), default=0) <= 20
    assert desk.outbox.queued == []


async def deliveries(desk, message_id: str):
    return await desk.group.read(lambda store: store.deliveries(message_id))


async def test_the_next_day_counts_anew(desk) -> None:
    owner = "From: owner@victim.example\r\nTo: klant@customer.example\r\n"
    for _ in range(2):
        for _ in range(10):
            desk.clock[0] += 1000
            await desk.submit(owner)
        desk.clock[0] += 86_400
    assert len(await desk.verification_mails()) == 6


async def test_the_mail_holds_nothing_of_the_message(desk) -> None:
    hostile = (
        "From: WIN-A-PRIZE <owner@victim.example>\r\nSubject: https://evil.example/\r\nReply-To: x@evil.example\r\n"
    )
    await desk.submit(hostile, body=b"https://evil.example/\r\n")
    (mail,) = await desk.verification_mails()
    body = await desk.group.read(lambda store: store.read_chunk(mail.id, 0))
    assert b"evil.example" not in mail.header + body
    assert b"WIN-A-PRIZE" not in mail.header + body
    assert mail.reverse_path == "null"
    assert b"Auto-Submitted: auto-generated" in mail.header

"""The desk for bounces: what is kept of a report, and what must not come of one."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from relay.mail.address import Address
from relay.mail.delivery import DAY, Delivery, State
from relay.mail.envelope import Envelope, Incoming, Peer
from relay.mail.ids import make_id
from relay.mail.message import BytesBody
from relay.mail.route import RouteKind
from relay.mail.tenant import Tenant
from relay.server.bounces import BounceDesk
from relay.server.housekeeping import Retention, tidy
from relay.store.group import CommitGroup
from relay.store.model import MessageKind, Queued, StoredMessage
from relay.store.store import Store
from relay.store.webhooks import Webhook

NOW = 1_800_000_000.0
TENANT = Tenant(make_id(NOW, 1), "Bakker B.V.", "info@bakker.example", "nl", NOW)
CUSTOMER = "weg@klant.example"
HEADER = b'Subject: returned\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; boundary="x"\r\n'
BODY = (
    b"--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.klant.example\r\n\r\n"
    b"Final-Recipient: rfc822; weg@klant.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--x--\r\n"
)
AWAY = b"From: weg@klant.example\r\nAuto-Submitted: auto-replied\r\nSubject: Out of office\r\n"


@dataclass
class Clock:
    at: float = NOW

    def __call__(self) -> float:
        return self.at


@pytest.fixture
async def group(tmp_path: Path) -> AsyncIterator[CommitGroup]:
    opened = CommitGroup(f"sqlite:///{tmp_path / 'relay.db'}")
    await opened.start()
    await opened.write(lambda store: store.add_tenant(TENANT))
    yield opened
    await opened.close()


async def queue(group: CommitGroup, number: int = 2, kind: MessageKind = MessageKind.SUBMISSION, **fields) -> Delivery:
    """A message with one delivery."""
    message = StoredMessage(
        *(make_id(NOW, number), kind, TENANT.id, "app", "info@bakker.example", "Factuur 12", "invoice"),
        *(b"Subject: Factuur 12\r\n", b"Subject: Factuur 12\r\n", 1, hashlib.sha256(b"x").digest(), (), ()),
        *(RouteKind.PLATFORM, "verp", False, False, NOW, ""),
    )
    made = Delivery(make_id(NOW, 100 + number), message.id, CUSTOMER, "klant.example", State.QUEUED, 1, NOW, NOW)
    made = replace(made, **fields)
    await group.write(lambda store: store.enqueue(Queued(message, (made,), b"x")))
    return made


def incoming(header: bytes = HEADER, body: bytes = BODY) -> Incoming:
    path = Address("x", "bounce.platform.example")
    return Incoming(Envelope(None, (path,)), header, BytesBody(body), Peer("192.0.2.1", "mx", "ESMTP", ""))


async def untold(group: CommitGroup, delivery: Delivery) -> list[str]:
    def read(store: Store) -> list[str]:
        return [each.event for each in store.untold(delivery.message_id, NOW + DAY)]

    return await group.read(read)


async def test_what_is_being_sent_is_not_decided_over(group: CommitGroup) -> None:
    """The bounce may be quicker than our own note that the message was taken."""
    delivery = await queue(group, leased_until=NOW + 60, leased_by="node")
    desk, clock = BounceDesk(group, Clock()), Clock(NOW + 120)
    said = await desk.take(incoming(), delivery.id)
    assert said is not None
    assert said.code == 451
    assert await group.read(lambda store: store.bounces(delivery.id)) == []
    said = await BounceDesk(group, clock).take(incoming(), delivery.id)  # that process is gone
    assert said is not None
    assert said.code == 250
    found = await group.read(lambda store: store.delivery(delivery.id))
    assert found is not None
    assert (found.state, found.last_reply) == (State.FAILED, "550 5.1.1 no such user")
    assert await untold(group, delivery) == ["FAILURE"]


@pytest.mark.parametrize("kind", [MessageKind.REPLY, MessageKind.FAILURE])
async def test_a_bounce_of_a_mail_of_ours_is_kept_and_told_nobody(group: CommitGroup, kind: MessageKind) -> None:
    delivery = await queue(group, kind=kind)
    assert await BounceDesk(group, Clock()).take(incoming(), delivery.id) is not None
    assert [each.meaning for each in await group.read(lambda store: store.bounces(delivery.id))] == ["failed"]
    assert await untold(group, delivery) == []
    assert await group.read(lambda store: store.suppressions()) == []


async def test_a_cancelled_delivery_stays_so(group: CommitGroup) -> None:
    delivery = await queue(group)
    await group.write(lambda store: store.cancel([delivery.id], NOW))
    assert await BounceDesk(group, Clock()).take(incoming(), delivery.id) is not None
    found = await group.read(lambda store: store.delivery(delivery.id))
    assert found is not None
    assert found.state is State.CANCELLED
    assert await untold(group, delivery) == []


async def test_an_answer_is_for_another_desk(group: CommitGroup) -> None:
    delivery = await queue(group)
    for header in (AWAY, b"From: weg@klant.example\r\nSubject: Re: Factuur 12\r\n"):
        assert await BounceDesk(group, Clock()).take(incoming(header, b"hallo\r\n"), delivery.id) is None
    assert await group.read(lambda store: store.bounces(delivery.id)) == []


async def test_a_report_is_kept_as_long_as_a_message(group: CommitGroup) -> None:
    delivery = await queue(group)
    await BounceDesk(group, Clock()).take(incoming(), delivery.id)
    (kept,) = await group.read(lambda store: store.bounces(delivery.id))
    assert await group.read(lambda store: store.returned_mail(delivery.id)) == HEADER + b"\r\n" + BODY
    await tidy(group, Retention(), NOW + 2 * 3600)
    assert await group.read(lambda store: store.read_chunk(kept.report_id, 0)) is None
    assert await group.read(lambda store: store.message(kept.report_id)) is not None
    await tidy(group, Retention(), NOW + 31 * DAY)
    assert await group.read(lambda store: store.message(kept.report_id)) is None


async def test_a_suppression_ends_and_is_forgotten_long_after(group: CommitGroup) -> None:
    delivery = await queue(group)
    await BounceDesk(group, Clock()).take(incoming(), delivery.id)
    recipient = Address("WEG", "klant.example")

    async def suppressed(at: float, tenant: str = TENANT.id) -> list[str]:
        return list(await group.read(lambda store: store.suppressed(tenant, [recipient], at)))

    assert await suppressed(NOW) == [CUSTOMER]
    assert await suppressed(NOW, "another") == []
    assert await suppressed(NOW + 31 * DAY) == []
    await tidy(group, Retention(), NOW + 300 * DAY)
    assert len(await group.read(lambda store: store.suppressions())) == 1  # the next one lasts longer
    await tidy(group, Retention(), NOW + 400 * DAY)
    assert await group.read(lambda store: store.suppressions()) == []


COMPLAINT = (
    b"From: fbl@provider.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/report; report-type=feedback-report; boundary=x\r\n"
)
COMPLAINT_BODY = (
    b"--x\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
    b"--x\r\nContent-Type: message/feedback-report\r\n\r\n"
    b"Feedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n"
    b"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: Factuur 12\r\n\r\nx\r\n--x--\r\n"
)


@pytest.mark.parametrize(
    ("event", "header", "body"), [("bounced", HEADER, BODY), ("complained", COMPLAINT, COMPLAINT_BODY)]
)
async def test_an_app_is_told(group: CommitGroup, event: str, header: bytes, body: bytes) -> None:
    delivery = await queue(group)
    webhook = Webhook("w1", TENANT.id, "https://app.example/", ("bounced", "complained"), b"", NOW)
    await group.write(lambda store: store.add_webhook(webhook))
    assert await BounceDesk(group, Clock()).take(incoming(header, body), delivery.id) is not None
    told = await group.write(lambda store: store.lease_webhook_events("w1", NOW + DAY, NOW + 2 * DAY, 10))
    assert [(each.event, each.message_id, each.delivery_id) for each in told] == [
        (event, delivery.message_id, delivery.id)
    ]

"""What authors are told, and when: over a real store, with a clock of the test's."""

from __future__ import annotations

import email
import hashlib
from dataclasses import replace
from email import policy

import pytest

from relay.config import Config
from relay.mail.date import mail_date
from relay.mail.delivery import HOUR, LIFETIME, Answer, Attempt, Deferred, Delivered, Delivery, Failed, State
from relay.mail.ids import make_id
from relay.mail.route import RouteKind
from relay.mail.tenant import Tenant
from relay.server.office import Office
from relay.server.settling import Clerk
from relay.server.signer import Signer
from relay.server.telling import Teller, story_of
from relay.store.bounces import BounceRow
from relay.store.group import CommitGroup
from relay.store.model import MessageKind, Queued, Settlement, StoredMessage, Work

NOW = 1_800_000_000.0
AUTHOR = "info@bakker.example"
TENANT = Tenant(make_id(NOW, 1), "Bakker B.V.", "boekhouding@bakker.example", "en", NOW)
HEADER = b"From: Bakker <info@bakker.example>\r\nTo: ann@customer.example\r\nSubject: Factuur 2026-0042\r\n"
MX = "mx.customer.example[192.0.2.1]:25"
TAKEN = Delivered(Answer("taken", 250, "2.0.0", MX))
NEVER = Failed(Answer("no such user", 550, "5.1.1", MX))
LATER = Deferred(Answer("try again later", 451, "4.7.1", MX))


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def group(tmp_path):
    group = CommitGroup(f"sqlite:///{tmp_path / 'relay.db'}")
    await group.start()
    await group.write(lambda store: store.add_tenant(TENANT))
    yield group
    await group.close()


@pytest.fixture
def queue(group):
    """Queues a message to some recipients, by name."""
    count = iter(range(10, 1000))

    async def put(*names: str, notify: str = "", body: bytes = b"the body\r\n", **message) -> StoredMessage:
        stored = StoredMessage(
            id=make_id(NOW, next(count)), kind=MessageKind.SUBMISSION, tenant_id=TENANT.id, login="app", author=AUTHOR,
            subject="Factuur 2026-0042", document="invoice", original_header=HEADER, header=HEADER,
            body_size=len(body), body_sha256=hashlib.sha256(body).digest(), changes=(), events=(),
            route=RouteKind.PLATFORM, reverse_path="verp", smtputf8=False, eightbit=False, received_at=NOW, peer="",
        )  # fmt: skip
        stored = replace(stored, **message)
        deliveries = tuple(
            Delivery(
                make_id(NOW, next(count)), stored.id, f"{name}@customer.example", "customer.example", State.QUEUED, 0,
                NOW, NOW, notify=notify,
            )
            for name in names
        )  # fmt: skip
        await group.write(lambda store: store.enqueue(Queued(stored, deliveries, body)))
        return stored

    return put


@pytest.fixture
def settle(group, clock):
    """Lets an attempt at the delivery to one name come to something."""

    async def after_own(work, settlement):
        return False

    async def run(message: StoredMessage, name: str, outcome, *, reports: bool = False) -> None:
        deliveries = await group.read(lambda store: store.deliveries(message.id))
        [waiting] = [each for each in deliveries if each.recipient.startswith(f"{name}@")]
        await group.write(lambda store: store.retry([waiting.id], clock()))
        leased = await group.write(lambda store: store.lease("n", clock(), clock() + HOUR, 100))
        [work] = [each for each in leased if each.delivery.id == waiting.id]
        others = [each.delivery.id for each in leased if each is not work]
        await group.write(lambda store: store.release(others, "n"))
        word = {Delivered: "delivered", Failed: "failed", Deferred: "deferred"}[type(outcome)]
        attempt = Attempt(work.delivery.attempt, clock(), 0.1, word, outcome.answer)
        settlement = Settlement(work.delivery, work.delivery.after(outcome, clock()), attempt, reports)
        clerk = Clerk(group, lambda: None, clock, after_own)
        await clerk.settle(Work(work.delivery, work.message, TENANT), settlement)

    return run


@pytest.fixture
def told(group, clock):
    """What is told now, as the mails that were queued by it."""
    seen: set[str] = set()
    wakes: list[float] = []
    office = Office(Config(), Signer([]), "relay.example")
    teller = Teller(group, office, lambda: wakes.append(1), clock, 4 * HOUR)

    async def tell() -> list[email.message.EmailMessage]:
        before = len(wakes)
        await teller.tell()
        stored = await group.read(lambda store: store.messages(1000))
        fresh = [each for each in stored if each.kind is not MessageKind.SUBMISSION and each.id not in seen]
        seen.update(each.id for each in fresh)
        assert (len(wakes) > before) == bool(fresh)
        bodies = [await group.read(lambda store, id=each.id: store.read_chunk(id, 0)) for each in fresh]
        mails = [each.header + b"\r\n" + body for each, body in zip(fresh, bodies, strict=True)]
        return [email.message_from_bytes(mail, policy=policy.default) for mail in mails]

    tell.teller = teller
    return tell


def text(mail) -> str:
    return mail.get_body(("plain",)).get_content()


def report(mail) -> list[dict[str, str]]:
    """The groups of fields that programs read, without that of the message."""
    status = next(part for part in mail.walk() if part.get_content_type() == "message/delivery-status")
    return [dict(group.items()) for group in status.get_payload()][1:]


async def test_failures_of_one_message_are_one_mail(queue, settle, told):
    message = await queue("ann", "bob", "eve")
    await settle(message, "ann", NEVER)
    assert await told() == []  # what becomes of the others is not known yet
    await settle(message, "bob", TAKEN)
    assert await told() == []
    await settle(message, "eve", NEVER)
    [mail] = await told()
    assert mail["To"] == AUTHOR
    assert mail["Subject"] == "Not delivered: Factuur 2026-0042"
    assert [group["Final-Recipient"] for group in report(mail)] == [
        "rfc822; ann@customer.example",
        "rfc822; eve@customer.example",
    ]
    assert "550 5.1.1 no such user" in text(mail)
    assert "invoice 2026-0042" in text(mail)
    assert await told() == []


async def test_it_does_not_wait_for_long(queue, settle, told, clock):
    message = await queue("ann", "bob", "eve")
    await settle(message, "ann", NEVER)
    await settle(message, "bob", LATER)
    clock.at += 59
    assert await told() == []
    await settle(message, "eve", NEVER)
    clock.at += 1
    [mail] = await told()
    assert len(report(mail)) == 2
    await settle(message, "bob", NEVER)
    [mail] = await told()
    assert [group["Final-Recipient"] for group in report(mail)] == ["rfc822; bob@customer.example"]


async def test_what_people_hold_or_cancel_is_not_waited_for(group, queue, settle, told, clock):
    message = await queue("ann", "bob")
    await settle(message, "ann", NEVER)
    [_, bob] = await group.read(lambda store: store.deliveries(message.id))
    await group.write(lambda store: store.hold([bob.id], clock()))
    assert len(await told()) == 1


@pytest.mark.parametrize(("notify", "count"), [("", 1), ("FAILURE", 1), ("SUCCESS,DELAY", 0), ("NEVER", 0)])
async def test_who_wants_no_notice_of_failure_gets_none(queue, settle, told, notify, count):
    message = await queue("ann", notify=notify)
    await settle(message, "ann", NEVER)
    assert len(await told()) == count


@pytest.mark.parametrize(("reports", "count"), [(False, 1), (True, 0)])
async def test_success_is_told_once_where_that_is_wanted_and_nobody_else_will(queue, settle, told, reports, count):
    message = await queue("ann", "bob", notify="SUCCESS")
    await settle(message, "ann", TAKEN, reports=reports)
    await settle(message, "bob", TAKEN, reports=reports)
    mails = await told()
    assert [len(report(mail)) for mail in mails] == [2] * count


@pytest.mark.parametrize("kind", [MessageKind.FAILURE, MessageKind.VERIFICATION, MessageKind.DELAY])
async def test_never_a_bounce_of_a_bounce(queue, settle, told, kind, clock, group):
    message = await queue("ann", kind=kind)
    await settle(message, "ann", LATER)
    clock.at += 5 * HOUR
    await told.teller.tell()
    await settle(message, "ann", NEVER)
    clock.at += 120
    await told.teller.tell()
    assert [each.id for each in await group.read(lambda store: store.messages(10))] == [message.id]


@pytest.mark.parametrize(("ret", "returned"), [("FULL", True), ("HDRS", False), ("", False)])
async def test_the_message_comes_back_whole_where_that_is_wanted(queue, settle, told, ret, returned):
    message = await queue("ann", ret=ret)
    await settle(message, "ann", NEVER)
    [mail] = await told()
    assert (b"the body" in mail.as_bytes()) == returned


async def test_a_notice_that_cannot_be_written_does_not_come_again_and_holds_up_nobody(queue, settle, told, caplog):
    broken = await queue("ann", author="no address")
    whole = await queue("bob")
    await settle(broken, "ann", NEVER)
    await settle(whole, "bob", NEVER)
    assert len(await told()) == 1
    assert "no notice" in caplog.text
    caplog.clear()
    assert await told() == []
    assert caplog.text == ""


async def test_two_processes_tell_it_once(queue, settle, told, group, clock):
    message = await queue("ann")
    await settle(message, "ann", NEVER)
    other = replace(told.teller)
    story = await group.read(lambda store: store.tellable(clock(), 10))
    assert story == [message.id]
    await other.tell_of(message.id, clock())
    await told.teller.tell_of(message.id, clock())
    mails = [each for each in await group.read(lambda store: store.messages(10)) if each.id != message.id]
    assert len(mails) == 1


# ---- late ----------------------------------------------------------------------------------------------------------


async def test_after_four_hours_the_author_is_told_once_of_all_that_wait(queue, settle, told, clock):
    message = await queue("ann", "bob", "eve")
    await settle(message, "ann", TAKEN)
    await settle(message, "bob", LATER)
    clock.at = NOW + 4 * HOUR - 61
    assert await told() == []
    clock.at = NOW + 4 * HOUR + 61
    [mail] = await told()
    assert mail["Subject"] == "Delayed: Factuur 2026-0042"
    bob, eve = report(mail)
    assert bob["Final-Recipient"] == "rfc822; bob@customer.example"
    assert (bob["Action"], bob["Status"]) == ("delayed", "4.7.1")
    assert bob["Will-Retry-Until"] == mail_date(NOW + LIFETIME)
    assert (eve["Action"], eve["Status"]) == ("delayed", "4.4.1")  # never tried: nobody is there
    assert "451 4.7.1 try again later" in text(mail)
    clock.at += 5 * HOUR
    await settle(message, "bob", LATER)
    assert await told() == []


@pytest.mark.parametrize(
    ("notify", "count"), [("", 1), ("DELAY", 1), ("FAILURE,DELAY", 1), ("FAILURE", 0), ("NEVER", 0)]
)
async def test_who_wants_no_notice_of_delay_gets_none(queue, settle, told, clock, notify, count):
    message = await queue("ann", notify=notify)
    await settle(message, "ann", LATER)
    clock.at += 5 * HOUR
    assert len(await told()) == count


async def test_by_its_own_server_mail_is_late_without_a_mail_each(queue, told, clock):
    await queue("ann", route=RouteKind.OWN)
    clock.at += 5 * HOUR
    assert await told() == []


async def test_nothing_is_late_where_that_is_switched_off(queue, told, clock):
    await queue("ann")
    told.teller.late_after = 0
    clock.at += 50 * HOUR
    assert await told() == []


async def test_what_was_late_and_arrives_everywhere_is_told(queue, settle, told, clock):
    message = await queue("ann", "bob")
    clock.at += 5 * HOUR
    assert len(await told()) == 1
    await settle(message, "ann", TAKEN)
    assert await told() == []
    await settle(message, "bob", TAKEN)
    [mail] = await told()
    assert mail["Subject"] == "Delivered after all: Factuur 2026-0042"
    assert mail.get_content_type() == "multipart/alternative"
    assert "ann@customer.example, bob@customer.example" in text(mail)
    clock.at += 120
    assert await told() == []


async def test_what_was_late_and_fails_in_part_has_not_recovered(queue, settle, told, clock):
    message = await queue("ann", "bob")
    clock.at += 5 * HOUR
    await told()
    await settle(message, "ann", NEVER)
    await settle(message, "bob", TAKEN)
    [mail] = await told()
    assert mail["Subject"].startswith("Not delivered: ")


async def test_what_nobody_knew_to_be_late_arrives_without_a_word(queue, settle, told, clock):
    message = await queue("ann")
    await settle(message, "ann", LATER)
    clock.at += 3 * HOUR
    await settle(message, "ann", TAKEN)
    assert await told() == []


async def test_the_report_of_a_server_that_sent_it_back_goes_along(queue, settle, told, group, clock):
    message = await queue("ann", "bob")
    await settle(message, "ann", NEVER)
    await settle(message, "bob", NEVER)
    body = b"Your mail to ann came back.\r\n"
    [ann, _] = await group.read(lambda store: store.deliveries(message.id))
    returned = b"Subject: Returned\r\n"
    report = replace(message, id=make_id(NOW, 9999), kind=MessageKind.BOUNCE, original_header=returned, header=returned)

    def put(store) -> None:
        store.enqueue(Queued(report, (), body))
        store.add_bounce(BounceRow(report.id, ann.id, "failed", clock(), "no such user"))

    await group.write(put)
    found = await group.read(lambda store: story_of(message.id, clock(), store))
    assert list(found.reports) == [b"Subject: Returned\r\n\r\nYour mail to ann came back.\r\n"]
    await told.teller.tell()
    [mail] = [each for each in await group.read(lambda store: store.messages(10)) if each.kind is MessageKind.FAILURE]
    assert body in await group.read(lambda store: store.read_chunk(mail.id, 0))

"""Mail to the platform's address: what goes on to the author, what is counted, who is told, what is held; nothing is
lost without a word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from relay.config import Config
from relay.config.schema import Platform
from relay.mail.address import Address, parse_address
from relay.mail.delivery import DAY, State
from relay.mail.envelope import Envelope, Peer, Submission
from relay.mail.message import BytesBody, Message
from relay.mail.reply import Reply
from relay.mail.sender import SenderState
from relay.mail.tenant import Tenant
from relay.server import replies
from relay.server.forwarding import Arrival
from relay.server.intake import Intake
from relay.server.office import Office
from relay.server.replies import ReplyDesk
from relay.server.signer import Signer
from relay.store.group import CommitGroup
from relay.store.model import MessageKind, Queued, StoredMessage
from relay.store.webhooks import Webhook

PLATFORM = parse_address("mail@customers.platform.example")
JAN = parse_address("jan@klant.example")
TENANTS = {name: Tenant(name, f"{name} B.V.", f"info@{name}.example", "nl", 0.0) for name in ("bakker", "slager")}
PEER = Peer("192.0.2.7", "mx.klant.example", "ESMTPS", "")
HINTS = MessageKind.HINT
ANSWER = "From: Jan Klant <jan@klant.example>\nTo: mail@customers.platform.example\nSubject: Re: Factuur\n"
AWAY = "From: jan@klant.example\nSubject: Afwezig: Factuur\nAuto-Submitted: auto-replied\n"
BOUNCE = "From: MAILER-DAEMON@klant.example\nTo: mail@customers.platform.example\nSubject: Undelivered mail\n"


@dataclass
class Post:
    """The intake and the desk on one database, under a clock that the test turns."""

    config: Config
    group: CommitGroup
    clock: list[float] = field(default_factory=lambda: [1_600_000_000.0])
    woken: int = 0

    def __post_init__(self) -> None:
        office = Office(self.config, Signer([]), "mx.platform.example")
        self.intake = Intake(self.group, office, self, lambda: self.clock[0], bytes(32))
        self.desk = ReplyDesk(self.group, office, self.wake, lambda: self.clock[0], bytes(32))

    def wake(self) -> None:
        self.woken += 1

    async def enqueue(self, queued: Queued, tenant: Tenant) -> None:
        await self.group.write(lambda store: store.enqueue(queued))

    async def send(self, header: str = "", tenant: str = "bakker", to: Address = JAN) -> StoredMessage:
        """A message that an app handed in."""
        self.clock[0] += 1
        header = f"From: facturen@{tenant}.example\nSubject: Factuur 7\n{header}"
        message = Message.parse(header.replace("\n", "\r\n").encode(), BytesBody(b"Bijgaand.\r\n"))
        envelope = Envelope(parse_address(f"app@{tenant}.example"), (to,))
        reply = await self.intake.accept(Submission(envelope, message, TENANTS[tenant], PEER))
        assert reply.code == 250, reply
        stored = await self.group.read(lambda store: store.message(reply.lines[0].split()[-1]))
        assert stored
        return stored

    async def take(self, header: str, body: bytes = b"Dank u.\r\n", **facts: object) -> Reply:
        """The reply to a mail that comes in; from Jan unless ``facts`` say otherwise."""
        self.clock[0] += 1
        message = Message.parse(header.replace("\n", "\r\n").encode(), BytesBody(body))
        arrival = Arrival(message, JAN, PLATFORM, PEER)
        return await self.desk.take(replace(arrival, **facts))

    async def kept(self, kind: MessageKind) -> list[StoredMessage]:
        """The messages of a kind, the oldest first."""
        stored = await self.group.read(lambda store: store.messages(1000))
        return [message for message in reversed(stored) if message.kind is kind]

    async def states(self, message: StoredMessage) -> list[tuple[str, State]]:
        """Where a message goes, and how far it is."""
        return [(each.recipient, each.state) for each in await self.group.read(lambda s: s.deliveries(message.id))]

    async def answers(self, message: StoredMessage) -> dict[str, int]:
        return await self.group.read(lambda store: store.answers(message.id))


@pytest.fixture
async def make_post(tmp_path: Path) -> AsyncIterator:
    group = CommitGroup(f"sqlite:///{tmp_path}/relay.db")
    await group.start()

    def fill(store) -> None:
        for tenant in TENANTS.values():
            store.add_tenant(tenant)
            for local in ("facturen", "boekhouding"):
                store.put_sender(tenant.id, parse_address(f"{local}@{tenant.id}.example"), SenderState.VERIFIED, 0.0)

    await group.write(fill)
    yield lambda **platform: Post(Config(platform=Platform(name="Platform", locale="nl", **platform)), group)
    await group.close()


@pytest.fixture
def post(make_post) -> Post:
    return make_post()


def value(message: StoredMessage, key: str) -> str:
    found = Message.parse(message.header, BytesBody(b"")).first(key)
    return found.value.decode() if found else ""


async def test_an_answer_goes_to_the_author(post):
    sent = await post.send("Message-ID: <m1@bakker.example>\n")
    reply = await post.take(ANSWER + "In-Reply-To: <m1@bakker.example>\nMessage-ID: <r1@klant.example>\n")
    [passed] = await post.kept(MessageKind.REPLY)
    assert reply.text == f"250 2.0.0 queued as {passed.id}"
    assert await post.states(passed) == [("facturen@bakker.example", State.QUEUED)]
    assert value(passed, "from") == '"Jan Klant via Platform" <mail@customers.platform.example>'
    assert value(passed, "reply-to") == '"Jan Klant" <jan@klant.example>'
    assert value(passed, "to") == "facturen@bakker.example"
    assert value(passed, "message-id") == "<r1@klant.example>"
    assert (passed.tenant_id, passed.reverse_path, passed.subject) == ("bakker", "verp", "Re: Factuur")
    body = await post.group.read(lambda store: store.read_chunk(passed.id, 0))
    assert body == b"Dank u.\r\n"
    assert await post.answers(sent) == {"person": 1}
    assert post.woken == 1


async def test_it_goes_where_answers_were_meant_to_go(post):
    await post.send("Message-ID: <m1@bakker.example>\nReply-To: boekhouding@bakker.example\n")
    await post.take(ANSWER + "References: <old@x.example> <m1@bakker.example>\n")
    [passed] = await post.kept(MessageKind.REPLY)
    assert await post.states(passed) == [("boekhouding@bakker.example", State.QUEUED)]


async def test_the_message_id_that_we_gave_is_known_too(post):
    sent = await post.send()
    await post.take(ANSWER + f"In-Reply-To: {value(sent, 'message-id')}\n")
    assert await post.answers(sent) == {"person": 1}


async def test_a_message_is_found_however_late_it_was_committed(post):
    """Each answer fills the table up to now; what began before that and is committed after it is found all the same."""
    early = post.clock[0]
    await post.send("Message-ID: <m1@bakker.example>\n")
    post.clock[0] += 600
    await post.take(ANSWER + "In-Reply-To: <m1@bakker.example>\n")
    now, post.clock[0] = post.clock[0], early
    sent = await post.send("Message-ID: <m2@bakker.example>\n")
    post.clock[0] = now
    await post.take(ANSWER + "In-Reply-To: <m2@bakker.example>\n")
    assert await post.answers(sent) == {"person": 1}


async def test_the_reverse_path_tells_more_than_any_header(post):
    sent = await post.send("Message-ID: <m1@bakker.example>\n")
    await post.send("Message-ID: <m2@slager.example>\n", "slager")
    [delivery] = await post.group.read(lambda store: store.deliveries(sent.id))
    await post.take(ANSWER + "In-Reply-To: <m2@slager.example>\n", delivery_id=delivery.id)
    [passed] = await post.kept(MessageKind.REPLY)
    assert passed.tenant_id == "bakker"


async def test_a_message_id_used_again_draws_no_answers(post):
    await post.send("Message-ID: <m1@bakker.example>\n", "bakker", to=parse_address("info@klant.example"))
    await post.send("Message-ID: <m1@bakker.example>\n", "slager", to=parse_address("x@elsewhere.example"))
    await post.take(ANSWER + "In-Reply-To: <m1@bakker.example>\n")
    [passed] = await post.kept(MessageKind.REPLY)
    assert passed.tenant_id == "bakker"


async def test_of_several_the_one_that_went_to_the_writer_is_answered(post):
    await post.send("Message-ID: <m1@bakker.example>\n", "bakker", to=parse_address("info@klant.example"))
    await post.send("Message-ID: <m1@bakker.example>\n", "slager", to=JAN)
    await post.take(ANSWER + "In-Reply-To: <m1@bakker.example>\n")
    [passed] = await post.kept(MessageKind.REPLY)
    assert passed.tenant_id == "slager"


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (AWAY, "away"),
        ("From: jan@klant.example\nSubject: Re: x\nAuto-Submitted: auto-replied\n", "notice"),
        ("From: jan@klant.example\nContent-Type: message/disposition-notification\n", "receipt"),
        ("From: fbl@isp.example\nContent-Type: message/feedback-report\n", "complaint"),
    ],
)
async def test_what_a_program_answers_is_counted_and_goes_nowhere(post, header, kind):
    sent = await post.send("Message-ID: <m1@bakker.example>\n")
    reply = await post.take(header + "In-Reply-To: <m1@bakker.example>\n", reverse_path=None)
    assert reply.code == 250
    assert await post.answers(sent) == {kind: 1}
    assert len(await post.group.read(lambda store: store.messages(10))) == 1
    assert post.woken == 0


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (BOUNCE, "bounce"),
        ("From: jan@klant.example\nSubject: Please confirm your message\nAuto-Submitted: auto-replied\n", "challenge"),
        ("From: MAILER-DAEMON@klant.example\nSubject: Sorry\n", "report"),
    ],
)
async def test_what_stopped_a_message_goes_to_its_author(post, header, kind):
    sent = await post.send("Message-ID: <m1@bakker.example>\n")
    body = b"<jan@klant.example>: 550 5.1.1 no such user\r\n" if kind == "bounce" else b"?\r\n"
    await post.take(header + "In-Reply-To: <m1@bakker.example>\n", body, reverse_path=None)
    [passed] = await post.kept(MessageKind.REPLY)
    assert value(passed, "auto-submitted") == ("auto-replied" if kind == "challenge" else "")
    assert await post.answers(sent) == {kind: 1}


async def test_somebody_whose_mail_answers_nothing_is_told_once_a_day(post):
    first = await post.take(ANSWER + "Message-ID: <n1@klant.example>\nIn-Reply-To: <unknown@x.example>\n")
    [told] = await post.kept(HINTS)
    assert first.text == f"250 2.0.0 answered as {told.id}"
    assert await post.states(told) == [("jan@klant.example", State.QUEUED)]
    assert told.reverse_path == "null"
    assert (value(told, "auto-submitted"), value(told, "in-reply-to")) == ("auto-replied", "<n1@klant.example>")
    body = b"".join([await post.group.read(lambda store: store.read_chunk(told.id, 0)) or b""])
    assert b"Dank u" not in body
    assert b"mail@customers.platform.example" in body
    second = await post.take(ANSWER)
    assert (second.code, second.enhanced) == (550, "5.1.1")
    assert "adres van het bedrijf zelf" in second.text
    post.clock[0] += DAY
    assert (await post.take(ANSWER)).code == 250
    assert len(await post.kept(HINTS)) == 2
    assert await post.kept(MessageKind.REPLY) == []


@pytest.mark.parametrize(
    ("header", "facts"),
    [
        (ANSWER, {"reverse_path": None}),
        (ANSWER, {"reverse_path": parse_address("noreply@klant.example")}),
        (ANSWER, {"reverse_path": parse_address("list-bounces@klant.example")}),
        (ANSWER, {"reverse_path": parse_address("owner-list@klant.example")}),
        (ANSWER, {"reverse_path": PLATFORM}),
        (ANSWER, {"reverse_path": parse_address("x@bounce.platform.example")}),
        (ANSWER.replace("To: mail@customers", "To: other@customers"), {}),
        (BOUNCE, {"reverse_path": None}),
    ],
)
async def test_what_must_not_be_answered_is_held_for_the_operator(post, header, facts, caplog):
    reply = await post.take(header, b"<els@klant.example>: 550 5.1.1 no such user\r\n", **facts)
    [held] = await post.kept(MessageKind.REPLY)
    assert reply.text == f"250 2.0.0 held as {held.id}"
    assert await post.states(held) == [("postmaster@customers.platform.example", State.HELD)]
    assert await post.kept(HINTS) == []
    assert [record.levelname for record in caplog.records if "answer kept" in record.message] == ["WARNING"]


async def test_there_is_a_bound_on_what_strangers_set_off(post, monkeypatch):
    monkeypatch.setattr(replies, "MOST_HINTS", 1)
    monkeypatch.setattr(replies, "MOST_KEPT", 1)
    codes = [(await post.take(ANSWER, reverse_path=parse_address(f"a{number}@x.example"))).code for number in range(4)]
    assert codes == [250, 250, 550, 550]
    assert (len(await post.kept(HINTS)), len(await post.kept(MessageKind.REPLY))) == (1, 1)


async def test_a_mail_that_passed_here_is_refused(post):
    await post.send("Message-ID: <m1@bakker.example>\n")
    await post.take(ANSWER + "In-Reply-To: <m1@bakker.example>\n")
    [passed] = await post.kept(MessageKind.REPLY)
    again = await post.take(passed.header.decode().replace("\r\n", "\n"))
    assert (again.code, again.enhanced) == (554, "5.4.6")
    assert len(await post.kept(MessageKind.REPLY)) == 1


async def test_an_app_is_told_of_an_answer(post):
    sent = await post.send("Message-ID: <m1@bakker.example>\n")
    webhook = Webhook("w1", "bakker", "https://app.example/", ("replied",), b"", post.clock[0])
    await post.group.write(lambda store: store.add_webhook(webhook))
    await post.take(ANSWER + "In-Reply-To: <m1@bakker.example>\n")
    late = post.clock[0] + 60
    [told] = await post.group.write(lambda store: store.lease_webhook_events("w1", late, late + 60, 10))
    assert (told.event, told.message_id) == ("replied", sent.id)


async def test_a_mail_from_nobody_is_refused(post):
    reply = await post.take("Subject: x\nTo: mail@customers.platform.example\n", reverse_path=None)
    assert (reply.code, reply.enhanced) == (550, "5.6.0")


async def test_an_address_of_a_tenants_own_tells_whose_an_answer_is(make_post):
    post = make_post(address="mail+{tenant}@customers.platform.example")
    sent = await post.send("Message-ID: <m1@bakker.example>\n")
    await post.send("Message-ID: <m2@slager.example>\n", "slager")
    own = parse_address("mail+bakker@customers.platform.example")
    await post.take(ANSWER + "In-Reply-To: <m2@slager.example>\n", recipient=own, tenant_id="bakker")
    await post.take(ANSWER + "In-Reply-To: <m1@bakker.example>\n", recipient=own, tenant_id="bakker")
    unknown, known = await post.kept(MessageKind.REPLY)
    assert value(unknown, "from") == '"Jan Klant via Platform" <mail+bakker@customers.platform.example>'
    assert await post.states(unknown) == [("info@bakker.example", State.QUEUED)]
    assert await post.states(known) == [("facturen@bakker.example", State.QUEUED)]
    assert await post.answers(sent) == {"person": 1}
    gone = await post.take(ANSWER, recipient=parse_address("mail+x@customers.platform.example"), tenant_id="x")
    assert (gone.code, gone.enhanced) == (550, "5.1.1")


async def test_a_large_answer_goes_on_whole(post):
    await post.send("Message-ID: <m1@bakker.example>\n")
    body = b"0123456789abcdef\r\n" * 40_000
    await post.take(ANSWER + "In-Reply-To: <m1@bakker.example>\n", body)
    [passed] = await post.kept(MessageKind.REPLY)
    chunks = [await post.group.read(lambda store, n=number: store.read_chunk(passed.id, n)) for number in range(10)]
    assert b"".join(chunk or b"" for chunk in chunks) == body


async def test_answers_go_with_what_they_are_about(post):
    sent = await post.send("Message-ID: <m1@bakker.example>\n")
    await post.take(AWAY + "In-Reply-To: <m1@bakker.example>\n")
    await post.take(AWAY)
    assert await post.group.read(lambda store: store.answers_since("counted", 0.0)) == 2
    later = post.clock[0] + DAY
    assert await post.group.write(lambda store: store.purge_answers(later)) == 1
    await post.group.write(lambda store: store.erase_tenant("bakker"))
    assert await post.group.read(lambda store: store.answers_since("counted", 0.0)) == 0
    assert await post.group.read(lambda store: store.ids_by_message_id("m1@bakker.example")) == []
    assert sent.tenant_id == "bakker"


async def test_programs_are_told_of_a_persons_answer_only(post):
    hook = Webhook("h1", None, "https://app.example/", ("replied",), b"", 0.0)
    await post.group.write(lambda store: store.add_webhook(hook))
    sent = await post.send("Message-ID: <m1@bakker.example>\n")
    await post.take(AWAY + "In-Reply-To: <m1@bakker.example>\n")
    await post.take(ANSWER + "In-Reply-To: <m1@bakker.example>\n")
    now = post.clock[0] + 1
    events = await post.group.write(lambda store: store.lease_webhook_events("h1", now, now + 60, 10))
    assert [(event.event, event.message_id) for event in events] == [("replied", sent.id)]

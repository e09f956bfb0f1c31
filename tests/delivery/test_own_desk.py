"""What becomes of mail whose own server refuses the login, is gone, or fails for long. The clock is the test's."""

from __future__ import annotations

import email
import hashlib
from dataclasses import replace
from email import policy

import msgspec
import pytest

from relay.config import Config, Policy
from relay.locales import LANGUAGES, catalog
from relay.mail.address import parse_address
from relay.mail.delivery import DAY, HOUR, Answer, Attempt, Deferred, Delivered, Delivery, Failed, LoginRefused, State
from relay.mail.ids import make_id
from relay.mail.own_server import OnFailure, OwnServer, SignInBy
from relay.mail.route import CaptureRoute, MxRoute, OwnRoute, RouteKind, TlsMode
from relay.mail.sender import SenderState
from relay.mail.tenant import Tenant
from relay.server.attempt import Courier
from relay.server.office import Office
from relay.server.own_desk import OwnDesk
from relay.server.own_route import PURPOSE, NoToken, NoTokens, OwnRoutes, Unsent
from relay.server.signer import Signer
from relay.store.group import CommitGroup
from relay.store.model import MessageKind, OwnNews, Queued, Settlement, StoredMessage, Work
from relay.store.vault import open_vault

NOW = 1_800_000_000.0
AUTHOR = "info@bakker.example"
TENANT = Tenant(make_id(NOW, 1), "Bakker B.V.", "boekhouding@bakker.example", "nl", NOW)
HEADER = (
    b"Received: from authenticated-client by relay.example\r\n\twith ESMTPSA id x;\r\n\tdate\r\n"
    b"From: Bakker <info@bakker.example>\r\nTo: ann@customer.example\r\nSubject: Factuur\r\n"
    b"Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <7@bakker.example>\r\n"
)
WRONG = Answer("signing in was refused: bad password", 535, "5.7.8", "mail.bakker.example[192.0.2.1]:587")
LATER = Deferred(Answer("no connection within 30 s", 0, "4.4.1"))


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
    """A store with a tenant whose address is confirmed."""
    group = CommitGroup(f"sqlite:///{tmp_path / 'relay.db'}")
    await group.start()

    def begin(store) -> None:
        store.add_tenant(TENANT)
        store.put_sender(TENANT.id, parse_address(AUTHOR), SenderState.VERIFIED, NOW)

    await group.write(begin)
    yield group
    await group.close()


@pytest.fixture
def set_server(group):
    async def put(
        version="v1", sign_in_by=SignInBy.NOTHING, sealed=b"", on_failure=OnFailure.HOLD, host="mail.bakker.example"
    ):
        server = OwnServer(TENANT.id, host, 587, TlsMode.REQUIRE, sign_in_by, AUTHOR, sealed, on_failure, version, NOW)
        await group.write(lambda store: store.put_own_server(server))

    return put


@pytest.fixture
def work(group, clock):
    """Queues a message by the own server and leases it."""
    count = iter(range(10, 1000))

    async def make(header=HEADER, body=b"Hello\r\n", **message) -> Work:
        stored = StoredMessage(
            id=make_id(NOW, next(count)), kind=MessageKind.SUBMISSION, tenant_id=TENANT.id, login="app", author=AUTHOR,
            subject="Factuur", document="invoice", original_header=header, header=header, body_size=len(body),
            body_sha256=hashlib.sha256(body).digest(), changes=(), events=(), route=RouteKind.OWN,
            reverse_path="author", smtputf8=False, eightbit=False, received_at=NOW, peer="192.0.2.9",
        )  # fmt: skip
        stored = replace(stored, **message)
        delivery = Delivery(
            make_id(NOW, next(count)), stored.id, "ann@customer.example", "customer.example", State.QUEUED, 0, NOW, NOW
        )
        await group.write(lambda store: store.enqueue(Queued(stored, (delivery,), body)))
        leased = await group.write(lambda store: store.lease("n", clock(), clock() + HOUR, 100))
        return next(each for each in leased if each.delivery.id == delivery.id)

    return make


@pytest.fixture
def desk(group, clock):
    def make(tenant: Tenant = TENANT) -> OwnDesk:
        config = msgspec.structs.replace(Config(), policy=Policy(own_server_patience="4h"))
        return OwnDesk(group, Office(config, Signer([]), "relay.example"), clock)

    return make


@pytest.fixture
def settle(group, clock, desk):
    """Writes a result and lets the desk see to it; whether something was queued."""

    async def run(work: Work, outcome, news: OwnNews, due_at: float | None = None) -> bool:
        after = work.delivery.after(outcome, clock(), State.HELD)
        after = replace(after, due_at=due_at or after.due_at)
        attempt = Attempt(work.delivery.attempt, clock(), 0.1, "deferred", outcome.answer)
        settlement = Settlement(work.delivery, after, attempt, own=news)
        assert await group.write(lambda store: store.settle(settlement))
        return await desk().settled(work, settlement)

    return run


@pytest.fixture
def notices(group):
    """Subject and text of what was written to the tenant."""

    async def read() -> list[str]:
        def all_of(store):
            own = [each for each in store.messages(100) if each.kind is MessageKind.FAILURE]
            return [(each, store.deliveries(each.id)[0].recipient, store.read_chunk(each.id, 0)) for each in own]

        found = []
        for message, recipient, body in await group.read(all_of):
            assert (recipient, message.reverse_path, message.route) == (TENANT.email, "null", RouteKind.PLATFORM)
            parsed = email.message_from_bytes(message.header + b"\r\n" + body, policy=policy.default)
            found.append(" ".join(f"{parsed['Subject']} {parsed.get_body(('plain',)).get_content()}".split()))
        return found

    return read


@pytest.fixture
def delivery(group):
    async def find(work: Work) -> Delivery:
        return await group.read(lambda store: store.delivery(work.delivery.id))

    return find


REFUSED = LoginRefused(WRONG)


async def test_a_refused_login_holds_all_and_is_told_once(group, set_server, work, settle, notices, delivery):
    await set_server()
    first, second = await work(), await work()
    assert await settle(first, REFUSED, OwnNews("v1", refused=True))
    assert [(await delivery(each)).state for each in (first, second)] == [State.HELD, State.HELD]
    assert not await settle(second, REFUSED, OwnNews("v1", refused=True))
    third = await work()
    assert not await settle(third, REFUSED, OwnNews("v1", refused=True))
    assert (await delivery(third)).state is State.HELD
    [notice] = await notices()
    assert notice.startswith("mail.bakker.example weigert de aanmelding")
    assert "535 5.7.8 signing in was refused: bad password" in notice
    assert "mail.bakker.example:587" in notice


async def test_late_news_of_old_settings_does_not_count(group, set_server, work, settle, notices, delivery):
    await set_server("v2")
    one = await work()
    assert not await settle(one, REFUSED, OwnNews("v1", refused=True))
    assert not await settle(await work(), LATER, OwnNews("v1"))
    assert (await delivery(one)).state is State.QUEUED
    server = await group.read(lambda store: store.own_server(TENANT.id))
    assert (server.refused_at, server.failing_since) == (None, None)
    assert await notices() == []


async def test_failing_is_told_after_the_patience_and_once(clock, set_server, work, settle, notices, delivery):
    await set_server()
    one = await work()
    assert not await settle(one, LATER, OwnNews("v1"))
    clock.at += 4 * HOUR - 1
    assert not await settle(await work(), LATER, OwnNews("v1"))
    assert await notices() == []
    clock.at += 1
    assert await settle(await work(), LATER, OwnNews("v1"))
    assert not await settle(await work(), LATER, OwnNews("v1"))
    [notice] = await notices()
    assert "uw mail wacht" in notice
    assert (await delivery(one)).state is State.QUEUED


async def test_a_retry_does_not_wait_beyond_the_patience(clock, set_server, work, settle, delivery):
    await set_server()
    await settle(await work(), LATER, OwnNews("v1"))
    clock.at += 3 * HOUR
    one = await work()
    assert not await settle(one, LATER, OwnNews("v1"), due_at=NOW + 7 * HOUR)
    assert (await delivery(one)).due_at == NOW + 4 * HOUR


async def test_what_works_again_starts_the_patience_anew(clock, set_server, work, settle, notices):
    await set_server()
    await settle(await work(), LATER, OwnNews("v1"))
    clock.at += 3 * HOUR
    await settle(await work(), Delivered(Answer("ok", 250)), OwnNews("v1", works=True))
    clock.at += 3 * HOUR
    assert not await settle(await work(), LATER, OwnNews("v1"))
    assert await notices() == []


async def test_what_waits_goes_by_the_platform_where_that_was_chosen(
    group, clock, set_server, work, settle, notices, delivery
):
    await set_server(on_failure=OnFailure.PLATFORM)
    waiting = await work()
    await settle(waiting, LATER, OwnNews("v1"))
    clock.at += 4 * HOUR
    one = await work(HEADER + b"Reply-To: x@elsewhere.example\r\nDKIM-Signature: v=1\r\n")
    assert await settle(one, LATER, OwnNews("v1"))
    message = await group.read(lambda store: store.message(one.message.id))
    assert (message.route, message.reverse_path) == (RouteKind.PLATFORM, "verp")
    assert b'\r\nFrom: "Bakker B.V." <mail@customers.platform.example>\r\n' in message.header
    assert b'\r\nReply-To: "Bakker B.V." <info@bakker.example>\r\n' in message.header
    assert b"DKIM-Signature" not in message.header
    assert message.header.startswith(b"Received: from authenticated-client")
    assert message.original_header == one.message.original_header
    assert {"diverted", "reply_to_dropped"} <= set(message.events)
    assert {"from", "reply_to"} <= {change.reason for change in message.changes}
    assert (await delivery(one)).due_at == clock.at
    assert (await delivery(waiting)).due_at == clock.at  # tried at once, and then diverted as well
    [notice] = await notices()
    assert "mail@customers.platform.example" in notice


async def test_without_an_own_server_mail_goes_by_the_platform(group, work, settle, notices):
    one = await work(body=b"x" * 600_000 + b"\r\n")
    assert await settle(one, LATER, OwnNews(""))
    assert (await group.read(lambda store: store.message(one.message.id))).route is RouteKind.PLATFORM
    assert await notices() == []


async def test_nothing_unconfirmed_leaves_by_the_platform_either(group, clock, work, settle):
    one = await work()
    await group.write(lambda store: store.put_sender(TENANT.id, parse_address(AUTHOR), SenderState.REVOKED, NOW))
    assert not await settle(one, LATER, OwnNews(""))
    assert (await group.read(lambda store: store.message(one.message.id))).route is RouteKind.OWN


async def test_a_body_that_was_lost_is_not_diverted(group, work, settle):
    one = await work()
    await group.write(lambda store: store.database.run("purge_body", message_id=one.message.id))
    assert not await settle(one, LATER, OwnNews(""))
    assert (await group.read(lambda store: store.message(one.message.id))).route is RouteKind.OWN


CAUSES = [(535, "5.7.8"), (534, "5.7.9"), (550, "5.7.30"), (530, "5.7.57"), (0, "")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("code", "enhanced"), CAUSES)
async def test_every_notice_is_complete_in_every_language(
    set_server, work, group, desk, notices, language, code, enhanced
):
    await set_server(host="2001:db8::1")
    one = await work()
    tenant = replace(TENANT, locale=language)
    attempt = Attempt(1, NOW, 0.1, "deferred", Answer("no {braces} \x1b[31m", code, enhanced))
    settlement = Settlement(one.delivery, one.delivery, attempt, own=OwnNews("v1", refused=True))
    assert await desk().settled(replace(one, tenant=tenant), settlement)
    [notice] = await notices()
    assert "[2001:db8::1]" in notice
    assert "\x1b" not in notice
    assert catalog(language).text("mail.own.refused.title") in notice


# ---- the way at each attempt ---------------------------------------------------------------------------------------


class Tokens:
    def __init__(self, answer) -> None:
        self.answer = answer

    async def token(self, tenant_id: str):
        assert tenant_id == TENANT.id
        return self.answer


@pytest.fixture
def routes(group, tmp_path):
    def make(tokens=None, allowed=True) -> OwnRoutes:
        return OwnRoutes(group, [tmp_path / "relay-secrets"], tokens or NoTokens(), allowed=allowed)

    return make


def sealed(tmp_path, tenant_id=TENANT.id) -> bytes:
    return open_vault([tmp_path / "relay-secrets"]).seal("geheim", tenant_id=tenant_id, purpose=PURPOSE)


async def test_the_password_is_opened_at_each_attempt(routes, set_server, tmp_path):
    await set_server(sign_in_by=SignInBy.PASSWORD, sealed=sealed(tmp_path))
    way = await routes().route(TENANT.id)
    assert isinstance(way, OwnRoute)
    assert (way.username, way.secret, way.oauth, way.version, way.failing) == (AUTHOR, "geheim", False, "v1", False)
    await set_server("v2", SignInBy.PASSWORD, sealed(tmp_path))
    assert (await routes().route(TENANT.id)).version == "v2"


async def test_a_row_of_another_tenant_does_not_open(routes, set_server, tmp_path):
    await set_server(sign_in_by=SignInBy.PASSWORD, sealed=sealed(tmp_path, "other"))
    way = await routes().route(TENANT.id)
    assert isinstance(way, Unsent)
    assert type(way.outcome) is Deferred


@pytest.mark.parametrize("allowed", [True, False])
async def test_without_settings_or_leave_there_is_no_way(routes, set_server, allowed):
    if not allowed:
        await set_server()
    way = await routes(allowed=allowed).route(TENANT.id)
    assert isinstance(way, Unsent)
    assert way.version == ""


async def test_a_refused_server_is_left_alone(routes, set_server, group):
    await set_server()
    await group.write(lambda store: store.refuse_login(TENANT.id, "v1", "535 no", NOW))
    way = await routes().route(TENANT.id)
    assert isinstance(way, Unsent)
    assert (type(way.outcome), way.version) == (LoginRefused, "v1")


TOKENS = [
    ("tok", OwnRoute, None),
    (NoToken("reconnect", dead=True), Unsent, LoginRefused),
    (NoToken("try later", dead=False), Unsent, Deferred),
]


@pytest.mark.parametrize(("answer", "kind", "outcome"), TOKENS)
async def test_tokens_come_from_their_port(routes, set_server, answer, kind, outcome):
    await set_server(sign_in_by=SignInBy.XOAUTH2)
    way = await routes(Tokens(answer)).route(TENANT.id)
    assert isinstance(way, kind)
    if isinstance(way, OwnRoute):
        assert (way.secret, way.oauth) == ("tok", True)
    else:
        assert type(way.outcome) is outcome


class Scripted:
    def __init__(self, outcome) -> None:
        self.outcome = outcome
        self.jobs = []

    async def deliver(self, job):
        self.jobs.append(job)
        return self.outcome


ATTEMPTS = [
    (Delivered(Answer("ok", 250)), False, None),
    (Delivered(Answer("ok", 250)), True, OwnNews("v1", works=True)),
    (Failed(Answer("no such user", 550)), True, OwnNews("v1", works=True)),
    (LATER, False, OwnNews("v1")),
    (REFUSED, True, OwnNews("v1", refused=True)),
]


@pytest.mark.parametrize(("outcome", "failing", "news"), ATTEMPTS)
async def test_an_attempt_says_what_is_new_of_the_server(
    group, clock, routes, set_server, work, outcome, failing, news
):
    await set_server()
    if failing:
        await group.write(lambda store: store.own_server_fails(TENANT.id, "v1", NOW))
    transport = Scripted(outcome)
    courier = Courier(group, MxRoute(), routes(), {OwnRoute: transport}, b"k" * 32, "bounce.example", clock)
    settlement = await courier.attempt(await work())
    assert settlement.own == news
    assert transport.jobs[0].transaction.reverse_path == AUTHOR


async def test_when_its_time_is_up_mail_is_held_not_bounced(group, clock, routes, set_server, work):
    await set_server()
    courier = Courier(group, MxRoute(), routes(), {OwnRoute: Scripted(LATER)}, b"k" * 32, "bounce.example", clock)
    one = await work()
    old = replace(one, delivery=replace(one.delivery, attempt=20))
    clock.at += 6 * DAY
    assert (await courier.attempt(old)).after.state is State.HELD


async def test_where_all_is_captured_nothing_leaves(group, clock, routes, set_server, work):
    await set_server()
    capture = Scripted(Delivered(Answer("captured")))
    courier = Courier(group, CaptureRoute(), routes(), {CaptureRoute: capture}, b"k" * 32, "bounce.example", clock)
    settlement = await courier.attempt(await work())
    assert (settlement.after.state, settlement.own) == (State.DELIVERED, None)

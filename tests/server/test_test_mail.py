"""What is said of a test mail that did not arrive, and what is told while others carry it out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay.config.schema import Platform
from relay.locales import LANGUAGES, catalog
from relay.mail.delivery import Answer, Attempt, Delivery, State
from relay.mail.destination import Destination
from relay.mail.own_server import OnFailure, OwnServer, SignInBy
from relay.mail.route import RouteKind, TlsMode
from relay.mail.tenant import Tenant
from relay.server.attempt import LEASE_FOR
from relay.server.test_mail.cause import Context, delivery_cause
from relay.server.test_mail.follow import Follower, Look
from relay.server.test_mail.step import Journal, Step
from relay.store.model import MessageKind, StoredMessage

TENANT = Tenant("bakker", "Bakker B.V.", "info@bakker.example", "nl", 0.0)
SERVER = OwnServer(
    tenant_id="bakker",
    host="smtp.bakker.example",
    port=587,
    tls=TlsMode.REQUIRE,
    sign_in_by=SignInBy.PASSWORD,
    username="info@bakker.example",
    sealed=b"x",
    on_failure=OnFailure.HOLD,
    version="1",
    changed_at=0.0,
)
MESSAGE = StoredMessage(
    id="m1",
    kind=MessageKind.SUBMISSION,
    tenant_id="bakker",
    login="",
    author="info@bakker.example",
    subject="Test",
    document="invoice",
    original_header=b"",
    header=b"",
    body_size=0,
    body_sha256=b"",
    changes=(),
    events=(),
    route=RouteKind.PLATFORM,
    reverse_path="verp",
    smtputf8=False,
    eightbit=False,
    received_at=1000.0,
    peer="",
)
QUEUED = Delivery("d1", "m1", "a@klant.example", "klant.example", State.QUEUED, 1, 1000.0, 1061.0)
REMOTE = "mx.klant.example[192.0.2.1]:25"


def attempt(answer: Answer, outcome: str = "deferred", number: int = 1, began: float = 1000.5) -> Attempt:
    return Attempt(number, began, 0.25, outcome, answer)


def cause(answer: Answer, language: str = "en", delivery: Delivery = QUEUED, server: OwnServer | None = None):
    route = RouteKind.OWN if server else RouteKind.PLATFORM
    context = Context(Platform(name="Klantenplatform"), TENANT, server, catalog(language))
    outcome = "failed" if delivery.state is State.FAILED else "deferred"
    return delivery_cause(context, replace(MESSAGE, route=route), delivery, [attempt(answer, outcome)])


DEFERRALS = [
    (Answer("Connection refused", 0, "4.4.1", REMOTE), "No connection to mx.klant.example", "firewall"),
    (Answer("connection lost", 0, "4.4.2", REMOTE), "broke off", "the log of that server"),
    (Answer("DNS takes too long", 0, "4.4.3"), "DNS does not answer for klant.example", "nameservers"),
    (Answer("the own server x does not exist", 0, "4.4.4"), "no server to connect to", "Correct the host"),
    (Answer("the certificate does not verify", 0, "4.7.5", REMOTE), "secured", "relay check smtp mx.klant.example"),
    (Answer("internal error, reference 1", 0, "4.3.0"), "The relay itself", "the relay's log"),
    (Answer("try later, Greylisting in action", 450, "4.2.0", REMOTE), "greylisting", "Nothing"),
    (Answer("too much mail", 452, "4.2.2", REMOTE), "does not take it now: 452 4.2.2 too much mail", "queue retry d1"),
    (Answer("bad password", 535, "5.7.8", REMOTE), "refuses the relay's login", "password_file"),
]


@pytest.mark.parametrize(("answer", "why", "do"), DEFERRALS)
def test_a_deferral_is_explained(answer: Answer, why: str, do: str) -> None:
    told = cause(answer)
    assert why in told.text
    assert do in told.do


FAILURES = [
    (Answer("blocked for spam", 550, "5.7.1", REMOTE), "because of its own rules", "block list"),
    (Answer("spf failed", 550, "5.7.23", REMOTE), "could not establish that the message is genuine", "check platform"),
    (Answer("no such user", 550, "5.1.1", REMOTE), "does not exist", "Check the spelling"),
]


@pytest.mark.parametrize(("answer", "why", "do"), FAILURES)
def test_a_failure_is_explained_to_who_can_mend_it(answer: Answer, why: str, do: str) -> None:
    told = cause(answer, delivery=replace(QUEUED, state=State.FAILED))
    assert why in told.text
    assert do in told.do
    assert "administrator" not in told.do


def test_an_own_server_that_does_not_let_the_account_send_as_the_address() -> None:
    answer = Answer(
        "SMTP; Client does not have permissions to send as this sender; SendAsDenied", 550, "5.7.60", REMOTE
    )
    told = cause(answer, delivery=replace(QUEUED, state=State.FAILED), server=SERVER)
    assert told.text.startswith("The account may not send as this From address.")
    assert "route set" in told.do


HELD = replace(QUEUED, state=State.HELD)


def test_a_login_that_is_refused_and_an_account_that_is_not_connected() -> None:
    refused = replace(SERVER, refused_at=1000.0, refused_reply="535 5.7.8 bad credentials")
    told = cause(Answer("bad credentials", 535, "5.7.8"), delivery=HELD, server=refused)
    assert told.text.startswith("The server did not accept the user name and password.")
    assert "relay route probe bakker" in told.do
    unconnected = replace(SERVER, refused_at=1000.0, refused_reply="4.7.8 no account is connected for OAuth")
    told = cause(Answer("no account"), delivery=HELD, server=unconnected)
    assert told.do == "Connect the account: relay route connect bakker"


def test_mail_that_waits_with_all_other_mail_for_there() -> None:
    context = Context(Platform(name="Klantenplatform"), TENANT, None, catalog("en"))
    down = Destination("klant.example", 3, 900.0, 1900.0, 950.0, "Connection refused")
    told = delivery_cause(context, MESSAGE, replace(QUEUED, attempt=0), [], down)
    assert told.text.endswith("waits together: Connection refused")
    assert "relay queue retry d1" in told.do


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("delivery", [HELD, replace(QUEUED, state=State.CANCELLED), replace(QUEUED, leased_by="n")])
def test_every_language_says_it_and_nothing_a_terminal_obeys(delivery: Delivery, language: str) -> None:
    told = cause(Answer("later \x1b[2J\n you", 451, "4.0.0", REMOTE), language, delivery)
    assert told.text
    assert told.do
    assert "{" not in told.text + told.do
    assert "\x1b" not in told.text


# ---- what is told while others carry it out ------------------------------------------------------------------------


def follower(until: float = 1060.0) -> tuple[Follower, list[Step]]:
    told: list[Step] = []
    return Follower(Journal(1000.0, lambda: 1001.0, told.append), until), told


def test_each_thing_is_told_once_with_the_time_when_it_happened() -> None:
    following, told = follower()
    leased = replace(QUEUED, leased_by="n", leased_until=1000.25 + LEASE_FOR)
    answer = Answer("taken", 250, "2.0.0", REMOTE, "TLSv1.3 X")
    done = replace(QUEUED, state=State.DELIVERED)
    following.note(Look(MESSAGE, [(leased, [])], alive=True))
    for _ in range(2):
        following.note(Look(MESSAGE, [(done, [attempt(answer, "delivered")])], alive=True))
    assert [(step.name, step.at_ms) for step in told] == [
        *(("begun", 250), ("connected", 500), ("secured", 500), ("answered", 750), ("delivered", 750)),
    ]


def test_an_attempt_between_two_looks_is_told_whole() -> None:
    following, told = follower()
    following.note(Look(MESSAGE, [(QUEUED, [attempt(Answer("no route", 0, "4.4.1", REMOTE))])], alive=False))
    assert [step.name for step in told] == ["begun", "broken", "deferred"]


def test_when_it_is_over() -> None:
    tried = [attempt(Answer("no route", 0, "4.4.1", REMOTE))]
    following, _ = follower(until=1060.0)
    fresh = replace(QUEUED, attempt=0, due_at=1000.0)
    assert not following.over(Look(MESSAGE, [(fresh, [])], alive=False), 1004.0)
    assert not following.over(Look(MESSAGE, [(fresh, [])], alive=True), 1030.0)  # others are being served
    assert following.over(Look(MESSAGE, [(fresh, [])], alive=False), 1006.0)
    assert following.untaken
    assert not following.over(Look(MESSAGE, [(QUEUED, tried)], alive=True), 1001.0)  # it may be held in a moment
    assert following.over(Look(MESSAGE, [(QUEUED, tried)], alive=True), 1002.0)
    down = {"d1": Destination("klant.example", 3, 900.0, 1900.0, 950.0, "Connection refused")}
    assert follower()[0].over(Look(MESSAGE, [(replace(fresh, due_at=1000.0), [])], False, down), 1002.0)
    busy = {"d1": Destination("klant.example")}
    assert not follower()[0].over(Look(MESSAGE, [(fresh, [])], False, busy), 1020.0)
    patient, _ = follower(until=1100.0)
    assert not patient.over(Look(MESSAGE, [(QUEUED, tried)], alive=True), 1002.0)
    assert patient.over(Look(MESSAGE, [(replace(QUEUED, state=State.HELD), tried)], alive=True), 1002.0)
    assert patient.over(Look(MESSAGE, [(replace(QUEUED, leased_by="n"), [])], alive=True), 1100.0)

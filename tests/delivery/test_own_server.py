"""By a tenant's own server: when its password goes out, what failing means, and who shares what."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import pytest

from relay.mail.delivery import Deferred, Delivered, Failed, LoginRefused, Unreachable
from relay.mail.route import OwnRoute, TlsMode
from relay.net.client import Credentials
from relay.net.session import Session
from relay.net.smtp import open_session
from relay.net.zone import Zone
from relay.server.transports import Job, Outlet
from relay.server.transports.own import OwnTransport
from relay.server.transports.pool import Pool

HOST = "mail.bakker.example"
CANARY = "S3cr3t-CANARY"
ZONE = {HOST: {"A": ["127.0.0.1"]}, "two.bakker.example": {"A": ["127.0.0.1", "127.0.0.2"]}}
OFFERS = ("AUTH PLAIN LOGIN",)
WELCOME = {"AUTH": "235 2.7.0 welcome"}


@pytest.fixture
async def transport(client, ca_file):
    """Makes transports; their pools are closed at the end."""
    pools = []

    def make(zone=ZONE, *, allow_private=True) -> OwnTransport:
        pools.append(Pool())
        return OwnTransport(Outlet(client(ca_file=ca_file), Zone(zone), pools[-1], allow_private=allow_private))

    yield make
    for pool in pools:
        await pool.close()


@pytest.fixture
def job(transaction):
    def make(port: int, tenant: str = "t1", **settings) -> Job:
        route = OwnRoute(tenant, "v1", HOST, port, TlsMode.REQUIRE, "info@bakker.example", CANARY)
        return Job(replace(route, **settings), "customer.example", transaction(reverse_path="info@bakker.example"))

    return make


def leaked(server) -> bool:
    """Whether any form of the password was on the wire in the clear."""
    octets = b"".join(dialogue.received for dialogue in server.dialogues if not dialogue.tls)
    forms = [
        CANARY.encode(),
        base64.b64encode(CANARY.encode()),
        base64.b64encode(f"\0info@bakker.example\0{CANARY}".encode()),
    ]
    return any(form in octets for form in forms)


@pytest.mark.parametrize("implicit", [True, False])
async def test_signs_in_over_verified_tls(transport, job, remote, certificate, implicit):
    offers = OFFERS if implicit else ("STARTTLS", *OFFERS)
    server = await remote(*offers, context=certificate(HOST), implicit=implicit, **WELCOME)
    tls = TlsMode.IMPLICIT if implicit else TlsMode.REQUIRE
    outcome = await transport().deliver(job(server.port, tls=tls))
    assert isinstance(outcome, Delivered)
    assert outcome.answer.tls.startswith("TLS")
    assert "MAIL FROM:<info@bakker.example>" in server.dialogues[0].commands
    assert len(server.messages) == 1


UNPROTECTED = [
    ({"offers": OFFERS}, "4.7.4"),  # STARTTLS was taken out
    ({"offers": ("STARTTLS", *OFFERS), "STARTTLS": "454 4.7.0 not now"}, "4.7.4"),
    ({"offers": ("STARTTLS", *OFFERS), "STARTTLS": "502 5.5.1 what?"}, "4.7.4"),
    ({"offers": ("STARTTLS", *OFFERS), "name": "other.example"}, "4.7.5"),
]


@pytest.mark.parametrize(("behaviour", "enhanced"), UNPROTECTED)
async def test_the_password_never_goes_out_without_verified_tls(
    transport, job, remote, certificate, behaviour, enhanced
):
    offers, name = behaviour.pop("offers"), behaviour.pop("name", HOST)
    server = await remote(*offers, context=certificate(name), **WELCOME, **behaviour)
    outcome = await transport().deliver(job(server.port))
    assert isinstance(outcome, Deferred)
    assert not isinstance(outcome, LoginRefused)
    assert outcome.answer.enhanced == enhanced
    assert not leaked(server)
    assert "AUTH" not in server.dialogues[0].verbs
    assert "MAIL" not in server.dialogues[0].verbs


async def test_without_tls_no_password_goes_out(transport, job, remote):
    server = await remote(*OFFERS, **WELCOME)
    outcome = await transport().deliver(job(server.port, tls=TlsMode.NONE))
    assert isinstance(outcome, Delivered)
    assert "AUTH" not in server.dialogues[0].verbs
    assert not leaked(server)


REFUSED = ["535 5.7.8 wrong", "534 5.7.9 app password needed", "550 5.7.30 no basic auth", "530 5.7.0 no", "504 what?"]


@pytest.mark.parametrize("reply", REFUSED)
async def test_a_refused_login_is_tried_once(transport, job, remote, certificate, reply):
    server = await remote(*OFFERS, context=certificate("two.bakker.example"), implicit=True, AUTH=reply)
    way = transport()
    jobs = [job(server.port, host="two.bakker.example", tls=TlsMode.IMPLICIT) for _ in range(10)]
    outcomes = await asyncio.gather(*map(way.deliver, jobs))
    assert {type(outcome) for outcome in outcomes} == {LoginRefused}
    assert {outcome.answer.code for outcome in outcomes} == {int(reply[:3])}
    assert [dialogue.verbs.count("AUTH") for dialogue in server.dialogues] == [1]
    server.script["AUTH"] = "235 2.7.0 welcome"
    mended = job(server.port, host="two.bakker.example", tls=TlsMode.IMPLICIT, version="v2")
    assert isinstance(await way.deliver(mended), Delivered)


@pytest.mark.parametrize("reply", ["454 4.7.0 temporary", "421 4.7.0 busy"])
async def test_a_login_that_is_put_off_is_not_refused(transport, job, remote, certificate, reply):
    server = await remote(*OFFERS, context=certificate(HOST), implicit=True, AUTH=reply)
    assert type(await transport().deliver(job(server.port, tls=TlsMode.IMPLICIT))) is Unreachable


async def test_a_server_that_wants_a_login_where_there_is_none(transport, job, remote):
    server = await remote(MAIL="530 5.7.57 client not authenticated")
    outcome = await transport().deliver(job(server.port, tls=TlsMode.NONE, username="", secret=""))
    assert type(outcome) is LoginRefused


NOT_ABOUT_THE_MESSAGE = [{"greeting": "554 5.7.1 go away"}, {"EHLO": "550 5.7.1 no", "HELO": "550 5.7.1 no"}]


@pytest.mark.parametrize("script", NOT_ABOUT_THE_MESSAGE)
async def test_what_is_said_before_the_message_is_no_failure_of_it(transport, job, remote, script):
    server = await remote(**script)
    outcome = await transport().deliver(job(server.port, tls=TlsMode.NONE, username=""))
    assert type(outcome) is Unreachable
    assert outcome.answer.text


async def test_what_is_said_of_the_recipient_counts(transport, job, remote):
    server = await remote(RCPT="550 5.1.1 no such user")
    assert isinstance(await transport().deliver(job(server.port, tls=TlsMode.NONE, username="")), Failed)


NOWHERE = [
    ({}, "does not exist"),
    ({HOST: {"TXT": ["x"]}}, "has no address"),
    ({HOST: "SERVFAIL"}, "DNS cannot tell"),
]


@pytest.mark.parametrize(("zone", "said"), NOWHERE)
async def test_a_host_that_is_not_found_is_mended_not_bounced(transport, job, zone, said):
    outcome = await transport(zone).deliver(job(25))
    assert type(outcome) is Unreachable
    assert said in outcome.answer.text


@pytest.mark.parametrize("host", [HOST, "127.0.0.1", "::1", "localhost", "10.0.0.8", "169.254.169.254", "192.168.1.1"])
async def test_a_tenants_host_does_not_lead_into_our_network(transport, job, remote, host):
    server = await remote()
    outcome = await transport(allow_private=False).deliver(job(server.port, host=host, tls=TlsMode.NONE))
    assert type(outcome) is Unreachable
    assert "private addresses" in outcome.answer.text
    assert server.dialogues == []


async def test_two_tenants_never_share_a_session(transport, job, remote, certificate):
    server = await remote(*OFFERS, context=certificate(HOST), implicit=True, **WELCOME)
    way, tls = transport(), TlsMode.IMPLICIT
    for tenant in ("t1", "t1", "t2", "t1"):
        assert isinstance(
            await way.deliver(job(server.port, tenant, tls=tls, username=f"{tenant}@x.example")), Delivered
        )
    assert len(server.dialogues) == 2
    assert [len(dialogue.messages) for dialogue in server.dialogues] == [3, 1]
    await way.deliver(job(server.port, tls=tls, version="v2", secret="another"))
    assert len(server.dialogues) == 3  # nor do old and new settings


async def test_a_dead_host_is_not_waited_for_by_every_delivery(transport, job, remote):
    server = await remote(greeting="421 4.3.2 closed")
    way = transport()
    outcomes = [await way.deliver(job(server.port, tls=TlsMode.NONE, username="")) for _ in range(5)]
    assert {type(outcome) for outcome in outcomes} == {Unreachable}
    assert len(server.dialogues) == 1
    other = await way.deliver(job(server.port, "t2", tls=TlsMode.NONE, username=""))
    assert type(other) is Unreachable
    assert len(server.dialogues) == 2


# XOAUTH2


@pytest.fixture
def oauth(client, ca_file):
    return client(TlsMode.IMPLICIT, ca_file=ca_file, credentials=Credentials("ann@x.example", token="tok"))


async def test_xoauth2_says_user_and_token(remote, certificate, oauth):
    server = await remote("AUTH PLAIN XOAUTH2", context=certificate("remote.example"), implicit=True, **WELCOME)
    session = await open_session(server.endpoint, oauth)
    assert isinstance(session, Session)
    await session.quit()
    verb, mechanism, response = server.dialogues[0].commands[1].split()
    assert (verb, mechanism) == ("AUTH", "XOAUTH2")
    assert base64.b64decode(response) == b"user=ann@x.example\1auth=Bearer tok\1\1"


async def test_xoauth2_refused_with_json_is_answered_with_an_empty_line(remote, certificate, oauth):
    problem = base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode()
    script = {"AUTH": f"334 {problem}", "": "535 5.7.8 expired"}
    server = await remote("AUTH XOAUTH2", context=certificate("remote.example"), implicit=True, **script)
    refused = await open_session(server.endpoint, oauth)
    assert isinstance(refused, LoginRefused)
    assert (refused.answer.code, refused.answer.enhanced) == (535, "5.7.8")
    assert "expired" in refused.answer.text
    assert server.dialogues[0].commands[2] == ""


async def test_a_token_is_never_used_as_a_password(remote, certificate, oauth):
    server = await remote("AUTH PLAIN LOGIN", context=certificate("remote.example"), implicit=True, **WELCOME)
    assert type(await open_session(server.endpoint, oauth)) is Deferred
    assert "AUTH" not in server.dialogues[0].verbs


def test_neither_password_nor_token_is_printed():
    route = OwnRoute("t1", "v1", HOST, 587, TlsMode.REQUIRE, "u", CANARY)
    assert CANARY not in repr(route) + repr(Credentials("u", CANARY)) + repr(Credentials("u", token=CANARY))

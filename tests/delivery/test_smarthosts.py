"""Several smarthosts of the platform's: in which order, what makes the next one be tried, and how we sign in."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from relay.mail.delivery import Deferred, Delivered, Failed
from relay.mail.route import Smarthost, SmarthostRoute, TlsMode
from relay.net.zone import Zone
from relay.server.transports import Job, Outlet
from relay.server.transports.pool import Pool
from relay.server.transports.smarthost import SmarthostTransport

CANARY = "S3cr3t-CANARY"
NOBODY = Smarthost("127.0.0.1", 1, TlsMode.NONE)  # nothing listens there


@pytest.fixture
async def transport(client, ca_file):
    """A transport with an even hand; its pool is closed at the end."""
    pool = Pool()
    yield SmarthostTransport(Outlet(client(ca_file=ca_file), Zone({}), pool, rng=random.Random(7)))
    await pool.close()


@pytest.fixture
def job(transaction):
    return lambda *smarthosts: Job(SmarthostRoute(smarthosts), "customer.example", transaction())


def at(server, **settings) -> Smarthost:
    """A smarthost at a remote of the test's, in the clear."""
    return Smarthost("127.0.0.1", server.port, **({"tls": TlsMode.NONE} | settings))


async def test_the_lowest_priority_comes_first(transport, job, remote):
    first, second = await remote(), await remote()
    for _ in range(5):
        outcome = await transport.deliver(job(at(second, priority=20), at(first, priority=10)))
        assert isinstance(outcome, Delivered)
    assert (len(first.messages), len(second.messages)) == (5, 0)


async def test_among_equals_each_gets_its_share(transport):
    three, one = Smarthost("a.example", 25, weight=3), Smarthost("b.example", 25, weight=1)
    first = Counter(transport.in_order([three, one])[0].host for _ in range(4000))
    assert 0.70 < first["a.example"] / 4000 < 0.80


NEXT_IS_TRIED = {
    "nothing listens": None,
    "greets with 421": {"greeting": "421 4.3.2 closing"},
    "greets with 554": {"greeting": "554 5.7.1 not you"},
    "says later to MAIL": {"MAIL": "451 4.3.0 later"},
    "says later to RCPT": {"RCPT": "450 4.2.1 later"},
    "says later to the message": {"dot": "452 4.3.1 full"},
    "wants a login that we lack": {"MAIL": "530 5.7.0 authentication required"},
}


@pytest.mark.parametrize("fault", NEXT_IS_TRIED)
async def test_the_next_one_takes_over(transport, job, remote, fault):
    script = NEXT_IS_TRIED[fault]
    first = NOBODY if script is None else at(await remote(**script))
    second = await remote()
    outcome = await transport.deliver(job(first, at(second, priority=1)))
    assert isinstance(outcome, Delivered)
    assert len(second.messages) == 1


async def test_a_refused_message_is_refused(transport, job, remote):
    first, second = await remote(RCPT="550 5.1.1 nobody"), await remote()
    outcome = await transport.deliver(job(at(first), at(second, priority=1)))
    assert isinstance(outcome, Failed)
    assert not second.dialogues


async def test_what_may_have_arrived_goes_to_nobody_else_at_once(transport, job, remote, fault):
    first, second = await remote(dot=fault.DROP), await remote()
    outcome = await transport.deliver(job(at(first), at(second, priority=1)))
    assert isinstance(outcome, Deferred)
    assert len(first.messages) == 1
    assert not second.dialogues


async def test_no_answer_of_a_smarthosts_before_the_message_fails_the_message(transport, job, remote):
    refusing = await remote(greeting="554 5.7.1 not you")
    outcome = await transport.deliver(job(at(refusing)))
    assert isinstance(outcome, Deferred)
    assert outcome.answer.code == 554


async def test_one_that_could_not_be_reached_comes_last_for_a_while(transport, job, remote):
    first, second = await remote(greeting="421 4.3.2 closing"), await remote()
    route = (at(first), at(second, priority=1))
    for _ in range(3):
        assert isinstance(await transport.deliver(job(*route)), Delivered)
    assert len(first.dialogues) == 1
    assert len(second.messages) == 3


async def test_it_signs_in_with_the_password_as_it_is_in_the_file(transport, job, remote, certificate, tmp_path):
    file = tmp_path / "password"
    file.write_text(f"{CANARY}\n")
    offers, welcome = ("STARTTLS", "AUTH PLAIN"), {"AUTH": "235 2.7.0 welcome"}
    server = await remote(*offers, context=certificate("localhost"), **welcome)
    smarthost = Smarthost("localhost", server.port, TlsMode.REQUIRE, "relay", str(file))
    outcome = await transport.deliver(job(smarthost))
    assert isinstance(outcome, Delivered)
    assert "AUTH PLAIN AHJlbGF5AFMzY3IzdC1DQU5BUlk=" in server.dialogues[0].commands
    assert CANARY not in repr(transport.outlet)


async def test_without_its_password_a_smarthost_is_passed_over(transport, job, remote, certificate, tmp_path):
    closed = await remote("STARTTLS", "AUTH PLAIN", context=certificate("localhost"))
    second = await remote()
    lost = Smarthost("localhost", closed.port, TlsMode.REQUIRE, "relay", str(tmp_path / "none"))
    outcome = await transport.deliver(job(lost))
    assert isinstance(outcome, Deferred)
    assert "password file" in outcome.answer.text
    assert isinstance(await transport.deliver(job(lost, at(second, priority=1))), Delivered)
    assert not closed.dialogues


async def test_a_refused_login_is_no_failure_and_the_next_one_takes_over(transport, job, remote, certificate, tmp_path):
    file = tmp_path / "password"
    file.write_text("wrong")
    context = certificate("localhost")
    closed = await remote("STARTTLS", "AUTH PLAIN", context=context, AUTH="535 5.7.8 no")
    second = await remote()
    first = Smarthost("localhost", closed.port, TlsMode.REQUIRE, "relay", str(file))
    assert isinstance(await transport.deliver(job(first)), Deferred)
    assert isinstance(await transport.deliver(job(first, at(second, priority=1))), Delivered)

"""Outgoing SMTP against remotes that behave well, badly and maliciously."""

from __future__ import annotations

import asyncio
import itertools
import re

import pytest

from relay.mail.delivery import Deferred, Delivered, Failed, RecipientRefused
from relay.mail.route import TlsMode
from relay.net.client import Credentials, Endpoint, Timeouts
from relay.net.session import Session
from relay.net.smtp import open_session
from relay.net.transaction import Transaction

CRLFS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\0"]
SMUGGLED = [b"one" + a + b"." + b + b"two\r\n" for a, b in itertools.product(CRLFS, [*CRLFS[:5], b"\0\r\n"])]
BODIES = [
    *SMUGGLED,
    b"",
    b".",
    b"..",
    b".\r\n",
    b"..\r\n",
    b".leading\r\n",
    b"a\r\n.\r\nb\r\n",
    b"a\r\n..\r\n.b\r\n",
    b"\r\n",
    b"\r\n\r\n.\r\n\r\n",
    b"no end of line",
    b"no end of line\r\n.",
    b"x" * 70_000 + b"\r\n.\r\n" + b"y" * 70_000,
    b".\r\n" * 40_000,
]


def crlf(body: bytes) -> bytes:
    """What a body is when its line ends are put right and its last line has one."""
    body = re.sub(rb"\r\n|\r|\n", b"\r\n", body)
    return body if body.endswith(b"\r\n") or not body else body + b"\r\n"


def unstuffed(wire: bytes) -> bytes:
    """What a receiver makes of it (RFC 5321 4.5.2)."""
    return re.sub(rb"^\.", b"", wire.replace(b"\r\n.", b"\r\n"))


async def until(true, seconds: float = 5) -> None:
    """Wait until something is so; fails when it does not become so."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - it happens on the other side of a socket
            await asyncio.sleep(0.01)


async def opened(remote, client) -> Session:
    session = await open_session(remote.endpoint, client)
    assert isinstance(session, Session), session
    return session


async def sent(remote, client, transaction):
    """The outcomes of one transaction, or of the failure to open a session."""
    session = await open_session(remote.endpoint, client)
    if not isinstance(session, Session):
        return (session,)
    try:
        return await session.send(transaction)
    finally:
        await session.quit()


async def test_the_dialogue_step_by_step(remote, client, transaction):
    server = await remote()
    (outcome,) = await sent(server, client(), transaction())
    assert isinstance(outcome, Delivered)
    assert str(outcome.answer) == "250 2.0.0 taken"
    assert outcome.answer.remote == f"remote.example[127.0.0.1]:{server.port}"
    assert server.dialogues[0].commands == [
        "EHLO relay.example",
        "MAIL FROM:<bounce@platform.example>",
        "RCPT TO:<ann@customer.example>",
        "DATA",
        "QUIT",
    ]
    assert server.messages == [b"From: a@b.example\r\nSubject: hi\r\n\r\nHello\r\n"]


async def test_without_pipelining_nothing_is_said_before_the_reply(remote, client, transaction):
    server = await remote()
    await sent(server, client(), transaction())
    assert [segment.count(b"\r\n") for segment in server.dialogues[0].segments[:4]] == [1, 1, 1, 1]


async def test_with_pipelining_the_envelope_and_the_message_are_one_write_each(remote, client, transaction):
    server = await remote("PIPELINING", "SIZE 1000000", "8BITMIME")
    await sent(server, client(), transaction(eightbit=True))
    _, envelope, message, _ = server.dialogues[0].segments
    assert envelope == (
        b"MAIL FROM:<bounce@platform.example> SIZE=41 BODY=8BITMIME\r\nRCPT TO:<ann@customer.example>\r\nDATA\r\n"
    )
    assert message.endswith(b"\r\n\r\nHello\r\n.\r\n")


@pytest.mark.parametrize("pipelining", [[], ["PIPELINING"]])
async def test_every_body_arrives_as_it_was_stored(remote, client, transaction, pipelining):
    server = await remote(*pipelining)
    session = await opened(server, client())
    for body, cut in itertools.product(BODIES, (65536, 7)):
        chunk = cut if len(body) < 1000 else 60_001
        (outcome,) = await session.send(transaction(body, chunk=chunk))
        assert isinstance(outcome, Delivered)
        wire = server.messages[-1]
        assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")  # no bare CR or LF
        assert b"\r\n.\r\n" not in b"\r\n" + wire  # no end of data within
        assert unstuffed(wire).partition(b"\r\n\r\n")[2] == crlf(body), body[:80]
    assert len(server.messages) == 2 * len(BODIES)
    assert len(server.dialogues) == 1
    await session.quit()


async def test_a_session_serves_many_transactions(remote, client, transaction):
    server = await remote("PIPELINING")
    session = await opened(server, client())
    for number in range(5):
        (outcome,) = await session.send(transaction(b"%d\r\n" % number))
        assert isinstance(outcome, Delivered)
        assert session.alive
    await session.quit()
    assert len(server.dialogues) == 1
    assert "RSET" not in server.dialogues[0].verbs
    assert server.dialogues[0].verbs[-1] == "QUIT"


@pytest.mark.parametrize("pipelining", [[], ["PIPELINING"]])
async def test_a_refused_transaction_is_reset_before_the_next(remote, client, transaction, pipelining):
    server = await remote(*pipelining, RCPT=["550 5.1.1 no such user", "250 ok"])
    server.script["DATA"] = ["503 5.5.1 no recipient", "354 go"] if pipelining else "354 go"
    session = await opened(server, client())
    (refused,) = await session.send(transaction())
    (taken,) = await session.send(transaction())
    assert isinstance(refused, Failed)
    assert str(refused.answer) == "550 5.1.1 no such user"
    assert isinstance(taken, Delivered)
    assert "RSET" in server.dialogues[0].verbs
    assert len(server.dialogues) == 1
    await session.quit()


async def test_a_lone_dot_when_354_comes_although_every_recipient_was_refused(remote, client, transaction):
    server = await remote("PIPELINING", RCPT="550 5.1.1 no", dot="554 5.5.1 no valid recipients")
    session = await opened(server, client())
    (outcome,) = await session.send(transaction())
    assert isinstance(outcome, Failed)
    assert outcome.answer.code == 550
    assert server.messages == [b""]
    assert session.alive
    await session.quit()


REPLIES = {"250 ok": Delivered, "450 4.2.0 later": Deferred, "550 5.1.1 no": RecipientRefused}


@pytest.mark.parametrize("pipelining", [[], ["PIPELINING"]])
async def test_each_recipient_has_its_own_outcome(remote, client, transaction, pipelining):
    people = tuple(f"{name}@customer.example" for name in ("ann", "bob", "cas", "dot"))
    server = await remote(*pipelining)
    session = await opened(server, client())
    for replies in itertools.product(REPLIES, repeat=len(people)):
        server.script["RCPT"] = dict(zip(people, replies, strict=True))
        outcomes = await session.send(transaction(to=people))
        assert [type(outcome) for outcome in outcomes] == [REPLIES[reply] for reply in replies]
    assert len(server.dialogues) == 1
    await session.quit()


async def test_552_after_an_accepted_recipient_means_too_many(remote, client, transaction):
    people = tuple(f"{name}@customer.example" for name in ("ann", "bob"))
    server = await remote(RCPT={people[1]: "552 too many recipients"})
    assert [type(each) for each in await sent(server, client(), transaction(to=people))] == [Delivered, Deferred]
    server = await remote(RCPT={people[0]: "552 5.2.2 mailbox full"})
    assert [type(each) for each in await sent(server, client(), transaction(to=people))] == [
        RecipientRefused,
        Delivered,
    ]


@pytest.mark.parametrize(
    ("stage", "is_of_recipient"), [("MAIL", False), ("RCPT", True), ("DATA", False), ("dot", False)]
)
async def test_only_what_is_said_at_rcpt_is_said_of_the_recipient(remote, client, transaction, stage, is_of_recipient):
    server = await remote(**{stage: "550 5.1.1 no such user"})
    [outcome] = await sent(server, client(), transaction())
    assert isinstance(outcome, Failed)
    assert isinstance(outcome, RecipientRefused) == is_of_recipient


async def test_what_was_said_about_a_recipient_stands_when_the_connection_breaks(remote, client, transaction, fault):
    people = tuple(f"{name}@customer.example" for name in ("ann", "bob"))
    server = await remote(RCPT={people[0]: "550 5.1.1 no such user"}, dot=fault.DROP)
    refused, unknown = await sent(server, client(), transaction(to=people))
    assert isinstance(refused, Failed)
    assert isinstance(unknown, Deferred)


@pytest.mark.parametrize(
    ("stage", "reply"),
    [("MAIL", "354 go"), ("RCPT", "354 go"), ("DATA", "250 ok"), ("dot", "354 more"), ("MAIL", "221 bye")],
)
async def test_a_reply_that_makes_no_sense_there_ends_the_session(remote, client, transaction, stage, reply):
    server = await remote(RSET="250 ok", **{stage: reply.encode() + b"\r\n"})
    session = await opened(server, client())
    (outcome,) = await session.send(transaction())
    if reply == "221 bye":
        assert isinstance(outcome, Delivered)  # a 2xx is a 2xx (RFC 5321 4.3.2: act on the first digit)
    else:
        assert isinstance(outcome, Deferred)
        assert not session.alive
    await session.quit()


async def test_helo_for_a_server_that_does_not_know_ehlo(remote, client, transaction):
    server = await remote(EHLO="502 5.5.1 never heard of it")
    (outcome,) = await sent(server, client(), transaction())
    assert isinstance(outcome, Delivered)
    assert server.dialogues[0].verbs[:2] == ["EHLO", "HELO"]


async def test_refused_half_way_through_the_message(remote, client, transaction):
    server = await remote(early=(100_000, "552 5.3.4 too much"))
    big = transaction(b"x" * 998 + b"\r\n" * 3_000_000, chunk=65536)
    (outcome,) = await sent(server, client(), big)
    assert isinstance(outcome, Failed)
    assert outcome.answer.enhanced == "5.3.4"


async def test_accepted_half_way_through_the_message_is_not_believed(remote, client, transaction):
    server = await remote(early=(100_000, "250 2.0.0 thanks"))
    (outcome,) = await sent(server, client(), transaction(b"x" * 998 + b"\r\n" * 3_000_000))
    assert isinstance(outcome, Deferred)


async def test_two_answers_to_the_final_dot_end_the_session(remote, client, transaction):
    server = await remote("PIPELINING", dot=b"250 2.0.0 taken\r\n250 2.0.0 taken\r\n")
    session = await opened(server, client())
    (outcome,) = await session.send(transaction())
    assert isinstance(outcome, Delivered)
    assert not session.alive
    await session.quit()


async def test_an_answer_too_many_never_counts_for_the_next_message(remote, client, transaction):
    server = await remote("PIPELINING")
    session = await opened(server, client())
    await session.send(transaction())
    session.wire.data_received(b"250 2.0.0 taken once more\r\n")  # it comes just as the next transaction begins
    (outcome,) = await session.send(transaction())
    assert isinstance(outcome, Deferred)
    assert not session.alive


@pytest.mark.parametrize("bad", ["DROP", "HANG"])
async def test_lost_after_the_final_dot_is_in_doubt(remote, client, transaction, fault, bad):
    server = await remote(dot=getattr(fault, bad))
    session = await opened(server, client())
    (outcome,) = await session.send(transaction())
    assert isinstance(outcome, Deferred)
    assert "in doubt" in outcome.answer.text
    assert session.in_doubt
    assert not session.alive


async def test_a_server_that_takes_nothing_more_is_left(remote, client, transaction, fault):
    server = await remote(early=(1, fault.DEAF))
    (outcome,) = await sent(server, client(), transaction(b"x" * 30_000_000))
    assert isinstance(outcome, Deferred)
    assert "took nothing" in outcome.answer.text


async def test_memory_is_bounded_whatever_the_size(remote, client):
    server = await remote("PIPELINING")
    session = await opened(server, client(timeouts=Timeouts()))
    most = 0

    async def body():
        nonlocal most
        for _ in range(200):
            yield b"x" * 65_534 + b"\r\n"
            most = max(most, session.wire.transport.get_write_buffer_size())

    (outcome,) = await session.send(Transaction(None, ("a@b.example",), b"A: b\r\n", body, 13_107_208))
    assert isinstance(outcome, Delivered)
    assert len(server.messages[0]) == 13_107_208
    assert most < 400_000
    await session.quit()


async def test_a_body_that_cannot_be_read_is_never_finished(remote, client):
    async def body():
        yield b"half of"
        raise LookupError

    server = await remote("PIPELINING")
    session = await opened(server, client())
    with pytest.raises(LookupError):
        await session.send(Transaction(None, ("a@b.example",), b"A: b\r\n", body, 100))
    await until(lambda: server.dialogues[0].closed)
    assert server.messages == []


async def test_size_and_extensions_decide_before_anything_is_said(remote, client, transaction):
    server = await remote("SIZE 1000")
    session = await opened(server, client())
    cases = {
        "5.3.4": transaction(b"x" * 1001),
        "5.6.3": transaction(eightbit=True),
        "5.6.7": transaction(to=("jürgen@customer.example",)),
    }
    for enhanced, each in cases.items():
        (outcome,) = await session.send(each)
        assert isinstance(outcome, Failed)
        assert outcome.answer.enhanced == enhanced
    (header,) = await session.send(transaction(smtputf8=True, header="Subject: é\r\n".encode()))
    assert isinstance(header, Failed)
    assert server.dialogues[0].verbs == ["EHLO"]
    (plain,) = await session.send(transaction(smtputf8=True))  # declared, but not needed
    assert isinstance(plain, Delivered)
    await session.quit()


async def test_international_mail_where_it_is_known(remote, client, transaction):
    server = await remote("SMTPUTF8", "8BITMIME", "SIZE")
    (outcome,) = await sent(server, client(), transaction(to=("jürgen@müller.example",), smtputf8=True, eightbit=True))
    assert isinstance(outcome, Delivered)
    assert "MAIL FROM:<bounce@platform.example> SIZE=41 BODY=8BITMIME SMTPUTF8" in server.dialogues[0].commands


async def test_the_null_reverse_path(remote, client, transaction):
    server = await remote()
    await sent(server, client(), transaction(reverse_path=None))
    assert "MAIL FROM:<>" in server.dialogues[0].commands


async def test_no_command_can_hold_another(remote, client, transaction):
    server = await remote()
    session = await opened(server, client())
    with pytest.raises(ValueError, match="control"):
        await session.send(transaction(to=("a@b.example>\r\nRCPT TO:<c@d.example",)))
    assert not session.alive


async def test_nobody_listens(client, transaction):
    outcome = await open_session(Endpoint("remote.example", "127.0.0.1", 1), client())
    assert isinstance(outcome, Deferred)
    assert outcome.answer.enhanced == "4.4.1"


# TLS


async def test_starttls_and_what_was_said_before_it_does_not_count(remote, client, transaction, certificate):
    context = certificate("remote.example")
    server = await remote("STARTTLS", "PIPELINING", context=context)
    (outcome,) = await sent(server, client(TlsMode.OPPORTUNISTIC), transaction())
    assert isinstance(outcome, Delivered)
    assert outcome.answer.tls.startswith("TLSv1.3 ")
    assert server.dialogues[0].verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]


async def test_replies_injected_before_tls_are_forgotten(remote, client, transaction, certificate, ca_file):
    """The attacker sends, in the clear and behind the 220, the answer to the EHLO that will come inside TLS."""
    server = await remote(
        "STARTTLS",
        context=certificate("remote.example"),
        STARTTLS=b"220 ok\r\n250-remote.example\r\n250-AUTH PLAIN\r\n250 SMTPUTF8\r\n",
    )
    credentials = Credentials("platform", "S3cr3t-CANARY")
    outcome = await open_session(server.endpoint, client(TlsMode.REQUIRE, ca_file=ca_file, credentials=credentials))
    assert isinstance(outcome, Deferred)  # inside TLS no AUTH is offered
    assert "AUTH" not in server.dialogues[0].verbs
    session = await opened(server, client(TlsMode.REQUIRE, ca_file=ca_file))
    assert session.extensions.keys() == set()  # the true answer: STARTTLS is not offered within TLS
    await session.quit()


@pytest.mark.parametrize("stripped", [{}, {"STARTTLS": "454 4.7.0 TLS not available"}])
async def test_required_tls_that_is_stripped_away(remote, client, ca_file, stripped):
    extensions = ["STARTTLS"] if stripped else []
    server = await remote(*extensions, "AUTH PLAIN LOGIN", **stripped)
    credentials = Credentials("platform", "S3cr3t-CANARY")
    outcome = await open_session(server.endpoint, client(TlsMode.REQUIRE, ca_file=ca_file, credentials=credentials))
    assert isinstance(outcome, Deferred)
    assert outcome.answer.enhanced == "4.7.4", outcome
    assert set(server.dialogues[0].verbs) <= {"EHLO", "STARTTLS"}
    assert b"AUTH" not in server.dialogues[0].received


async def test_opportunistic_tls_goes_on_in_the_clear_when_it_is_stripped_away(remote, client, transaction):
    server = await remote("STARTTLS", STARTTLS="454 4.7.0 TLS not available")
    (outcome,) = await sent(server, client(TlsMode.OPPORTUNISTIC), transaction())
    assert isinstance(outcome, Delivered)
    assert outcome.answer.tls == ""


@pytest.mark.parametrize("hello", [b"220 ok\r\nthis is not TLS", b"220 ok\r\n"])
async def test_opportunistic_tls_begins_anew_when_the_handshake_fails(remote, client, transaction, hello):
    server = await remote("STARTTLS", STARTTLS=hello)  # the second sort never answers the ClientHello
    (outcome,) = await sent(server, client(TlsMode.OPPORTUNISTIC), transaction())
    assert isinstance(outcome, Delivered)
    assert len(server.dialogues) == 2
    assert "STARTTLS" not in server.dialogues[1].verbs


@pytest.mark.parametrize(("name", "trusted"), [("remote.example", False), ("other.example", True)])
async def test_required_tls_without_a_good_certificate(remote, client, certificate, ca_file, name, trusted):
    server = await remote("STARTTLS", context=certificate(name))
    outcome = await open_session(server.endpoint, client(TlsMode.REQUIRE, ca_file=ca_file if trusted else ""))
    assert isinstance(outcome, Deferred)
    assert outcome.answer.enhanced == "4.7.5"
    assert "MAIL" not in server.dialogues[0].verbs


async def test_required_tls_with_a_good_certificate(remote, client, transaction, certificate, ca_file):
    server = await remote("STARTTLS", context=certificate("remote.example"))
    (outcome,) = await sent(server, client(TlsMode.REQUIRE, ca_file=ca_file), transaction())
    assert isinstance(outcome, Delivered)
    assert outcome.answer.tls


async def test_opportunistic_tls_does_not_look_at_the_certificate(remote, client, transaction, certificate):
    server = await remote("STARTTLS", context=certificate("other.example"))
    (outcome,) = await sent(server, client(TlsMode.OPPORTUNISTIC), transaction())
    assert isinstance(outcome, Delivered)
    assert outcome.answer.tls


async def test_implicit_tls(remote, client, transaction, certificate, ca_file):
    server = await remote(context=certificate("remote.example"), implicit=True)
    (outcome,) = await sent(server, client(TlsMode.IMPLICIT, ca_file=ca_file), transaction())
    assert isinstance(outcome, Delivered)
    assert outcome.answer.tls
    bad = await remote(context=certificate("other.example"), implicit=True)
    outcome = await open_session(bad.endpoint, client(TlsMode.IMPLICIT, ca_file=ca_file))
    assert isinstance(outcome, Deferred)
    assert outcome.answer.enhanced == "4.7.5"


async def test_signing_in_with_plain(remote, client, transaction, certificate, ca_file):
    server = await remote(
        "AUTH LOGIN PLAIN", context=certificate("remote.example"), implicit=True, AUTH="235 2.7.0 welcome"
    )
    settings = {"ca_file": ca_file, "credentials": Credentials("ann", "secret")}
    (outcome,) = await sent(server, client(TlsMode.IMPLICIT, **settings), transaction())
    assert isinstance(outcome, Delivered)
    assert server.dialogues[0].commands[1] == "AUTH PLAIN AGFubgBzZWNyZXQ="


async def test_signing_in_with_login(remote, client, transaction, certificate, ca_file):
    answers = {"AUTH": "334 VXNlcm5hbWU6", "YW5U": "334 UGFzc3dvcmQ6", "C2VJCMV0": "235 2.7.0 welcome"}
    server = await remote("AUTH LOGIN", context=certificate("remote.example"), implicit=True, **answers)
    settings = {"ca_file": ca_file, "credentials": Credentials("ann", "secret")}
    (outcome,) = await sent(server, client(TlsMode.IMPLICIT, **settings), transaction())
    assert isinstance(outcome, Delivered)
    assert server.dialogues[0].commands[1:4] == ["AUTH LOGIN", "YW5u", "c2VjcmV0"]


async def test_a_wrong_password_is_temporary(remote, client, certificate, ca_file):
    server = await remote(
        "AUTH PLAIN", context=certificate("remote.example"), implicit=True, AUTH="535 5.7.8 wrong password"
    )
    settings = {"ca_file": ca_file, "credentials": Credentials("ann", "secret")}
    outcome = await open_session(server.endpoint, client(TlsMode.IMPLICIT, **settings))
    assert isinstance(outcome, Deferred)
    assert outcome.answer.code == 535
    assert "secret" not in repr(outcome)


@pytest.mark.parametrize("mode", [TlsMode.NONE, TlsMode.OPPORTUNISTIC])
async def test_a_password_only_leaves_where_the_certificate_was_verified(remote, client, certificate, mode):
    server = await remote("STARTTLS", "AUTH PLAIN", context=certificate("remote.example"))
    outcome = await open_session(server.endpoint, client(mode, credentials=Credentials("ann", "S3cr3t-CANARY")))
    assert isinstance(outcome, Deferred)
    assert "AUTH" not in server.dialogues[0].verbs

"""``--from``: would mail be taken? MAIL and RCPT, taken back, and what the answers mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relay.checks.own_server.check import Answer
from relay.checks.own_server.dated import Cause, cause_of
from relay.checks.own_server.seen import Said
from relay.locales import catalog

HOST = "mail.example.nl"
SENDER, RECIPIENT = "ann@example.nl", "klant@elsewhere.example"
LOGIN = {"username": SENDER, "password": "Secret-9word"}
ASKED = {"mail_from": SENDER, "rcpt_to": RECIPIENT}
CLEAR = ("8BITMIME", "SMTPUTF8")

# What is answered to MAIL, or to RCPT -> what is found, and how grave it is. Without a login.
AT_MAIL = {
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender": ("auth.from.denied", "error"),
    "550 5.7.1 <a@b.example>: Sender address rejected: not owned by user c": ("auth.from.denied", "error"),
    "553 sender not allowed": ("auth.from.denied", "error"),
    "553 5.7.1 <a@b.example>: Sender address rejected: not logged in": ("send.login", "error"),
    "530 5.7.0 Authentication required": ("send.login", "error"),
    "550 5.7.57 Client not authenticated to send mail": ("auth.535.anonymous", "error"),
    "550 5.1.8 Sender address rejected: Domain not found": ("send.from", "error"),
    "553 5.1.8 Domain of sender does not exist": ("send.from", "error"),
    "552 5.2.2 mailbox full": ("send.from", "error"),
    "451 4.7.1 try later": ("send.temporary", "unknown"),
}
AT_RCPT = {
    "554 5.7.1 <k@e.example>: Relay access denied": ("send.relay_denied", "error"),
    "550 5.7.1 <k@e.example>... Relaying denied": ("send.relay_denied", "error"),
    "550 relay not permitted": ("send.relay_denied", "error"),
    "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain": ("send.relay_denied", "error"),
    "550 5.7.1 Unable to relay": ("send.relay_denied", "error"),
    "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)": ("send.relay_denied", "error"),
    "551 5.1.6 not here": ("send.relay_denied", "error"),
    "553 5.7.1 <a@b.example>: Sender address rejected: not owned by user c": ("auth.from.denied", "error"),
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender": ("auth.from.denied", "error"),
    "530 5.7.0 Must authenticate": ("send.login", "error"),
    "550 5.7.64 TenantAttribution; Relay Access Denied": ("auth.535.connector", "error"),
    "550 5.1.1 no such user at relay.example": ("send.to", "warning"),
    "450 4.2.0 greylisted": ("send.temporary", "unknown"),
    "421 4.3.2 going down": ("send.temporary", "unknown"),
}


def found(answer: Answer) -> list[tuple[str, str]]:
    return [(finding.id, finding.severity.value) for finding in answer.part.findings]


@pytest.mark.parametrize(
    ("verb", "reply", "expected"),
    [
        *(("mail", reply, expected) for reply, expected in AT_MAIL.items()),
        *(("rcpt", reply, expected) for reply, expected in AT_RCPT.items()),
    ],
)
async def test_what_a_refusal_means(
    verb: str,
    reply: str,
    expected: tuple[str, str],
    serve: Callable[..., Any],
    ask: Callable[..., Any],
    script: Any,
) -> None:
    server = serve(script(clear=CLEAR, **{verb: reply}))
    answer = await ask(server.port, **ASKED)
    assert expected in found(answer)
    assert {id for id, _ in found(answer)} == {expected[0], "tls.starttls.missing"}
    facts = answer.part.facts
    assert (facts["to_reply"] if verb == "rcpt" else facts["from_reply"]) == reply
    assert (facts["to_reply"] is None) == (verb == "mail")
    assert "DATA" not in server.commands


@pytest.mark.parametrize("implicit", [False, True])
async def test_after_the_login_in_one_session_and_taken_back(
    implicit: bool, serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=certificates.good(), implicit=implicit))
    answer = await ask(server.port, **LOGIN, **ASKED)
    assert found(answer) == []
    assert (answer.part.facts["from_reply"], answer.part.facts["to_reply"]) == ("250 2.1.0 ok", "250 2.1.5 ok")
    (session,) = [each for each in server.connections if each.envelope]
    assert session.commands[-5:] == ["AUTH", "MAIL", "RCPT", "RSET", "QUIT"]
    assert session.envelope == [f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>"]
    assert b"MAIL" not in b"".join(bytes(each.clear) for each in server.connections)
    assert server.commands.count("AUTH") == 1


async def test_a_refused_login_asks_no_further(
    serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=certificates.good(), login="535 5.7.8 no"))
    answer = await ask(server.port, **LOGIN, **ASKED)
    assert found(answer) == [("auth.535.password", "error")]
    assert answer.part.facts["from_reply"] is None
    assert "MAIL" not in server.commands


@pytest.mark.parametrize("kind", ["self_signed", "expired"])
async def test_nothing_is_asked_where_the_certificate_is_not_verified(
    kind: str, serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=getattr(certificates, kind)()))
    answer = await ask(server.port, **ASKED)
    assert "MAIL" not in server.commands
    assert answer.part.facts["from_reply"] is None


async def test_a_login_that_was_named_but_not_tried_leaves_it_open(
    serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=certificates.good(), mail="530 5.7.0 Authentication required"))
    answer = await ask(server.port, username=SENDER, **ASKED)
    assert found(answer) == [("send.login", "unknown")]


async def test_a_server_that_hangs_up_or_hangs(serve: Callable[..., Any], ask: Callable[..., Any], script: Any) -> None:
    server = serve(script(clear=CLEAR, mail="nonsense"))
    answer = await ask(server.port, **ASKED)
    assert ("send.temporary", "unknown") in found(answer)


@pytest.mark.parametrize("language", ["en", "nl", "de", "fr"])
async def test_the_sentences_name_address_and_reply(
    language: str, serve: Callable[..., Any], ask: Callable[..., Any], script: Any
) -> None:
    server = serve(script(clear=CLEAR, rcpt="554 5.7.1 Relay access denied"))
    answer = await ask(server.port, **ASKED)
    (denied,) = [each for each in answer.part.findings if each.id == "send.relay_denied"]
    text = catalog(language).text(f"check.{denied.id}", **denied.facts)
    assert RECIPIENT in text
    assert "554 5.7.1 Relay access denied" in text


def test_the_same_words_mean_another_thing_to_a_login() -> None:
    reply = Said(530, "5.7.0", "Authentication required")
    assert (cause_of(reply), cause_of(reply, "envelope")) == (Cause.REFUSED, Cause.LOGIN)


@pytest.fixture
def target(nameserver: Any) -> Callable[[Any], str]:
    nameserver.zone = {HOST: {"A": ["127.0.0.1"]}}
    return lambda server: f"{HOST}:{server.port}"


def test_the_command(
    serve: Any, script: Any, certificates: Any, target: Any, ca_file: str, nameserver: Any, checks: Any
) -> None:
    server = serve(script(context=certificates.good(), mail="553 5.7.1 not owned by user c"))
    arguments = ("smtp", target(server), "--cafile", ca_file, "--from", "Ann@example.nl")
    answer = checks.json(*arguments, servers=(nameserver,))
    assert (answer["from_reply"], answer["to_reply"]) == ("553 5.7.1 not owned by user c", None)
    said = checks.run(*arguments, "--to", RECIPIENT, servers=(nameserver,))
    assert said.exit_code == 1
    assert said.output.startswith("Does not work.\n\nERROR  auth.from.denied\n")
    assert "  from reply: 553 5.7.1 not owned by user c\n" in said.output


def test_the_recipient_is_the_sender_unless_another_is_named(
    serve: Any, script: Any, certificates: Any, target: Any, ca_file: str, nameserver: Any, checks: Any
) -> None:
    server = serve(script(context=certificates.good()))
    checks.json("smtp", target(server), "--cafile", ca_file, "--from", SENDER, servers=(nameserver,))
    assert [each for session in server.connections for each in session.envelope] == [
        f"MAIL FROM:<{SENDER}>",
        f"RCPT TO:<{SENDER}>",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "ann"), "is no address"),
        (("--from", "a@b.example>\r\nDATA"), "is no address"),
        (("--from", "jörg@b.example"), "is no address"),
        (("--to", SENDER), "give --from too"),
    ],
)
def test_wrong_usage(options: tuple[str, ...], said: str, checks: Any) -> None:
    result = checks.run("smtp", HOST, *options)
    assert result.exit_code == 2
    assert said in result.output

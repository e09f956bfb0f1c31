"""A farm of remotes that misbehave: 48 kinds of answer at 9 stages of a delivery.

Whatever a remote says, the session ends in time with an outcome that is true: delivered only after a real 2xx to the
final dot, failed only by a real 5xx about the message, and temporary in every other case.
"""

from __future__ import annotations

import asyncio

import pytest

from relay.mail.delivery import Deferred, Delivered, Failed
from relay.mail.route import TlsMode
from relay.net.client import Credentials
from relay.net.session import Session
from relay.net.smtp import open_session

TEMPORARY, PERMANENT = Deferred, Failed

KINDS: dict[str, tuple[object, type]] = {
    # the network
    "hangs up": ("DROP", TEMPORARY),
    "says nothing": ("HANG", TEMPORARY),
    "never ends a reply": ("FLOOD", TEMPORARY),
    "never ends a line": ("ENDLESS", TEMPORARY),
    # real refusals, in every spelling that RFC 5321 4.2 and the robustness of others have
    "450": ("450 4.2.1 busy", TEMPORARY),
    "451 without an enhanced code": ("451 try later", TEMPORARY),
    "421": ("421 4.3.2 closing", TEMPORARY),
    "452 of two lines": ("452-4.3.1 full\r\n452 4.3.1 really", TEMPORARY),
    "550": ("550 5.1.1 no", PERMANENT),
    "550 without a text": (b"550\r\n", PERMANENT),
    "550 with a space and nothing": (b"550 \r\n", PERMANENT),
    "550 that ends in LF alone": (b"550 5.1.1 no\n", PERMANENT),
    "550 of three lines": ("550-5.1.1 no\r\n550-5.1.1 no\r\n550 5.1.1 no", PERMANENT),
    "554 in Latin-1": (b"554 5.7.1 d\xe9sol\xe9\r\n", PERMANENT),
    "550 in UTF-8": ("550 5.1.1 unbekannt: Müller", PERMANENT),
    "550 with an enhanced code of 4": ("550 4.2.2 over quota", PERMANENT),
    "450 with an enhanced code of 5": ("450 5.1.1 greylisted", TEMPORARY),
    "550 with an escape sequence": (b"550 5.1.1 \x1b[2Jno\r\n", PERMANENT),
    "550 of 1,900 characters": ("550 5.1.1 " + "x" * 1900, PERMANENT),
    "599": ("599 no", PERMANENT),
    # what is no reply, or not one that may stand anywhere
    "a word": ("banana", TEMPORARY),
    "an empty line": ("", TEMPORARY),
    "white space": ("   ", TEMPORARY),
    "HTTP": ("HTTP/1.1 400 Bad Request", TEMPORARY),
    "IMAP": ("* OK IMAP4rev1 ready", TEMPORARY),
    "a TLS alert": (b"\x15\x03\x01\x00\x02\x02\x28\r\n", TEMPORARY),
    "octets above 127": (b"\xff\xfe\x00\r\n", TEMPORARY),
    "NUL": (b"\0\0\0\0\r\n", TEMPORARY),
    "199": ("199 what", TEMPORARY),
    "600": ("600 what", TEMPORARY),
    "000": ("000 what", TEMPORARY),
    "two digits": ("55 no", TEMPORARY),
    "four digits": ("5500 no", TEMPORARY),
    "a sign": ("-550 no", TEMPORARY),
    "a space before the code": (" 550 no", TEMPORARY),
    "another separator": ("550.5.1.1 no", TEMPORARY),
    "a tab as separator": ("550\tno", TEMPORARY),
    "digits of another script": ("５５０ no", TEMPORARY),
    "Roman": ("DL no", TEMPORARY),
    "5 then 2": ("550-five\r\n250 two", TEMPORARY),
    "2 then 5": ("250-two\r\n550 five", TEMPORARY),
    "4 then 5": ("450-four\r\n550 five", TEMPORARY),
    "a line that is none among others": ("550-five\r\nbanana\r\n550 five", TEMPORARY),
    "a last line that never comes": ("550-five", TEMPORARY),
    "half a line, and hangs up": ((b"550 5.1", "DROP"), TEMPORARY),
    "half a line, and says nothing more": ((b"550 5.1", "HANG"), TEMPORARY),
    "CR CR LF": (b"550 5.1.1 no\r\r\n", PERMANENT),
    "a bare CR": (b"550 5.1.1 no\r", TEMPORARY),
}
STAGES = ("greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "early", "dot")
NOT_NOW = ("450", "451 without an enhanced code", "452 of two lines", "450 with an enhanced code of 5")


def test_the_farm_is_as_large_as_it_says():
    assert len(KINDS) == 48
    assert len(STAGES) == 9


@pytest.fixture
def farm(remote, client, transaction, fault, certificate, ca_file):
    """Delivers to a remote that misbehaves once, and returns the remote and the outcome."""

    def meant(said):
        if isinstance(said, tuple):
            return tuple(map(meant, said))
        return getattr(fault, said) if isinstance(said, str) and hasattr(fault, said) else said

    async def deliver(kind: str, stage: str, *extensions: str):
        said = meant(KINDS[kind][0])
        settings = {"ca_file": ca_file}
        if stage == "early":
            server = await remote(*extensions, early=(100_000, said))
            message = transaction(b"x" * 998 + b"\r\n" + b"y" * 400_000)
        elif stage == "AUTH":
            secure = {"context": certificate("remote.example"), "implicit": True}
            server = await remote("AUTH PLAIN", *extensions, **secure, AUTH=said)
            settings |= {"tls": TlsMode.IMPLICIT, "credentials": Credentials("ann", "secret")}
            message = transaction()
        else:
            server = await remote("STARTTLS", *extensions, **{stage: said})
            settings |= {"tls": TlsMode.OPPORTUNISTIC if stage == "STARTTLS" else TlsMode.NONE}
            message = transaction()
        session = await open_session(server.endpoint, client(**settings))
        if not isinstance(session, Session):
            return server, session
        (outcome,) = await session.send(message)
        await session.quit()
        return server, outcome

    return deliver


def expected(kind: str, stage: str) -> type:
    """What a delivery must come to."""
    meant = KINDS[kind][1]
    if stage == "AUTH":
        return Deferred  # a login that is refused says nothing about the message
    if stage == "STARTTLS" and (meant is PERMANENT or kind in NOT_NOW):
        return Delivered  # RFC 7435: no TLS today, so in the clear
    if stage == "EHLO" and meant is PERMANENT:
        return Delivered  # RFC 5321 3.2: it takes HELO
    return meant


@pytest.mark.parametrize("extensions", [(), ("PIPELINING",)], ids=["one by one", "pipelined"])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", KINDS)
async def test_the_outcome_is_true(farm, kind, stage, extensions):
    async with asyncio.timeout(20):
        server, outcome = await farm(kind, stage, *extensions)
    assert isinstance(outcome, expected(kind, stage)), outcome
    assert outcome.answer.text.isprintable()
    assert len(outcome.answer.text) <= 2000
    assert outcome.answer.remote.startswith("remote.example[127.0.0.1]:")
    if isinstance(outcome, Deferred):
        assert not outcome.answer.enhanced.startswith(("2", "5")) or outcome.answer.code >= 500
    if isinstance(outcome, Delivered):
        assert len(server.messages) == 1
    async with asyncio.timeout(5):
        while server.open:  # noqa: ASYNC110 - it happens on the other side of a socket
            await asyncio.sleep(0.01)

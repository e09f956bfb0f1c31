"""``relay check message`` as its users run it, spam filters on loopback, and octets of any kind."""

from __future__ import annotations

import asyncio
import json
import threading
from base64 import encodebytes
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay.checks.message.check import check_message
from relay.checks.message.filters import Silent, Verdict, judge_verdict, read_report, read_symbols
from relay.checks.message.mail import Mail
from relay.cli import main

GOOD = """\
From: "Müller Haustechnik" <info@mueller.example.de>
To: "Anna Weiss" <anna@kunde.example.de>
Subject: Rechnung 2026-0417 von Mueller Haustechnik
Date: Tue, 24 Nov 2026 09:05:03 +0000
Message-ID: <417@mueller.example.de>
Auto-Submitted: auto-generated

Liebe Frau Weiss,

anbei die Rechnung 2026-0417 vom 12. Oktober. Wir bitten um Zahlung von 845,25 Euro
bis zum 14. November. Vielen Dank!

Mueller Haustechnik, 089 123456
""".replace("Müller", "=?utf-8?Q?M=C3=BCller?=")
BAD = """\
From: "Jan \x1b[31m jan@bakker.nl" <jan@bakker.example.nl>
Reply-To: jan12@gmail.com
Subject: Factuur

Geachte klant,

bijgaand de factuur.
"""
REPORT = (
    b"SPAMD/1.1 0 EX_OK\r\nContent-length: 120\r\nSpam: True ; 6.2 / 5.0\r\n\r\n"
    b"Content analysis details:   (6.2 points, 5.0 required)\n\n"
    b" pts rule name              description\n---- ---------------------- ----\n"
    b" 1.2 FREEMAIL_REPLYTO       Reply-To is freemail\n"
    b" 2.7 MISSING_DATE           Missing Date: header\n-0.1 DKIM_VALID             ok\n 0.0 NOTHING  none\n"
)
SYMBOLS = {"score": 3.5, "required_score": 15, "action": "no action", "symbols": {"MISSING_DATE": {"score": 1.0}}}


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> str:
        (tmp_path / "mail.eml").write_bytes(text.encode())
        return str(tmp_path / "mail.eml")

    return write


@contextmanager
def answering(octets: bytes, asked: bytearray | None = None) -> Iterator[int]:
    """A server on loopback that reads a question and gives that answer, whatever was asked; its port."""
    port: list[int] = []
    ready, over, loops = threading.Event(), asyncio.Event(), []

    async def answer(reader, writer) -> None:
        question = await reader.read(65536)
        if asked is not None:
            asked.extend(question)
        writer.write(octets)
        await writer.drain()
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        loops.append(asyncio.get_running_loop())
        ready.set()
        await over.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(5)
    yield port[0]
    loops[0].call_soon_threadsafe(over.set)
    thread.join(5)


def closed_port() -> int:
    with answering(b"") as port:
        return port


def test_a_good_mail(checks, written):
    result = checks.run("message", written(GOOD))
    assert (result.exit_code, "msg.") == (0, "msg." if "msg." not in result.stdout else result.stdout)


def test_a_bad_mail_for_a_person(checks, written):
    result = checks.run("message", written(BAD), "--lang", "nl")
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
    assert "msg.date.missing" in result.stdout
    assert "Beste {naam}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_json(checks, written):
    told = checks.json("message", written(BAD))
    assert told["subject"] == "Factuur"
    assert told["language"] == "nl"
    assert {"greeting", "number"} <= set(told["tokens"]["missing"])
    assert "{naam}" in told["better"]["text"]
    assert "msg.impersonal" in {finding["id"] for finding in told["findings"]}
    assert "score" not in told


def test_letters_of_all_languages_stay(checks, written):
    text = GOOD.replace("=C3=BCller?=", "=C3=BCller_info@mueller.example.de?=")
    assert "Müller" in checks.run("message", written(text)).stdout


def test_names_can_be_given(checks, written):
    text = GOOD.replace("Liebe Frau Weiss", "Guten Tag").replace('"Anna Weiss" ', "").replace("12. Oktober", "gestern")
    said = checks.json("message", written(text), "--known", "Rechnung", "--company", "Haustechnik")["tokens"]
    assert said["recipient"] == "Rechnung"
    assert said["company"] == "Haustechnik"


def test_the_language_can_be_given(checks, written):
    assert checks.json("message", written(GOOD), "--lang-of-mail", "fr")["language"] == "fr"


def test_from_standard_input(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check", "message", "-", "--json"], input=GOOD.encode())
    assert json.loads(result.stdout)["subject"].startswith("Rechnung")


def test_as_it_leaves(checks, written):
    told = checks.json("message", written(BAD), "--rewritten", "--company", "Bakker")
    assert {"msg.date.missing", "msg.mid.missing", "msg.from.name.email"} <= set(told["rewriting"]["removes"])
    assert "msg.date.missing" not in {finding["id"] for finding in told["findings"]}
    assert {"field": "From", "reason": "from"} in told["rewriting"]["changes"]


def test_the_rewriting_can_add_a_signal(checks, written):
    told = checks.json("message", written(GOOD), "--rewritten")
    assert told["rewriting"]["adds"] == ["msg.replyto.domain"]


def test_refused_by_the_relay(checks, written):
    result = checks.run("message", written(GOOD.replace("From:", "X-From:")), "--rewritten")
    assert result.exit_code == 1
    assert "msg.rewrite.refused" in result.stdout
    assert "550 5.6.0" in result.stdout


def test_spamd(checks, written):
    asked = bytearray()
    with answering(REPORT, asked) as port:
        told = checks.json("message", written(GOOD), "--spamd", f"127.0.0.1:{port}")
    assert asked.startswith(b"REPORT SPAMC/1.5\r\nContent-length: ")
    assert told["score"]["SpamAssassin"]["score"] == 6.2
    rules = told["score"]["SpamAssassin"]["rules"]
    assert [rule["name"] for rule in rules] == ["MISSING_DATE", "FREEMAIL_REPLYTO", "DKIM_VALID"]
    assert "MISSING_DATE 2.7" in next(each["text"] for each in told["findings"] if each["id"] == "msg.sa.over")


def test_rspamd(checks, written):
    body = json.dumps(SYMBOLS).encode()
    asked = bytearray()
    with answering(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body, asked
    ) as port:
        told = checks.json("message", written(GOOD), "--rspamd", f"http://127.0.0.1:{port}")
    assert asked.startswith(b"POST /checkv2 HTTP/1.1\r\n")
    assert told["score"]["rspamd"] == {"score": 3.5, "required": 15, "rules": [{"name": "MISSING_DATE", "points": 1.0}]}
    assert "msg.sa.rules" in {finding["id"] for finding in told["findings"]}


@pytest.mark.parametrize("option", ["--spamd", "--rspamd"])
def test_a_filter_that_is_not_there_is_unknown(checks, written, option):
    port = closed_port()
    place = f"127.0.0.1:{port}" if option == "--spamd" else f"http://127.0.0.1:{port}"
    result = checks.run("message", written(GOOD), option, place)
    assert result.exit_code == 75
    assert "msg.sa.unknown" in result.stdout


@pytest.mark.parametrize("place", ["127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:x", ":783"])
def test_an_address_that_is_none(checks, written, place):
    assert checks.run("message", written(GOOD), "--spamd", place).exit_code == 2


def test_a_url_that_is_none(checks, written):
    assert checks.run("message", written(GOOD), "--rspamd", "ftp://x").exit_code == 2


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad\r\n\r\n", b"SPAMD/1.1 76 Bad header\r\n\r\n", b"SPAMD/1.1 0 EX_OK\r\n\r\n"]
)
def test_an_answer_that_is_none(answer):
    assert read_report(answer) == Silent("SpamAssassin", "answer")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"score": 1}',
        b'{"score": NaN, "required_score": 1, "symbols": {}}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_json_that_is_no_answer(answer):
    assert read_symbols(answer) == Silent("rspamd", "answer")


def test_spamd_writes_a_thousand_points_without_decimals():
    head = b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1000.0 / 5.0\r\n\r\n"
    report = b" pts rule name    description\n---- ----------\n1000 GTUBE         BODY: a test\n"
    assert read_report(head + report) == Verdict("SpamAssassin", 1000.0, 5.0, (("GTUBE", 1000.0),))


def test_nothing_is_not_less_than_nothing():
    assert judge_verdict(Verdict("SpamAssassin", -0.04, 5.0, ())).facts["score"] == "0.0"


def test_below_the_limit_is_information():
    assert judge_verdict(Verdict("rspamd", 1.0, 15.0, ())).severity == "info"


PIECES = st.sampled_from(
    [
        b"From: a <a@b.nl>\r\n",
        b"To: =?utf-8?q?=ff?= <x@y.nl>\r\n",
        b"Date: Tue, 99 Foo 99999 25:61:61 +9999\r\n",
        b"Subject: \xff =?x?b?!?=\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"\r\n--b\r\n",
        b"\r\n--b--\r\n",
        b"Content-Type: text/html; charset=utf-7\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"\r\n\r\n",
        b"\0\r\n",
        b"Content-Disposition: attachment; filename*0*=utf-8''%ff; filename*1=\"a.zip\"\r\n",
        b"<a href='http://[::1'>x.nl",
        b"PK\x05\x06" + b"\xff" * 18,
        b"PK\x01\x02" + b"\0" * 42,
        b"http://xn--a.xn--\xc3\xa9/",
        b"<style>",
        b"Geachte klant",
        b"DKIM-Signature: v=1; x=99999999999999999999; t=-1\r\n",
        b'Reply-To: a@gmail.com, "\r\n',
        b"Date: 1 Jan 1 0:0\r\n",
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES | st.binary(max_size=30), max_size=25).map(b"".join))
def test_any_octets(octets):
    check_message(octets, 1_795_512_303)


def test_bounds():
    """Ten thousand multiparts within each other, as many beside each other: read as far as the bounds go."""
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(10_000))
    wide = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 10_000
    for octets in (deep, wide):
        parts = Mail.read(octets).parts
        assert parts.is_cut
        assert len(parts.leaves) <= 1_000


def test_a_page_that_never_ends():
    """Nothing here is read in more than linear time; it would take minutes if it were."""
    for page in (b"<" * 400_000, b"<a " * 150_000, b"<!--" * 100_000, b"<a href='" * 50_000, b"&" * 400_000):
        check_message(b"From: a@b.nl\r\nContent-Type: text/html\r\n\r\n" + page, 1_795_512_303)
    check_message(b"Content-Transfer-Encoding: base64\r\n\r\n" + encodebytes(b"1 1,1 " * 50_000), 1_795_512_303)

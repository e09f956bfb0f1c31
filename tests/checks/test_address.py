"""Addresses: what is accepted, warned about and rejected, and what is offered instead."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.checks.address.check import check_addresses
from relay.checks.address.judge import AddressReport, judge_address
from relay.checks.address.syntax import parse_bare
from relay.net.zone import Zone

LONG = "a" * 64


def ids(report: AddressReport) -> list[str]:
    return [finding.id for finding in report.findings]


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("jan@bakker.nl", "jan@bakker.nl"),
        ("Jan.de-Vries+facturen@Bakker.NL", "Jan.de-Vries+facturen@bakker.nl"),
        ("o'brien@mail.x.ie", "o'brien@mail.x.ie"),
        ("!#$%&'*+-/=?^_`{|}~@x.nl", "!#$%&'*+-/=?^_`{|}~@x.nl"),
        (f"{LONG}@x.nl", f"{LONG}@x.nl"),
        ("jan@bücher.de", "jan@xn--bcher-kva.de"),
        ("jan@xn--bcher-kva.de", "jan@xn--bcher-kva.de"),
        ("jan@пример.рф", "jan@xn--e1afmkfd.xn--p1ai"),
        ("user@example.com", "user@example.com"),
        ("1@2.nl", "1@2.nl"),
    ],
)
def test_a_bare_address_is_accepted(text: str, normalized: str) -> None:
    report = judge_address(text)
    assert (report.verdict, report.normalized, report.suggestion) == ("ok", normalized, None)


@pytest.mark.parametrize(
    ("text", "normalized", "reason"),
    [
        ("jän@x.nl", "jän@x.nl", "addr.smtputf8"),
        ("ja\u0308n@x.nl", "jän@x.nl", "addr.smtputf8"),
        ("用户@例子.cn", "用户@xn--fsqu00a.cn", "addr.smtputf8"),
        ('"jan de vries"@x.nl', '"jan de vries"@x.nl', "addr.quoted"),
        ('"jan"@x.nl', "jan@x.nl", "addr.quoted"),
        ('"a@b, c"@x.nl', '"a@b, c"@x.nl', "addr.quoted"),
    ],
)
def test_what_not_every_server_takes_is_warned_about(text: str, normalized: str, reason: str) -> None:
    report = judge_address(text)
    assert (report.verdict, report.normalized) == ("warn", normalized)
    assert reason in ids(report)


REJECTED = [
    ("", "addr.syntax.empty", None),
    ("jan", "addr.syntax.no_at", None),
    ("@x.nl", "addr.syntax.local", None),
    ("jan@", "addr.syntax.domain", None),
    ("jan@@x.nl", "addr.syntax.two_ats", "jan@x.nl"),
    ("jan[at]x.nl", "addr.syntax.no_at", "jan@x.nl"),
    ("jan..p@x.nl", "addr.syntax.dots", "jan.p@x.nl"),
    (".jan@x.nl", "addr.syntax.dots", "jan@x.nl"),
    ("jan.@x.nl", "addr.syntax.dots", "jan@x.nl"),
    ("jan@x..nl", "addr.syntax.dots", "jan@x.nl"),
    ("jan@x.nl.", "addr.syntax.dots", "jan@x.nl"),
    ("jan@x。nl。", "addr.syntax.dots", "jan@x.nl"),
    (" jan@x.nl", "addr.syntax.space", "jan@x.nl"),
    ("jan@x.nl\n", "addr.syntax.space", "jan@x.nl"),
    ("jan @ x . nl", "addr.syntax.space", "jan@x.nl"),
    ("jan\r\n @x.nl", "addr.syntax.space", "jan@x.nl"),
    ("jan de vries@x.nl", "addr.syntax.space", None),
    ("jan@x.nl,", "addr.syntax.trailing", "jan@x.nl"),
    ("jan@x.nl;", "addr.syntax.trailing", "jan@x.nl"),
    ("mailto:jan@x.nl", "addr.syntax.mailto", "jan@x.nl"),
    ("MAILTO:jan%2Bx@x.nl?subject=a", "addr.syntax.mailto", "jan+x@x.nl"),
    ("Jan <jan@x.nl>", "addr.syntax.name", "jan@x.nl"),
    ("<jan@x.nl>", "addr.syntax.name", "jan@x.nl"),
    ('"Vries, Jan de" <jan@x.nl>', "addr.syntax.name", "jan@x.nl"),
    ("jan＠x.nl", "addr.syntax.at_sign", "jan@x.nl"),
    ("“jan@x.nl”", "addr.syntax.quotes", "jan@x.nl"),
    ("jan@ba\u200bkker.nl", "addr.syntax.invisible", "jan@bakker.nl"),
    ("\ufeffjan@x.nl", "addr.syntax.invisible", "jan@x.nl"),
    ("jan@ba\u00adkker.nl", "addr.syntax.invisible", "jan@bakker.nl"),
    ("jan@x.nl\u202e", "addr.syntax.invisible", "jan@x.nl"),
    ("jan(werk)@x.nl", "addr.syntax.comment", "jan@x.nl"),
    ("jan@(werk)x.nl", "addr.syntax.comment", "jan@x.nl"),
    ("jan@[192.0.2.1]", "addr.syntax.literal", None),
    ("jan@[IPv6:2001:db8::1]", "addr.syntax.literal", None),
    ("jan@192.0.2.1", "addr.syntax.domain", None),
    ("jan@x_y.nl", "addr.syntax.domain", None),
    ("jan@-x.nl", "addr.syntax.domain", None),
    ("jan@x.n1", "addr.syntax.domain", None),
    ("jan@xn--a.nl", "addr.syntax.domain", None),
    ("jan@bakker", "addr.syntax.undotted", None),
    ("jan@gmail", "addr.syntax.undotted", "jan@gmail.com"),
    ("jan@hotmal", "addr.syntax.undotted", "jan@hotmail.com"),
    ("jan@gmail,com", "addr.syntax.undotted", "jan@gmail.com"),
    ("jan@gmial.com,", "addr.syntax.trailing", "jan@gmail.com"),
    ("jan@gmail.c0m", "addr.syntax.domain", "jan@gmail.com"),
    ('"jan".piet@x.nl', "addr.syntax.local", None),
    ('jan"x@x.nl', "addr.syntax.local", None),
    (f"a{LONG}@x.nl", "addr.syntax.local_long", None),
    (f"a@{'.'.join(['b' * 60] * 4)}.{'c' * 10}.nl", "addr.syntax.long", None),
    (f"jan@{LONG}.nl", "addr.syntax.domain", None),
    ("jan\0@x.nl", "addr.syntax.invisible", "jan@x.nl"),
    ("j\ufffdn@x.nl", "addr.syntax.invisible", None),
    ("jan@x.nl, piet@y.nl", "addr.list", None),
    ("jan@x.nl;piet@y.nl", "addr.list", None),
    ("Jan <jan@x.nl>, Piet <piet@y.nl>", "addr.list", None),
]


@pytest.mark.parametrize(("text", "reason", "suggestion"), REJECTED)
def test_all_else_is_rejected_with_what_was_probably_meant(text: str, reason: str, suggestion: str | None) -> None:
    report = judge_address(text)
    assert (report.verdict, report.normalized, report.suggestion) == ("reject", None, suggestion)
    assert reason in ids(report)


@pytest.mark.parametrize("domain", ["x.test", "printer.local", "x.invalid", "x.localhost", "x.onion", "home.arpa"])
def test_names_that_are_nowhere_public_are_rejected_unless_allowed(domain: str) -> None:
    assert judge_address(f"jan@{domain}").verdict == "reject"
    assert judge_address(f"jan@{domain}", allow_test_domains=True).verdict == "ok"


def test_lists_are_told_but_a_role_is_fine() -> None:
    assert (judge_address("facturen@bakker.nl").verdict, ids(judge_address("facturen@bakker.nl"))) == (
        "ok",
        ["addr.role"],
    )
    assert ids(judge_address("jan@inbox.mailinator.com")) == ["addr.disposable"]


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("jan@gm\u0430il.com", "jan@gmail.com"),
        ("jan@grnail.com", "jan@gmail.com"),
        ("jan@hotmai1.nl", "jan@hotmail.nl"),
        ("jan@b\u0430kker.nl", None),
    ],
)
def test_letters_that_look_like_others_are_told(text: str, suggestion: str | None) -> None:
    report = judge_address(text)
    assert (report.verdict, report.suggestion) == ("warn", suggestion)
    assert "addr.homograph" in ids(report)


ZONE: dict[str, Any] = {
    "bakker.nl": {"MX": ["10 mx.bakker.nl"]},
    "mx.bakker.nl": {"A": ["192.0.2.1"]},
    "implicit.nl": {"AAAA": ["2001:db8::1"]},
    "null.nl": {"MX": ["0 ."], "A": ["192.0.2.1"]},
    "nothing.nl": {"TXT": ["v=spf1 -all"]},
    "parked.nl": {"A": ["192.0.2.1"], "TXT": ["v=SPF1  -all"]},
    "sends.nl": {"A": ["192.0.2.1"], "TXT": ["v=spf1 a -all"]},
    "unread.nl": {"A": ["192.0.2.1"], "TXT": "SERVFAIL"},
    "receives.nl": {"MX": ["10 mx.bakker.nl"], "TXT": ["v=spf1 -all"]},
    "private.nl": {"A": ["10.0.0.1"]},
    "inside.nl": {"MX": ["10 in.inside.nl"]},
    "in.inside.nl": {"A": ["192.168.1.2"], "AAAA": ["fd00::1"]},
    "dead.nl": {"MX": ["10 gone.dead.nl"]},
    "slow.nl": "timeout",
    "fail.nl": {"MX": "SERVFAIL"},
    "half.nl": {"MX": ["10 mx.half.nl"]},
    "mx.half.nl": {"A": "SERVFAIL"},
    "gmial.com": {"MX": ["10 mx.bakker.nl"]},
    "gmakl.com": {"MX": ["10 mx.bakker.nl"]},
    "mailw.com": {"MX": ["10 mx.bakker.nl"]},
}


async def asked(text: str, zone: dict[str, Any] = ZONE) -> AddressReport:
    return (await check_addresses([text], Zone(zone)))[0]


@pytest.mark.parametrize(
    ("domain", "verdict", "reasons"),
    [
        ("bakker.nl", "ok", []),
        ("implicit.nl", "ok", []),
        ("gone.nl", "reject", ["addr.domain.nxdomain"]),
        ("null.nl", "reject", ["addr.domain.noMail"]),
        ("nothing.nl", "reject", ["addr.domain.noMail"]),
        ("parked.nl", "warn", ["addr.domain.nosend"]),
        ("sends.nl", "ok", []),
        ("unread.nl", "ok", []),
        ("receives.nl", "ok", []),
        ("private.nl", "reject", ["addr.domain.noMail"]),
        ("inside.nl", "reject", ["addr.domain.noMail"]),
        ("dead.nl", "warn", ["addr.domain.deadHost"]),
        ("slow.nl", "unknown", ["addr.domain.unknown"]),
        ("fail.nl", "unknown", ["addr.domain.unknown"]),
        ("half.nl", "unknown", ["addr.domain.unknown"]),
    ],
)
async def test_dns_says_whether_mail_is_taken(domain: str, verdict: str, reasons: list[str]) -> None:
    report = await asked(f"jan@{domain}")
    assert (report.verdict, ids(report)) == (verdict, reasons)


def test_a_mailbox_whose_mail_came_back_is_rejected() -> None:
    bounced = {parse_bare("jan@bakker.nl").key: 1_800_000_000.0}
    report = judge_address("Jan@bakker.nl", bounced=bounced)
    assert (report.verdict, ids(report)) == ("reject", ["addr.bounced"])
    assert report.findings[0].facts == {"address": "Jan@bakker.nl", "day": "2027-01-15"}
    assert judge_address("piet@bakker.nl", bounced=bounced).verdict == "ok"


async def test_a_domain_that_takes_mail_is_never_a_typo_unless_a_known_squatter_has_it() -> None:
    assert (await asked("jan@gmakl.com")).suggestion is None
    assert (await asked("jan@mailw.com")).suggestion is None
    parked = await asked("jan@gmial.com")
    assert (parked.verdict, parked.suggestion, ids(parked)) == ("warn", "jan@gmail.com", ["addr.typo.parked"])


async def test_a_domain_that_takes_no_mail_gets_more_daring_suggestions() -> None:
    assert judge_address("jan@ziggo.com").suggestion is None
    report = await asked("jan@ziggo.com")
    assert (report.verdict, report.suggestion) == ("reject", "jan@ziggo.nl")
    assert ids(report) == ["addr.domain.nxdomain", "addr.typo"]


async def test_each_domain_is_asked_once_and_test_names_not_at_all() -> None:
    zone = Zone(ZONE)
    await check_addresses(["a@bakker.nl", "b@BAKKER.nl", "c@x.test", "no address"], zone)
    assert sorted(zone.asked) == [("bakker.nl", "MX"), ("mx.bakker.nl", "A"), ("mx.bakker.nl", "AAAA")]
    await check_addresses(["c@x.test"], zone, allow_test_domains=True)
    assert zone.asked[-1] == ("x.test", "MX")


async def test_every_finding_that_has_a_sentence_can_come_about() -> None:
    domains = ("gone.nl", "null.nl", "dead.nl", "slow.nl", "parked.nl", "gmial.com")
    forms = ("jän@x.nl", '"a b"@x.nl', "jan@bücher.de", "info@x.nl", "jan@x.test", "jan@example.com", "jan@hotmal.com")
    forms += ("jan@mailinator.com", "jan@grnail.com", *(case[0] for case in REJECTED))
    reports = await check_addresses([f"jan@{domain}" for domain in domains], Zone(ZONE))
    reports += [judge_address(form, bounced={parse_bare("info@x.nl").key: 0.0}) for form in forms]
    sentences = tomllib.loads((files("relay.locales") / "en" / "check.addr.toml").read_text("utf-8"))
    assert {id for report in reports for id in ids(report)} == {f"addr.{name}" for name in sentences}


@given(st.text(st.characters(codec="utf-8"), max_size=80) | st.text("a@.,;<>()\"' \\\u200b\uff20é", max_size=20))
def test_any_text_gets_a_verdict_and_a_suggestion_is_an_address(text: str) -> None:
    report = judge_address(text)
    assert report.verdict in {"ok", "warn", "reject"}
    for offered in filter(None, (report.suggestion, report.normalized)):
        again = judge_address(offered, allow_test_domains=True)
        assert again.normalized == offered

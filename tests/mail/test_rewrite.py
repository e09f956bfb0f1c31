"""The published cases, and what no message may get past (rules A to C)."""

from __future__ import annotations

import ast
import email.policy
import email.utils
import json
from email.headerregistry import Address as StdlibAddress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.locales import LANGUAGES, catalog
from relay.mail.address import Address, AddressError, parse_address
from relay.mail.message import BytesBody, Message
from relay.mail.reply import Refusal
from relay.mail.rewrite import Change, Rewritten, resolve_platform_address
from relay.mail.sender import Verified

ROOT = Path(__file__).parents[2]
CASES = json.loads((ROOT / "tests" / "cases" / "rewrite.json").read_text("utf-8"))["cases"]
BY_ID = {case["id"]: case for case in CASES}
FROM = "From: Jan <info@bakker.example>\r\n"
NEW_FROM = 'From: "Jan" <mail@customers.platform.example>'


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_published_case(case: dict[str, Any], rewritten, lines) -> None:
    result = rewritten(case["input"].encode("latin-1"), **case.get("settings", {}))
    expect = case["expect"]
    if "refuse" in expect:
        assert isinstance(result, Refusal)
        assert f"{result.code} {result.enhanced}" == expect["refuse"]
    else:
        assert lines(result, "From", "Reply-To") == expect["headers"]
        assert list(result.events) == expect["events"]


def test_all_published_cases_are_there() -> None:
    assert len(CASES) == len(BY_ID) == 79


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", [case for case in CASES if "refuse" in case["expect"]], ids=lambda case: case["id"])
def test_every_refusal_has_a_sentence_that_fits(case: dict[str, Any], language: str, rewritten) -> None:
    refusal = rewritten(case["input"].encode("latin-1"), **case.get("settings", {}))
    text = catalog(language).text(f"reply.{refusal.topic}", **refusal.params)
    assert text.isascii()
    assert all(len(line) <= 480 for line in text.split("\n"))
    assert "{" not in text


def test_the_dutch_sentence_of_this_field() -> None:
    known = "U bent niet gemachtigd om een e-mail te versturen vanaf dit adres. Er is een verificatiemail verstuurd."
    assert catalog("nl").text("reply.sender.unverified_sent", address="a@b.example").split("\n")[0] == known


# ---- what the standard library would have written ------------------------------------------------------------------


def display_name(case_id: str) -> str:
    name, _, _ = BY_ID[case_id]["input"].encode("latin-1").decode("utf-8").removeprefix("From: ").partition(" <")
    return name.strip('"')


@pytest.mark.parametrize("case_id", ["R19", "R20"])
def test_formataddr_must_not_write_these_headers(case_id: str) -> None:
    expected = BY_ID[case_id]["expect"]["headers"][0]
    theirs = "From: " + email.utils.formataddr((display_name(case_id), "mail@customers.platform.example"))
    assert theirs != expected
    assert max(map(len, expected.split("\r\n"))) <= 78 < max(map(len, theirs.split("\r\n")))


def written_by_email_message(name: str) -> str:
    message = EmailMessage(email.policy.SMTP)
    message["From"] = StdlibAddress(name, "mail", "customers.platform.example")
    return message.as_bytes().split(b"\r\n\r\n")[0].decode()


def test_email_message_must_not_write_these_headers(rewritten, lines) -> None:
    assert written_by_email_message(display_name("R20")) != BY_ID["R20"]["expect"]["headers"][0]
    longer = display_name("R19") + ", Accountants en Adviseurs"
    (ours,) = lines(rewritten(f'From: "{longer}" <info@bakker.example>\r\n'), "From")
    read = {
        writer: email.utils.getaddresses([field.removeprefix("From: ").replace("\r\n", "")])
        for writer, field in (("ours", ours), ("theirs", written_by_email_message(longer)))
    }
    assert read["ours"] == [(longer, "mail@customers.platform.example")]
    assert len(read["theirs"]) == 3  # the quotes are lost: one sender has become three


def test_nothing_writes_with_the_standard_library() -> None:
    """Reading is the one use of ``email``: the parts of a message for the development inbox, a date for a check; what
    is written for the wire has none."""
    readers = {
        "relay/server/web/parts.py": {"email.parser", "email.policy", "email.message"},
        "relay/checks/message/header.py": {"email.utils"},
    }
    for path in sorted((ROOT / "relay").rglob("*.py")):
        allowed = readers.get(str(path.relative_to(ROOT)), set())
        imported = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
        assert {name for name in imported if name.split(".")[0] == "email"} <= allowed, path


# ---- A7: what goes ------------------------------------------------------------------------------------------------

REMOVED = [
    ("Bcc: x@y.example\r\n y@y.example", "bcc"),
    ("bcc : x@y.example", "bcc"),
    ("Resent-Bcc: x@y.example", "bcc"),
    ("Return-Path: <x@y.example>", "return_path"),
    ("Sender: x@y.example", "sender"),
    ("X-Relay-Document: invoice", "routing"),
    ("X-Relay-Hold: yes", "routing"),
    ("X-Relay-Tenant: other", "routing"),
    ("DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=abc", "signature"),
    ("DomainKey-Signature: a=rsa-sha1", "signature"),
    ("ARC-Seal: i=1", "signature"),
    ("ARC-Authentication-Results: i=1; other.example", "signature"),
    ("Authentication-Results: customers.platform.example; spf=pass", "authentication_results"),
    ("Authentication-Results: (x;y) Customers.Platform.Example 1;\r\n dkim=pass", "authentication_results"),
    ('Authentication-Results: "customers.platform.example"; spf=pass', "authentication_results"),
    ("Authentication-Results: customers.platform.example.(x); spf=pass", "authentication_results"),
    ("Authentication-Results: ((x)) who.example; spf=pass", "authentication_results"),
    ("Disposition-Notification-To: evil@x.example", "receipt"),
    ("Disposition-Notification-To: info@bakker.example, evil@x.example", "receipt"),
    ("Return-Receipt-To: <broken", "receipt"),
    ("Errors-To:", "receipt"),
]


@pytest.mark.parametrize(("field", "reason"), REMOVED, ids=[field[:30] for field, _ in REMOVED])
def test_removed_fields(field: str, reason: str, rewritten) -> None:
    result = rewritten(f"Subject: x\r\n{field}\r\n{FROM}To: k@h.example\r\n")
    name = field.partition(":")[0].strip()
    assert isinstance(result, Rewritten)
    assert result.message.first(name.lower()) is None
    assert Change(name, field.replace("\r\n", "\r\n"), None, reason) in result.changes


KEPT = [
    "Received: from a by b;\r\n\tTue, 24 Nov 2026 08:00:00 +0000",
    "Received-SPF: pass",
    "Authentication-Results: other.example; spf=pass",
    "Authentication-Results: (x) other.example 1",
    "Authentication-Results: customers.platform.example.evil.example; spf=pass",
    "Resent-From: x@y.example",
    "List-Unsubscribe: <mailto:u@y.example>",
    "X-Relayed: yes",
    "X-ARC-Like: yes",
    "Bcc-Info: none",
    "Disposition-Notification-To: Jan <INFO@bakker.example>",
    "Errors-To: boekhouding@bakker.example",
    "Subject : raw \xe9 and   odd\r\n   \tfolding ",
    "X-Empty:",
    "To: a@b.example,\r\n\r\n".rstrip(),
]


@pytest.mark.parametrize("field", KEPT)
def test_kept_fields_stay_byte_for_byte(field: str, rewritten) -> None:
    raw = field.encode("latin-1") + b"\r\n"
    result = rewritten(b"X-First: 1\r\n" + raw + FROM.encode() + b"X-Last: 2\r\n")
    assert isinstance(result, Rewritten)
    assert result.message.fields[1].raw == raw
    assert result.message.body.data == b"body\r\n"


def test_dropped_receipts_are_events(rewritten) -> None:
    result = rewritten(f"{FROM}Errors-To: e@x.example\r\nDisposition-Notification-To: e@x.example\r\n")
    assert list(result.events) == ["errors_to_dropped", "disposition_notification_to_dropped"]


def test_an_own_authserv_id_counts_instead_of_the_platform_domain(rewritten) -> None:
    header = f"{FROM}Authentication-Results: mx.platform.example; spf=pass\r\n"
    assert rewritten(header).message.first("authentication-results") is not None
    assert rewritten(header, authserv_id="MX.platform.example").message.first("authentication-results") is None


# ---- A8: what is added, and what may be there once ------------------------------------------------------------------


def test_missing_date_and_message_id_are_added_at_the_end(rewritten) -> None:
    result = rewritten(f"{FROM}To: k@h.example\r\n")
    assert [field.name for field in result.message.fields] == ["From", "Reply-To", "To", "Date", "Message-ID"]
    assert result.message.fields[-1].raw == b"Message-ID: <1@customers.platform.example>\r\n"
    assert [change.reason for change in result.changes] == ["from", "reply_to_added", "date", "message_id"]


def test_present_ones_stay(rewritten) -> None:
    result = rewritten(f"DATE: whenever\r\nmessage-id:<x>\r\n{FROM}")
    assert result.message.header.startswith(b"DATE: whenever\r\nmessage-id:<x>\r\n")
    assert len(result.message.fields) == 4


@pytest.mark.parametrize("name", ["Message-ID", "Date", "Subject", "To", "Cc", "MIME-Version", "Content-Type"])
def test_identical_copies_collapse_and_others_are_refused(name: str, rewritten, lines) -> None:
    same = rewritten(f"{name}: x y\r\n{FROM}{name.upper()} : x\r\n y\r\n{name}: x y\r\n")
    assert [field.raw for field in same.message.all(name.lower())] == [f"{name}: x y\r\n".encode()]
    assert [change.reason for change in same.changes].count("duplicate") == 2
    other = rewritten(f"{name}: x\r\n{FROM}{name}: y\r\n")
    assert other == Refusal(550, "5.6.0", "header.duplicate", {"field": name})


# ---- places, changes ------------------------------------------------------------------------------------------------


def test_from_stays_in_place_and_reply_to_follows_it(rewritten) -> None:
    result = rewritten(f"To: k@h.example\r\n{FROM}Subject: x\r\n")
    assert [field.name for field in result.message.fields][:4] == ["To", "From", "Reply-To", "Subject"]


def test_a_reply_to_stays_where_the_first_was(rewritten) -> None:
    header = f"reply-to: info@bakker.example\r\nTo: k@h.example\r\n{FROM}Reply-To: boekhouding@bakker.example\r\n"
    result = rewritten(header)
    assert [field.name for field in result.message.fields][:3] == ["Reply-To", "To", "From"]
    assert [(change.before, change.after) for change in result.changes if change.reason.startswith("reply_to")] == [
        ("reply-to: info@bakker.example", "Reply-To: info@bakker.example, boekhouding@bakker.example"),
        ("Reply-To: boekhouding@bakker.example", None),
    ]


def test_what_comes_out_as_it_went_in_is_no_change(rewritten) -> None:
    result = rewritten(f"{FROM}Reply-To: info@bakker.example\r\nDate: x\r\nMessage-ID: y\r\n")
    assert [change.reason for change in result.changes] == ["from"]


@pytest.mark.parametrize(
    ("header", "after"),
    [(FROM, ["auto-generated"]), (FROM + "auto-submitted: auto-replied\r\n", ["auto-replied"])],
)
def test_what_a_program_made_says_so_once(rewritten, header, after) -> None:
    done = rewritten(header, auto_submitted=True)
    assert [field.value.decode() for field in done.message.all("auto-submitted")] == after
    assert rewritten(FROM).message.first("auto-submitted") is None


def test_every_reason_is_explained_in_every_language(rewritten) -> None:
    headers = [f"{field}\r\n" for field, _ in REMOVED] + ["Reply-To: INFO@bakker.example (x)\r\n", "Reply-To:\r\n"]
    result = rewritten(FROM + "".join(headers) + "Cc: a\r\nCc: a\r\n", auto_submitted=True)
    reasons = {change.reason for change in (*result.changes, *rewritten(FROM).changes)}
    elsewhere = {"document", "redirect", "own_sender"}  # tests/mail/test_document.py, tests/mail/test_pass_on.py
    assert {f"reason.{reason}" for reason in reasons | elsewhere} == {
        key for key in catalog("en").sentences if key.startswith("reason.")
    }


# ---- names ----------------------------------------------------------------------------------------------------------


def test_the_company_is_shown_by_default(rewritten, lines) -> None:
    assert lines(
        rewritten('From: "ceo@bank.example" <info@bakker.example>\r\n', display_name="company"), "From", "Reply-To"
    ) == [
        'From: "Bakker B.V." <mail@customers.platform.example>',
        'Reply-To: "Bakker B.V." <info@bakker.example>',
    ]


@pytest.mark.parametrize(
    ("company", "shown"),
    [
        ("Evil\r\nBcc: v@x", '"Klantenplatform"'),
        ("Evil\r\nBcc: v", '"Evil Bcc: v"'),
        ("=?utf-8?q?=0D=0ABcc:_v?=", '"Bcc: v"'),
        ("Foo, Bar <a@b>", '"Klantenplatform"'),
        ("a\u2028b", '"a b"'),
        ('"\\', '"\\"\\\\"'),
        ("", '"Klantenplatform"'),
        ("\udcff", '"Klantenplatform"'),
    ],
)
def test_the_company_name_is_cleaned_too(company: str, shown: str, rewritten, lines) -> None:
    result = rewritten(FROM, display_name="company", company=company)
    assert lines(result, "From") == [f"From: {shown} <mail@customers.platform.example>"]


def test_without_any_name_the_address_stands_alone(rewritten, lines) -> None:
    result = rewritten("From: info@bakker.example\r\n", company="", platform_name="")
    assert lines(result, "From", "Reply-To") == [
        "From: mail@customers.platform.example",
        "Reply-To: info@bakker.example",
    ]


def test_a_suffix_follows_the_name_in_from_only(rewritten, lines) -> None:
    result = rewritten(FROM, suffix="{name} via {platform}")
    assert lines(result, "From", "Reply-To") == [
        'From: "Jan via Klantenplatform" <mail@customers.platform.example>',
        'Reply-To: "Jan" <info@bakker.example>',
    ]
    long = rewritten(f'From: "{"Abcdefghi " * 12}" <info@bakker.example>\r\n', suffix="{name} via {platform}")
    (line,) = lines(long, "From")
    assert line == f'From: "{"Abcdefghi " * 10}Abcdefghi'.removesuffix(" Abcdefghi") + line[line.index(" via") :]
    assert len(line[line.index('"') + 1 : line.rindex('"')]) <= 128


def test_a_protected_name_gives_way(rewritten, lines) -> None:
    result = rewritten("From: Rаbobank <info@bakker.example>\r\n", protected_names=("Rabobank",))
    assert lines(result, "From") == ['From: "Bakker B.V." <mail@customers.platform.example>']
    assert result.events == ("name_protected",)


# ---- Reply-To and the platform's own address ------------------------------------------------------------------------


def test_an_unverified_reply_to_asks_its_owner(rewritten) -> None:
    refusal = rewritten(f"{FROM}Reply-To: info@bakker.example, new@x.example, other@x.example\r\n")
    expected = parse_address("new@x.example")
    assert refusal == Refusal(550, "5.7.1", "reply_to.unverified", {"address": "new@x.example"}, confirm=expected)


def test_policy_drop_keeps_those_that_are_verified(rewritten, lines) -> None:
    result = rewritten(f"{FROM}Reply-To: new@x.example, boekhouding@bakker.example\r\n", reply_to="drop")
    assert lines(result, "Reply-To") == ["Reply-To: boekhouding@bakker.example"]
    assert result.events == ("reply_to_dropped",)


def test_a_non_ascii_reply_to_needs_smtputf8(rewritten, lines) -> None:
    known = Verified(frozenset({"info@bakker.example", "müller@bakker.example"}))
    header = f"{FROM}Reply-To: müller@bakker.example\r\n"
    assert rewritten(header, known).enhanced == "5.6.7"
    assert lines(rewritten(header, known, smtputf8=True), "Reply-To") == ["Reply-To: müller@bakker.example"]


def test_too_many_reply_to_addresses_are_refused(rewritten) -> None:
    known = Verified(domains=frozenset({"bakker.example"}))
    many = "".join(f"Reply-To: a{number}@bakker.example\r\n" for number in range(51))
    assert rewritten(FROM + many, known).topic == "address.too_many"


def test_a_receipt_to_a_non_ascii_address_needs_smtputf8(rewritten) -> None:
    known = Verified(frozenset({"info@bakker.example"}), frozenset({"bakker.example"}))
    header = f"{FROM}Errors-To: müller@bakker.example\r\n"
    assert rewritten(header, known).message.first("errors-to") is None
    assert rewritten(header, known, smtputf8=True).message.first("errors-to") is not None


def test_nobody_sends_as_the_platform_itself(rewritten) -> None:
    known = Verified(domains=frozenset({"customers.platform.example"}))
    refusal = rewritten("From: MAIL@customers.platform.example\r\n", known)
    assert (refusal.code, refusal.enhanced, refusal.topic) == (550, "5.7.1", "sender.platform")
    assert refusal.confirm is None


def test_the_platform_address_may_name_the_tenant() -> None:
    assert resolve_platform_address("{tenant}@customers.platform.example", "bakker") == Address(
        "bakker", "customers.platform.example"
    )
    assert resolve_platform_address("mail@customers.platform.example", "bakker").local == "mail"
    with pytest.raises(AddressError):
        resolve_platform_address("{tenant}@customers.platform.example", "a b")


# ---- whatever comes -----------------------------------------------------------------------------------------------

HOSTILE_VALUES = st.lists(
    st.sampled_from(["info@bakker.example", "<info@bakker.example>", "ceo@bank.example", '"', "\\", ",", ";", ":", "("])
    | st.sampled_from([")", "\r\n ", "=?utf-8?q?=0D=0ABcc:_v=40x?=", "é", "\u202e", "<", ">", "@", " "])
    | st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=5),
    max_size=8,
).map("".join)


@given(
    author=HOSTILE_VALUES,
    reply_to=HOSTILE_VALUES,
    company=st.text(max_size=60),
    mode=st.sampled_from(["company", "message"]),
)
def test_nothing_but_the_platform_is_ever_in_from(
    author: str, reply_to: str, company: str, mode: str, rewritten
) -> None:
    header = f"X-A: 1\r\nFrom: {author}\r\nX-B: 2\r\nReply-To: {reply_to}\r\nX-C: 3\r\n".encode()
    result = rewritten(header, display_name=mode, company=company)
    if isinstance(result, Refusal):
        assert result.code == 550
        return
    sent = Message.parse(result.message.header, BytesBody(b""))
    assert [field.name for field in sent.fields] == ["X-A", "From", "X-B", "Reply-To", "X-C", "Date", "Message-ID"]
    assert max(map(len, result.message.header.split(b"\r\n"))) <= 998
    assert sent.fields[1].raw.isascii()
    ((_, address),) = email.utils.getaddresses([sent.fields[1].value.decode()])
    assert address == "mail@customers.platform.example"
    replies = {address.lower() for _, address in email.utils.getaddresses([sent.fields[3].value.decode()])}
    assert replies <= {"info@bakker.example", "boekhouding@bakker.example"}

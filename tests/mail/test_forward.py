"""An answer on its way to the author: whose name it shows, where his own answer goes, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.address import AddressError, parse_address
from relay.mail.forward import forward, is_addressed, writer_of
from relay.mail.mailbox import parse_from
from relay.mail.message import BytesBody, Message, MessageError
from relay.mail.message_id import answered_ids, id_key, id_of
from relay.mail.platform_address import SHARED, whose
from relay.mail.rewrite import RewritePolicy

PLATFORM = parse_address("mail@customers.platform.example")
AUTHOR = parse_address("facturen@bakker.example")
POLICY = RewritePolicy(
    platform=PLATFORM, platform_name="Platform", company="Platform", protected_names=("Platform",),
    suffix="{name} via {platform}", authserv_id="mx.platform.example",
)  # fmt: skip


def forwarded(header: bytes, body: bytes = b"Dank u\r\n") -> Message:
    message = Message.parse(header, BytesBody(body))
    writer = writer_of(message, parse_address("bounce@klant.example"))
    assert writer
    return forward(
        message, writer, [AUTHOR], POLICY, date="Mon, 23 Nov 2026 10:00:00 +0000", message_id="<n@p.example>"
    )


def values(message: Message, key: str) -> list[bytes]:
    return [field.value for field in message.all(key)]


@pytest.mark.parametrize(
    ("header", "shown", "answers"),
    [
        (b"From: Jan Klant <jan@klant.example>\r\n", b'"Jan Klant via Platform"', b'"Jan Klant" <jan@klant.example>'),
        (b"From: jan@klant.example\r\n", b'"jan via Platform"', b"jan@klant.example"),
        (b"From: Platform <jan@klant.example>\r\n", b'"jan via Platform"', b'"Platform" <jan@klant.example>'),
        (b'From: "ceo@bank.example" <jan@klant.example>\r\n', b'"jan via Platform"', b"jan@klant.example"),
        (
            b"From: Jan <jan@klant.example>\r\nReply-To: Els <els@klant.example>, mail@customers.platform.example\r\n",
            b'"Jan via Platform"',
            b'"Els" <els@klant.example>',
        ),
        (b"From: Jan <jan@klant.example>\r\nReply-To: b@@\r\n", b'"Jan via Platform"', b'"Jan" <jan@klant.example>'),
        (b"From: a@x.example, b@x.example\r\n", b'"bounce via Platform"', b"bounce@klant.example"),
        (b"Subject: no author\r\n", b'"bounce via Platform"', b"bounce@klant.example"),
    ],
)  # fmt: skip
def test_it_comes_from_the_platform_under_the_writers_name(header, shown, answers):
    passed = forwarded(header)
    assert values(passed, "from") == [shown + b" <mail@customers.platform.example>"]
    assert values(passed, "reply-to") == [answers]
    assert values(passed, "to") == [b"facturen@bakker.example"]


def test_what_is_not_ours_stays_byte_for_byte():
    header = (
        b"Received: from x by y\r\nFrom: Jan <jan@klant.example>\r\nTo: mail@customers.platform.example\r\n"
        b"Cc: els@klant.example\r\nSubject: =?utf-8?q?Re:_Factuur?=\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n"
        b"Message-ID: <r1@klant.example>\r\nIn-Reply-To: <m1@bakker.example>\r\nAuto-Submitted:  auto-replied (x)\r\n"
        b"Disposition-Notification-To: jan@klant.example\r\nX-Odd:\tone\r\n\ttwo\r\n"
    )
    body = b"\xff\x00 any\noctets"
    passed = forwarded(header, body)
    assert b"".join(passed.body.chunks()) == body
    untouched = [line for line in Message.parse(header, BytesBody(b"")).fields if line.key not in {"from", "to"}]
    assert [field for field in passed.fields if field.key not in {"from", "to", "reply-to"}] == untouched


def test_what_would_not_hold_any_longer_goes():
    header = (
        b"From: jan@klant.example\r\nSender: x@klant.example\r\nDKIM-Signature: v=1\r\nARC-Seal: i=1\r\n"
        b"Return-Path: <x@y.example>\r\nBcc: z@klant.example\r\nErrors-To: z@klant.example\r\n"
        b"Authentication-Results: mx.platform.example; dkim=pass\r\nX-Relay-Document: invoice\r\n"
    )
    assert {field.key for field in forwarded(header).fields} == {"from", "to", "reply-to", "date", "message-id"}


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_name_writes_a_field(name, subject):
    octets = name.encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
    try:
        message = Message.parse(b"From: " + octets + b" <jan@klant.example>\r\nSubject: x\r\n", BytesBody(b""))
        parse_from(message.fields[0].value)
    except (AddressError, MessageError):
        return
    passed = forwarded(message.header)
    assert sorted(field.key for field in passed.fields) == ["date", "from", "message-id", "reply-to", "subject", "to"]
    assert parse_from(passed.all("from")[0].value)[0].address == PLATFORM
    assert Message.parse(passed.header, BytesBody(b"")).fields == passed.fields


def test_only_who_is_named_is_addressed():
    message = Message.parse(b"To: x@@, broken\r\nCc: Post <MAIL@customers.platform.example>\r\n", BytesBody(b""))
    assert is_addressed(message, PLATFORM)
    assert not is_addressed(message, AUTHOR)


@pytest.mark.parametrize(
    ("template", "address", "expected"),
    [
        ("mail@customers.platform.example", "MAIL@customers.platform.example", SHARED),
        ("mail@customers.platform.example", "mail2@customers.platform.example", None),
        ("mail+{tenant}@p.example", "mail+0abc@p.example", "0abc"),
        ("mail+{tenant}@p.example", "Mail+0ABC@P.example", "0abc"),
        ("mail+{tenant}@p.example", "mail+@p.example", None),
        ("mail+{tenant}@p.example", "mail+a.b@p.example", None),
        ("mail+{tenant}@p.example", "mail+abc@q.example", None),
        ("mail@{tenant}.p.example", "mail@abc.p.example", "abc"),
        ("{tenant}@p.example", "abc@p.example", "abc"),
    ],
)
def test_the_platforms_address_says_whose_it_is(template, address, expected):
    assert whose(template, parse_address(address)) == expected


def test_message_ids_are_read_from_the_nearest_on():
    assert answered_ids("<c@x>", "<a@x> <b@x>\t<c@x>") == ["c@x", "b@x", "a@x"]
    assert answered_ids("no id", "<a b@x> <>") == []
    assert len(answered_ids("", " ".join(f"<{number}@x>" for number in range(1000)))) == 30
    assert id_of(b"Subject: x\r\nMessage-Id:\r\n <m1@bakker.example>\r\n") == "m1@bakker.example"
    assert id_of(b"Subject: x\r\n") == ""


@given(st.text(max_size=100))
def test_the_key_of_a_message_id_fits_the_table(text):
    assert -(2**63) <= id_key(text) < 2**63

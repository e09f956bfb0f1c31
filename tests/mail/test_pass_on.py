"""What leaves by a tenant's own server: as it came, but for what has to go whatever the way."""

from __future__ import annotations

import pytest

from relay.locales import LANGUAGES, catalog
from relay.mail.message import BytesBody, Message
from relay.mail.pass_on import pass_on
from relay.mail.reply import Refusal
from relay.mail.rewrite import Rewritten
from relay.mail.route import RouteKind, choose_route

DATE = "Tue, 24 Nov 2026 08:00:00 +0000"
MESSAGE_ID = "<1@customers.platform.example>"
BASE = f"From: Bakker <info@bakker.example>\r\nDate: {DATE}\r\nMessage-ID: <7@bakker.example>\r\n"


def passed(header: str) -> Rewritten | Refusal:
    return pass_on(Message.parse(header.encode("latin-1"), BytesBody(b"x\r\n")), date=DATE, message_id=MESSAGE_ID)


STAYS = [
    "Reply-To: stranger@elsewhere.example\r\n",
    "DKIM-Signature: v=1; d=bakker.example;\r\n b=abc\r\n",
    "ARC-Seal: i=1\r\n",
    "Authentication-Results: relay.platform.example; spf=pass\r\n",
    "Disposition-Notification-To: stranger@elsewhere.example\r\n",
    "Subject: =?utf-8?q?odd?= \t folding\r\n\there\r\n",
    "Received: from a by b; Tue, 24 Nov 2026 08:00:00 +0000\r\n",
    "X-Odd :  white  space \r\n",
    "List-Unsubscribe: <https://bakker.example/u>\r\n",
]


@pytest.mark.parametrize("field", STAYS)
def test_stays_byte_for_byte(field):
    result = passed(field + BASE)
    assert isinstance(result, Rewritten)
    assert result.message.header == (field + BASE).encode()
    assert result.changes == ()


@pytest.mark.parametrize(
    "name", ['"Bakker, de" <info@bakker.example>', "info@bakker.example", "=?utf-8?q?B=C3=A4cker?= <i@b.example>"]
)
def test_the_from_is_not_touched(name):
    header = f"from:   {name}\r\nDate: {DATE}\r\nMessage-ID: <7@bakker.example>\r\n"
    assert passed(header).message.header == header.encode()


GOES = [
    ("Bcc: boss@bakker.example\r\n", "bcc"),
    ("Resent-Bcc: boss@bakker.example\r\n", "bcc"),
    ("Return-Path: <x@y.example>\r\n", "return_path"),
    ("Sender: other@bakker.example\r\n", "own_sender"),
    ("X-Relay-Document: invoice\r\n", "routing"),
    ("x-RELAY-anything: 1\r\n", "routing"),
    (f"Date: {DATE}\r\n", "duplicate"),
]


@pytest.mark.parametrize(("field", "reason"), GOES)
def test_goes(field, reason):
    result = passed(BASE + field)
    assert result.message.header == BASE.encode()
    [change] = result.changes
    assert (change.reason, change.after) == (reason, None)
    assert all(f"reason.{reason}" in catalog(language) for language in LANGUAGES)


def test_what_is_missing_is_added_at_the_end():
    result = passed("From: info@bakker.example\r\nTo: a@b.example\r\n")
    added = f"Date: {DATE}\r\nMessage-ID: {MESSAGE_ID}\r\n".encode()
    assert result.message.header == b"From: info@bakker.example\r\nTo: a@b.example\r\n" + added
    assert [change.reason for change in result.changes] == ["date", "message_id"]


@pytest.mark.parametrize("field", ["Subject", "To", "Message-ID", "Content-Type"])
def test_two_that_differ_are_refused(field):
    refused = passed(f"{BASE}{field}: a\r\n{field}: b\r\n")
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.topic) == (550, "header.duplicate")


def test_the_body_is_the_same_object():
    message = Message.parse(BASE.encode(), BytesBody(b"x"))
    assert pass_on(message, date=DATE, message_id=MESSAGE_ID).message.body is message.body


@pytest.mark.parametrize("own_server", [True, False])
@pytest.mark.parametrize("allowed", [True, False])
def test_a_platform_may_forbid_it(own_server, allowed):
    route = choose_route(own_server=own_server, allowed=allowed)
    assert (route is RouteKind.OWN) == (own_server and allowed)

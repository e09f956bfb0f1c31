"""Delivery status notifications: the fields of RFC 3464, the codes of RFC 3463, and no way to inject either."""

from __future__ import annotations

import email
import email.policy
import re
from binascii import a2b_qp
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.mail.compose import compose
from relay.mail.delivery import Answer, Delivery, State
from relay.mail.dsn import delivery_status, original_header, original_message, remote_host, status_code

ARRIVED, ATTEMPTED = 1795075500.0, 1795507500.0


def failed(recipient: str = "klant@voorbeeld.example") -> Delivery:
    return Delivery("d", "m", recipient, recipient.rpartition("@")[2], State.FAILED, 14, ARRIVED, ATTEMPTED)


def status(*failures: tuple[Delivery, Answer]):
    """The part, and its groups as the stdlib reads them."""
    part = delivery_status(
        failures,
        reporting_mta="relay.platform.example",
        arrived_at=ARRIVED,
        attempted_at=ATTEMPTED,
    )
    raw = compose([], part)
    message = email.message_from_bytes(
        raw.header + b"\r\n" + b"".join(raw.body.chunks()), policy=email.policy.default.clone(utf8=True)
    )
    return part, message


def groups(*failures: tuple[Delivery, Answer]) -> list[dict[str, str]]:
    _, message = status(*failures)
    return [dict(group.items()) for group in message.get_payload()]


def test_the_report_in_full():
    full = Answer("The mailbox is unknown", 550, "5.1.1", "mx1.voorbeeld.example[192.0.2.1]:25", "TLSv1.3")
    part, _ = status((failed(), full), (failed("b@x.example"), Answer("over quota", 452, "4.2.2")))
    assert part.body.decode("ascii") == (
        "Reporting-MTA: dns; relay.platform.example\r\n"
        "Arrival-Date: Thu, 19 Nov 2026 08:05:00 +0000\r\n"
        "\r\n"
        "Final-Recipient: rfc822; klant@voorbeeld.example\r\n"
        "Action: failed\r\n"
        "Status: 5.1.1\r\n"
        "Remote-MTA: dns; mx1.voorbeeld.example\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 The mailbox is unknown\r\n"
        "Last-Attempt-Date: Tue, 24 Nov 2026 08:05:00 +0000\r\n"
        "\r\n"
        "Final-Recipient: rfc822; b@x.example\r\n"
        "Action: failed\r\n"
        "Status: 4.2.2\r\n"
        "Diagnostic-Code: smtp; 452 4.2.2 over quota\r\n"
        "Last-Attempt-Date: Tue, 24 Nov 2026 08:05:00 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer("x", 550, "5.7.1"), "5.7.1"),
        (Answer("x", 550, "5.1.10"), "5.1.10"),
        (Answer("the digit of the reply decides", 550, "4.7.1"), "5.0.0"),
        (Answer("so here too", 450, "5.1.1"), "4.4.7"),
        (Answer("no enhanced code", 550), "5.0.0"),
        (Answer("x", 552), "5.2.2"),
        (Answer("x", 553), "5.1.3"),
        (Answer("x", 521), "5.3.2"),
        (Answer("x", 556), "5.1.10"),
        (Answer("x", 599), "5.0.0"),
        (Answer("nonsense code", 550, "5.1.1.1"), "5.0.0"),
        (Answer("nonsense code", 554, "5.9999.1"), "5.0.0"),
        (Answer("expired", 451, "4.7.1"), "4.7.1"),
        (Answer("expired", 421), "4.4.7"),
        (Answer("ours, for ever", 0, "5.1.2"), "5.1.2"),
        (Answer("ours, for a time", 0, "4.4.1"), "4.4.1"),
        (Answer("ours, unknown"), "4.4.7"),
    ],
)
def test_the_status_is_a_code_of_the_right_class(answer, expected):
    assert status_code(answer) == expected


@given(st.integers(0, 699), st.text(max_size=9) | st.from_regex(r"[0-9]\.[0-9]{1,4}\.[0-9]{1,4}", fullmatch=True))
def test_the_status_is_always_a_code(code, enhanced):
    assert re.fullmatch(r"[45]\.\d{1,3}\.\d{1,3}", status_code(Answer("x", code, enhanced)))


HOSTILE = "bad\r\nFinal-Recipient: rfc822; victim@x.example\r\n\r\nAction: relayed\0\x1b[31m\u2028Status: 2.0.0\nX: y"


def test_a_server_cannot_add_fields_or_groups():
    answer = Answer(HOSTILE, 550, "5.1.1", "mx\r\nAction: relayed[192.0.2.1]:25")
    found = groups((failed("klant@voorbeeld.example\r\nAction: delivered"), answer))
    assert len(found) == 2
    assert list(found[1]) == [
        "Final-Recipient",
        "Action",
        "Status",
        "Remote-MTA",
        "Diagnostic-Code",
        "Last-Attempt-Date",
    ]
    assert found[1]["Action"] == "failed"
    assert found[1]["Status"] == "5.1.1"


@given(st.text(max_size=2000), st.text(max_size=40), st.integers(0, 599))
@settings(max_examples=200, deadline=None)
def test_no_words_break_the_form(text, remote, code):
    part, message = status((failed(), Answer(text, code, "", remote)))
    raw = part.body
    assert part.octets.isascii()
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert len(message.get_payload()) == 2
    assert re.findall(rb"(?m)^(\S+):", raw.partition(b"\r\n\r\n")[2])[:3] == [b"Final-Recipient", b"Action", b"Status"]


def test_long_words_of_a_server_are_folded_and_cut():
    part, _ = status((failed(), Answer("word " * 1000, 550, "5.1.1")))
    assert max(len(line) for line in part.body.split(b"\r\n")) <= 78
    assert len(part.body) < 2000


def test_a_recipient_outside_of_ascii_makes_the_report_global():
    part, message = status((failed("müller@voorbeeld.example"), Answer("x", 0, "5.6.7")))
    assert message.get_content_type() == "message/global-delivery-status"
    assert b"quoted-printable" in part.octets
    assert "Final-Recipient: utf-8; müller@voorbeeld.example" in a2b_qp(part.body).decode()


@pytest.mark.parametrize(
    ("remote", "host"),
    [
        ("mx.example[192.0.2.1]:25", "mx.example"),
        ("mx.example", "mx.example"),
        ("[2001:db8::1]:25", "[2001:db8::1]"),
        ("", ""),
    ],
)
def test_the_name_of_the_remote_server(remote, host):
    assert remote_host(Answer("x", 550, "5.1.1", remote)) == host


def test_what_we_found_ourselves_is_no_smtp_reply():
    found = groups((failed(), Answer("the domain voorbeeld.example does not exist", 0, "5.1.2")))[1]
    assert found["Diagnostic-Code"].startswith("x-relay; 5.1.2 the domain")
    assert "Remote-MTA" not in found


def test_the_original_header_comes_along_as_it_was():
    header = b"From: a@b.example\r\nSubject: x\r\n folded\r\n"
    assert original_header(header).body == header
    assert original_header(b"").body == b""


def test_a_header_with_other_octets_or_long_lines_is_quoted():
    for header in (b"Subject: caf\xc3\xa9\r\n", b"X: \xe9\r\n", b"X: " + b"y" * 1000 + b"\r\n"):
        message = compose([], original_header(header))
        raw = message.header + b"\r\n" + b"".join(message.body.chunks())
        assert raw.isascii()
        assert max(map(len, raw.split(b"\r\n"))) <= 78
        assert email.message_from_bytes(raw).get_payload(decode=True) == header


def test_of_a_large_header_whole_fields_are_kept():
    field = b"X-Field: " + b"y" * 60 + b"\r\n\tfolded\r\n"
    body = original_header(field * 1000).body
    assert 45_000 < len(body) <= 50_000
    assert body == field * (len(body) // len(field))
    assert original_header(b"X: " + b"y" * 60_000 + b"\r\n").body == b""


def test_the_whole_message_comes_back_where_it_is_plain():
    part = original_message(b"Subject: x\r\n", b"body\r\n")
    assert part.fields[0].raw == b"Content-Type: message/rfc822\r\n"
    assert part.body == b"Subject: x\r\n\r\nbody\r\n"


@pytest.mark.parametrize("body", [None, "é\r\n".encode(), b"x" * 999 + b"\r\n", b"\0\r\n"])
def test_its_header_alone_where_it_would_have_to_be_encoded(body):
    part = original_message(b"Subject: x\r\n", body)
    assert part.fields[0].raw == b"Content-Type: text/rfc822-headers\r\n"
    assert part.body == b"Subject: x\r\n"


def test_what_the_client_called_things_is_decoded_and_cannot_add_fields():
    delivery = replace(failed(), orcpt="rfc822;oud+2Bweg+0D+0ABcc:+20x@y.example")
    part = delivery_status(
        [(delivery, Answer("no", 550))],
        reporting_mta="relay.example",
        arrived_at=ARRIVED,
        attempted_at=ATTEMPTED,
        envid="a+0D+0AX:+20b+E9",
    )
    lines = part.body.decode("ascii").split("\r\n")
    assert lines[0] == "Original-Envelope-Id: a X: b?"
    assert "Original-Recipient: rfc822; oud+weg Bcc: x@y.example" in lines


def test_an_arrival_was_relayed():
    delivery = replace(failed(), state=State.DELIVERED)
    (_, recipient) = groups((delivery, Answer("queued", 250, "2.0.0", "mx.example[192.0.2.1]:25")))
    assert (recipient["Action"], recipient["Status"]) == ("relayed", "2.0.0")

"""What comes back, read: samples in ``reports/``, each below what it says; then hostile ones."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.bounce import LONGEST_READ, AutoReply, Bounce, Complaint, Unreadable, read_report

SAMPLES = sorted((Path(__file__).parent / "reports").glob("*.eml"))
FORMS = {
    "rfc3464",
    "qmail",
    "exim",
    "postfix",
    "sendmail",
    "exchange",
    "gmail",
    "smail",
    "intermail",
    "domino",
    "yahoo",
}


def sample(path: Path) -> tuple[dict[str, object], bytes, bytes]:
    """What is expected of a sample, and its header and body with CRLF."""
    expected, _, mail = path.read_text("utf-8").partition("====\n")
    header, _, body = mail.replace("\n", "\r\n").encode().partition(b"\r\n\r\n")
    return tomllib.loads(expected), header + b"\r\n", body


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_a_sample_says_what_it_says(path):
    expected, header, body = sample(path)
    found = read_report(header, body)
    match expected.pop("kind", "bounce"):
        case "bounce":
            assert isinstance(found, Bounce)
            rows = [(each.final_recipient, each.action, each.status) for each in found.recipients]
            assert rows == [tuple(row[:3]) for row in expected["recipients"]]
            for each, row in zip(found.recipients, expected.pop("recipients"), strict=True):
                assert not row[3] or each.remote_mta == row[3]
                assert not row[4] or each.diagnostic == row[4]
        case "complaint":
            assert isinstance(found, Complaint)
        case "answer":
            assert isinstance(found, AutoReply)
            assert found.kind == expected.pop("answer")
        case kind:
            assert found == Unreadable(is_report=kind == "report")
    for name, value in expected.items():
        assert getattr(found, name) == value


def test_every_form_has_a_sample():
    assert {sample(path)[0].get("form") for path in SAMPLES} >= FORMS


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
@pytest.mark.parametrize("line_end", [b"\n", b"\r"])
def test_other_line_ends_change_nothing(path, line_end):
    _, header, body = sample(path)
    assert read_report(header.replace(b"\r\n", line_end), body.replace(b"\r\n", line_end)) == read_report(header, body)


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_what_is_reported_is_on_one_line_and_short(path):
    found = read_report(*sample(path)[1:])
    if isinstance(found, Bounce):
        for each in found.recipients:
            for text in (each.final_recipient, each.original_recipient, each.diagnostic, each.remote_mta):
                assert len(text) <= 500
                assert text.isprintable()


def test_the_original_recipient_is_told_apart():
    body = (
        b"--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.example\r\n\r\n"
        b"Original-Recipient: rfc822;info@klant.example\r\nFinal-Recipient: rfc822;jan@klant.example\r\n"
        b"Action: failed\r\nStatus: 5.1.1\r\n--x--\r\n"
    )
    found = read_report(b"Content-Type: multipart/report; boundary=x\r\n", body)
    assert isinstance(found, Bounce)
    assert found.recipients[0].original_recipient == "info@klant.example"
    assert found.recipients[0].final_recipient == "jan@klant.example"


def test_a_report_inside_the_returned_message_is_not_the_report():
    inner = sample(Path(__file__).parent / "reports" / "rfc3464-postfix.eml")
    body = b"--y\r\nContent-Type: text/plain\r\n\r\nDank u\r\n--y\r\nContent-Type: message/rfc822\r\n\r\n"
    body += inner[1] + b"\r\n" + inner[2] + b"\r\n--y--\r\n"
    header = b"From: jan@klant.example\r\nSubject: FW: x\r\nContent-Type: multipart/mixed; boundary=y\r\n"
    assert read_report(header, body) == Unreadable(is_report=False)


@given(st.binary(max_size=300), st.binary(max_size=3000))
def test_octets_of_any_kind_are_read(header, body):
    read_report(header, body)


@given(st.sampled_from(SAMPLES), st.data())
def test_a_mangled_sample_is_read(path, data):
    _, header, body = sample(path)
    whole = bytearray(header + b"\r\n" + body)
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=20)):
        whole[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
    head, _, rest = bytes(whole).partition(b"\r\n\r\n")
    read_report(head, rest)


HOSTILE = {
    "boundaries": (b"boundary=x", b"\r\n--xa" * 5_000_000),
    "nested": (
        b"boundary=a",
        b"".join(
            b"--%s\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n" % (b"a" * n, b"a" * (n + 1))
            for n in range(1, 2000)
        ),
    ),
    "fields": (
        b"boundary=x",
        b"--x\r\nContent-Type: message/delivery-status\r\n\r\n"
        + b"Final-Recipient: rfc822; a@b.example\r\n\r\n" * 400_000,
    ),
    "folds": (
        b"boundary=x",
        b"--x\r\nContent-Type: message/delivery-status\r\n\r\nStatus: 5\r\n" + b" x\r\n" * 400_000,
    ),
    "tags": (b"x=x", b"<" * 2_000_000),
    "addresses": (b"x=x", b"<a@b.example>\r\n" * 200_000),
    "at signs": (b"x=x", b"a@" * 1_000_000),
    "long lines": (b"x=x", (b"x" * 90 + b" ") * 200_000),
    "digits": (b"x=x", b"5.1.1.1.5" * 200_000),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", [b"text/plain", b"text/html", b"multipart/report"])
def test_hostile_mail_is_read(name, kind):
    parameter, body = HOSTILE[name]
    header = b"From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\nContent-Type: %s; %s\r\n" % (kind, parameter)
    found = read_report(header, body)
    assert not isinstance(found, Bounce) or len(found.recipients) <= 1_000


def test_only_the_beginning_of_a_large_body_is_read():
    header, body = b"From: MAILER-DAEMON@x.example\r\n", b"<a@b.example>: 550 5.1.1 no such user\r\n"
    assert read_report(header, body + b"x" * LONGEST_READ) == read_report(header, body + b"x" * 2 * LONGEST_READ)

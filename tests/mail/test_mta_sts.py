"""MTA-STS policies and records, by the letter of RFC 8461."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.mta_sts import Mode, Policy, Slip, matches, policy_text, read_policy, read_record, sts_texts

GOOD = b"version: STSv1\nmode: enforce\nmx: mail.example.nl\nmx: *.backup.example\nmax_age: 604800\n"
POLICY = Policy(Mode.ENFORCE, 604800, ("mail.example.nl", "*.backup.example"))


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.removesuffix(b"\n"),
        GOOD.replace(b": ", b":"),
        GOOD.replace(b": ", b": \t  "),
        GOOD.replace(b"\n", b"  \r\n"),
        b"\n".join(reversed(GOOD.splitlines())).replace(
            b"mx: *.backup.example\nmx: mail.example.nl", b"mx: MAIL.example.nl\nmx: *.Backup.example"
        ),
        GOOD + b"extension.of-ours_1: any thing, = and ; too \xc3\xa9\n",
        GOOD + b"mode: testing\nversion: STSv2\nmax_age: x\n",  # of duplicates the first counts
    ],
)
def test_valid_policies(body) -> None:
    assert read_policy(body).policy == POLICY


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (b"", [("missing", "version"), ("missing", "mode"), ("missing", "max_age"), ("missing", "mx")]),
        (GOOD.replace(b"STSv1", b"stsv1"), [("version", "version: stsv1")]),
        (GOOD.replace(b"version", b"Version"), [("missing", "version")]),
        (GOOD.replace(b"enforce", b"Enforce"), [("mode", "mode: Enforce")]),
        (GOOD.replace(b"604800", b"31557601"), [("max_age", "max_age: 31557601")]),
        (GOOD.replace(b"604800", b"-1"), [("max_age", "max_age: -1")]),
        (GOOD.replace(b"604800", b"1 week"), [("max_age", "max_age: 1 week")]),
        (GOOD.replace(b"604800", b"00000604800"), [("max_age", "max_age: 00000604800")]),
        (GOOD.replace(b"604800", b"\xb2"), [("max_age", "max_age: \xb2")]),
        (GOOD.replace(b"mail.example.nl", b"mail.example.nl."), [("mx", "mx: mail.example.nl.")]),
        (GOOD.replace(b"mail.example.nl", b"a.example, b.example"), [("mx", "mx: a.example, b.example")]),
        (GOOD.replace(b"mail.example.nl", b"*.*.example.nl"), [("mx", "mx: *.*.example.nl")]),
        (GOOD.replace(b"mail.example.nl", b".example.nl"), [("mx", "mx: .example.nl")]),
        (GOOD.replace(b"mx: ", b"MX: "), [("missing", "mx")]),
        (b"\xef\xbb\xbf" + GOOD, [("line", "\xef\xbb\xbfversion: STSv1"), ("missing", "version")]),
        (GOOD.replace(b"mode: ", b" mode: "), [("line", " mode: enforce"), ("missing", "mode")]),
        (GOOD.replace(b"mode: ", b"mode= "), [("line", "mode= enforce"), ("missing", "mode")]),
        (GOOD.replace(b"enforce", b""), [("line", "mode:"), ("missing", "mode")]),
        (GOOD + b"# a remark\n", [("line", "# a remark")]),
        (GOOD + b"x: a\x00b\n", [("line", "x: a\x00b")]),
        (
            b"<html>404</html>",
            [("line", "<html>404</html>")] + [("missing", name) for name in ("version", "mode", "max_age", "mx")],
        ),
        (
            GOOD.replace(b"\n", b"\r"),
            [("line", GOOD.decode().replace("\n", "\r").rstrip())]
            + [("missing", name) for name in ("version", "mode", "max_age", "mx")],
        ),
    ],
)
def test_faults_make_a_policy_invalid(body, faults) -> None:
    reading = read_policy(body)
    assert reading.policy is None
    assert [(slip.kind, slip.wrote) for slip in reading.faults] == faults


def test_remarks_do_not() -> None:
    reading = read_policy(GOOD + b"\nmode: none\n\nmode: none\n")
    assert reading.policy == POLICY
    assert reading.remarks == (Slip("blank", ""), Slip("duplicate", "mode"))


@pytest.mark.parametrize("age", [0, 1, 31_557_600])
def test_bounds_of_max_age(age) -> None:
    policy = read_policy(f"version: STSv1\nmode: testing\nmx: a.example\nmax_age: {age}\n".encode()).policy
    assert policy == Policy(Mode.TESTING, age, ("a.example",))


def test_mode_none_needs_no_mx() -> None:
    assert read_policy(b"version: STSv1\nmode: none\nmax_age: 1\n").policy == Policy(Mode.NONE, 1, ())


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("mail.example.nl", "mail.example.nl", True),
        ("mail.example.nl", "MAIL.Example.NL.", True),
        ("Mail.example.nl", "mail.example.nl", True),
        ("mail.example.nl", "mail2.example.nl", False),
        ("*.example.nl", "mail.example.nl", True),
        ("*.example.nl", "example.nl", False),
        ("*.example.nl", "a.mail.example.nl", False),
        ("*.example.nl", "mail.badexample.nl", False),
        ("example.nl", "mail.example.nl", False),
    ],
)
def test_matching(pattern, host, expected) -> None:
    assert matches(pattern, host) is expected
    assert Policy(Mode.ENFORCE, 1, ("other.example", pattern)).covers(host) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=STSv1; id=20160831085700Z;", ("20160831085700Z", "")),
        ("v=STSv1;id=1", ("1", "")),
        ("v=STSv1; id=1", ("1", "")),
        ("v=STSv1; future=a=b; id=1;", (None, "future=a=b")),  # no "=" in the value of an extension
        ("v=STSv1; future=ab ; id=1 ; id=2", ("1", "")),
        ("v=STSv1; id=" + "a" * 32, ("a" * 32, "")),
        ("v=STSv1; id=" + "a" * 33, (None, "id=" + "a" * 33)),
        ("v=STSv1; id=2026-11-24", (None, "id=2026-11-24")),
        ("v=STSv1; id=", (None, "id=")),
        ("v=STSv1;", (None, "id=")),
        ("v=STSv1; id=1;;", (None, ";")),
        ("v=STSv1; id=1; rubbish", (None, "rubbish")),
        ("v=STSv1; id = 1", (None, "id = 1")),
    ],
)
def test_records(text, expected) -> None:
    assert read_record(text) == expected


def test_which_records_count() -> None:
    texts = ["v=STSv1; id=1", "v=STSv1", "V=STSv1; id=2", "v=spf1 -all", "v=STSv10; id=3"]
    assert sts_texts(texts) == ("v=STSv1; id=1",)


@given(st.binary(max_size=300))
def test_any_octets_can_be_read(body) -> None:
    reading = read_policy(body)
    assert (reading.policy is None) == bool(reading.faults)


@given(st.text(max_size=60))
def test_any_record_can_be_read(text) -> None:
    found, wrong = read_record(f"v=STSv1;{text}")
    assert (found is None) == bool(wrong)


LABELS = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?\Z")


@given(st.sampled_from(Mode), st.integers(0, 31_557_600), st.lists(LABELS, min_size=1, max_size=5))
def test_a_written_policy_reads_as_itself(mode, age, labels) -> None:
    policy = Policy(mode, age, tuple(f"{label}.example" for label in labels))
    assert read_policy(policy_text(policy).encode()).policy == policy

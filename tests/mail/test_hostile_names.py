"""H04: whatever a company or a person is called, one mailbox with the platform's address leaves, and no field more."""

from __future__ import annotations

import email
import email.utils
import re
from base64 import b64encode
from email import policy
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay.mail.name import clean_name, clean_text
from relay.mail.rewrite import Rewritten

PLATFORM = "mail@customers.platform.example"
AUTHOR = "info@bakker.example"
PIECES = st.sampled_from(
    [
        *(
            "\r\n",
            "\n",
            "\r",
            "\0",
            "\x0b",
            "\u2028",
            "\x85",
            "\r\nBcc: v@x.example",
            "\n\nbody",
            '"',
            "\\",
            '\\"',
            "<",
            ">",
        ),
        *(
            ",",
            ";",
            ":",
            "(",
            ")",
            "@",
            "\uff20",
            "a@b.example",
            "<a@b.example>",
            "=?utf-8?q?=0D=0ABcc:_v?=",
            "=?",
            "?=",
        ),
        *(
            "\u202e",
            "\u200b",
            "\U000e0041",
            "\U0001f600",
            "é" * 300,
            "x" * 2000,
            "e\u0301",
            "\ufdfa",
            " ",
            "\t",
            "\ud800",
        ),
        *(AUTHOR, PLATFORM, "Klantenplatform", "=?utf-8?b?", "a" * 76, "é" * 40, "%s{name}{}"),
    ]
)
NAMES = st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=8).map("".join)).map(
    lambda name: name[:1500]  # the longest field that is looked at has 8,000 octets
)
FIELD_END = re.compile(rb"\r\n(?![ \t])")
ENOUGH = settings(max_examples=max(500, settings.default.max_examples), deadline=None)
HOSTILE = "Evil\r\nBcc: v@x.example"


def fields_of(header: bytes) -> list[tuple[str, bytes]]:
    """The fields of a header, by a splitter of this test's own."""
    assert header.endswith(b"\r\n")
    found = [field.partition(b":") for field in FIELD_END.split(header[:-2])]
    return [(name.decode(), value) for name, _, value in found]


def names_shown(result: Rewritten) -> tuple[str, str]:
    """The names in From and Reply-To as another reader decodes them, once everything else is in order."""
    header = result.message.header
    assert header.isascii()
    assert header.count(b"\r") == header.count(b"\n") == header.count(b"\r\n")
    assert all(len(line) <= 998 for line in header.split(b"\r\n"))
    assert [name for name, _ in fields_of(header)] == ["From", "Reply-To", "To", "Date", "Message-ID"]
    read = email.message_from_bytes(header + b"\r\nbody\r\n", policy=policy.default)
    assert read.defects == []
    assert len(read) == 5
    found = []
    for name, address in (("From", PLATFORM), ("Reply-To", AUTHOR)):
        assert [each.addr_spec for each in read[name].addresses] == [address]
        found.append(decoded(header, name))
    return found[0], found[1]


def decoded(header: bytes, name: str) -> str:
    """The name before the address; not by the newer reader, which shows folds between encoded words (RFC 2047 6.2)."""
    raw = email.message_from_bytes(header, policy=policy.compat32)[name].rpartition("<")[0].strip()
    if raw.startswith('"'):
        return email.utils.parseaddr(f"{raw} <{AUTHOR}>")[0]
    return str(make_header(decode_header(raw)))


@given(NAMES)
@example(HOSTILE)
@ENOUGH
def test_a_company_may_be_called_anything(rewritten, company: str) -> None:
    result = rewritten(f"From: <{AUTHOR}>\r\nTo: klant@customer.example\r\n", company=company, display_name="company")
    shown = clean_name(company)[0] or "Klantenplatform"
    assert names_shown(result) == (shown, shown)
    assert "@" not in shown


@pytest.mark.parametrize("written", ["encoded word", "quoted string"])
@given(name=NAMES)
@example(name=HOSTILE)
@ENOUGH
def test_a_person_may_be_called_anything(rewritten, written: str, name: str) -> None:
    octets = name.encode("utf-8", "replace")
    if written == "encoded word":
        phrase = b"=?utf-8?b?" + b64encode(octets) + b"?="
    else:
        phrase = b'"' + re.sub(rb'([\\"])', rb"\\\1", re.sub(rb"[\r\n\0]", b" ", octets)) + b'"'
    header = b"From: " + phrase + b" <info@bakker.example>\r\nTo: klant@customer.example\r\n"
    result = rewritten(header, company="Bakker B.V.")
    shown, answered = names_shown(result)
    assert shown == answered
    assert "@" not in shown
    assert shown == clean_text(shown)  # nothing is left to clean

"""H03: From fields that try to be two things at once. What is accepted is read the same way by another reader, and
leaves as exactly one From with exactly one address, the platform's."""

from __future__ import annotations

import email
from email import policy

import pytest

from relay.mail.reply import Refusal
from relay.mail.sender import Verified

PLATFORM = "mail@customers.platform.example"
OURS = "a@bakker.example"
EVIL = "x@evil.example"
IDN = "a@xn--pple-43d.com"


class Anybody(Verified):
    """Knows every address, so that only reading decides."""

    def __contains__(self, address: object) -> bool:
        return True


REFUSED = None
TABLE: list[tuple[bytes, str | None]] = [
    # one mailbox, said plainly and less plainly
    (b"From: a@bakker.example", OURS),
    (b"From: <a@bakker.example>", OURS),
    (b"From: Jan <a@bakker.example>", OURS),
    (b"from:a@bakker.example", OURS),
    (b"FROM : Jan <a@bakker.example>", OURS),
    (b"From:\r\n Jan\r\n <a@bakker.example>", OURS),
    (b'From: "Bakker, Jan" <a@bakker.example>', OURS),
    (b"From: a@bakker.example (Jan)", OURS),
    (b"From: Jan (of Bakker) <a@bakker.example>", OURS),
    (b'From: "" <a@bakker.example>', OURS),
    (b"From: =?utf-8?q?Jan?= <a@bakker.example>", OURS),
    (b"From: a@BAKKER.Example", OURS),
    # another address in the name
    (b"From: =?utf-8?q?ceo=40bank=2Ecom?= <x@evil.example>", EVIL),
    (b'From: "ceo@bank.com" <x@evil.example>', EVIL),
    (b'From: "<ceo@bank.com>" <x@evil.example>', EVIL),
    (b"From: (ceo@bank.com) x@evil.example", EVIL),
    (b"From: x@evil.example (ceo@bank.com)", EVIL),
    (b"From: (<ceo@bank.com>) x@evil.example", EVIL),
    (b'From: "ceo@bank.com\\"" <x@evil.example>', EVIL),
    (b"From: =?utf-8?b?PGNlb0BiYW5rLmNvbT4=?= <x@evil.example>", EVIL),
    (b"From: ceo@bank.com <x@evil.example>", EVIL),
    # more than one, or none
    (b"From: a@bakker.example\r\nFrom: x@evil.example", REFUSED),
    (b"From: a@bakker.example\r\nfrom : x@evil.example", REFUSED),
    (b"From: a@bakker.example\r\nFrom: a@bakker.example", REFUSED),
    (b"From: a@bakker.example, x@evil.example", REFUSED),
    (b"From: <a@bakker.example>, <x@evil.example>", REFUSED),
    (b"From: a@bakker.example; x@evil.example", REFUSED),
    (b"From: a@bakker.example x@evil.example", REFUSED),
    (b"From: <a@bakker.example> <x@evil.example>", REFUSED),
    (b"From: <a@bakker.example><x@evil.example>", REFUSED),
    (b"From: ceo@bank.com, x <x@evil.example>", REFUSED),
    (b"From: team: a@bakker.example;", REFUSED),
    (b"From: team: a@bakker.example, x@evil.example;", REFUSED),
    (b"From: undisclosed:;", REFUSED),
    (b"From:", REFUSED),
    (b"From: <>", REFUSED),
    (b"From: Jan", REFUSED),
    (b'From: "a@bakker.example"', REFUSED),
    (b"From: (a@bakker.example)", REFUSED),
    (b"Sender: a@bakker.example", REFUSED),
    (b"X-From: a@bakker.example", REFUSED),
    # an address that is not one
    (b"From: a@bakker.example@evil.example", REFUSED),
    (b"From: <a@bakker.example@evil.example>", REFUSED),
    (b"From: a @bakker.example <x@evil.example", REFUSED),
    (b"From: a@bakker.example <x@evil.example", REFUSED),
    (b"From: x@evil.example>", REFUSED),
    (b"From: a@", REFUSED),
    (b"From: @bakker.example", REFUSED),
    (b"From: a..b@bakker.example", REFUSED),
    (b"From: .a@bakker.example", REFUSED),
    (b"From: a@bakker..example", REFUSED),
    (b"From: a@-bakker.example", REFUSED),
    (b"From: a@bakker_.example", REFUSED),
    (b"From: <a@bakker.example\r\n >", OURS),
    (b"From: <a@bakker.\r\n example>", REFUSED),
    (b"From: <a(x)@bakker.example>", OURS),  # RFC 5322 3.4.1: CFWS about the @
    (b"From: <@evil.example:a@bakker.example>", OURS),
    # characters that are not seen, or look like others
    ("From: a@\u0430pple.com".encode(), IDN),
    (b"From: a@xn--pple-43d.com", IDN),
    ("From: a@bakker\u3002example".encode(), OURS),  # UTS 46: a dot
    ("From: \u0430@bakker.example".encode(), REFUSED),
    ("From: a\u200b@bakker.example".encode(), REFUSED),
    ("From: a@bak\u200bker.example".encode(), OURS),  # UTS 46: nothing
    ("From: a@bakker.example\u202e".encode(), REFUSED),
    (b"From: a@bakker.example\0", REFUSED),
    (b"From: a@bakker.example\x0b", REFUSED),
    (b"From: a@bakker.example\rBcc: x@evil.example", REFUSED),
    (b"From: a@bakker.example\nBcc: x@evil.example", REFUSED),
    ("From: \u202eevil\u202c <x@evil.example>".encode(), EVIL),
    ("From: Jan\u2028Bcc: v <x@evil.example>".encode(), REFUSED),
]
READ_OTHERWISE = {
    b"FROM : Jan <a@bakker.example>",  # the standard library knows no white space before a colon (RFC 5322 4.5)
    b"From: ceo@bank.com <x@evil.example>",  # and takes this name for an address (rule A3)
}


def addresses(header: bytes) -> list[str]:
    """The addresses in all From fields, as the standard library reads them."""
    message = email.message_from_string(header.decode() + "\r\n", policy=policy.default)
    return [each.addr_spec for field in message.get_all("From", []) for each in field.addresses]


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) == len(dict(TABLE)) >= 60


@pytest.mark.parametrize(("field", "author"), TABLE, ids=lambda value: value if isinstance(value, bytes) else "")
def test_one_from_with_one_address_or_a_refusal(rewritten, field: bytes, author: str | None) -> None:
    header = b"To: klant@customer.example\r\n" + field + b"\r\n"
    result = rewritten(header, Anybody())
    if author is REFUSED:
        assert isinstance(result, Refusal), result
        assert (result.code, result.enhanced) in {(550, "5.6.0"), (550, "5.6.7")}
        return
    assert not isinstance(result, Refusal), result
    left = email.message_from_bytes(result.message.header + b"\r\n", policy=policy.default)
    assert addresses(result.message.header) == [PLATFORM]
    assert "@" not in left["From"].addresses[0].display_name
    assert [each.addr_spec for each in left["Reply-To"].addresses] == [author]
    if field not in READ_OTHERWISE:
        assert [in_ascii(one) for one in addresses(header)] == [author]


def in_ascii(address: str) -> str:
    """An address with its domain as A-label, by the standard library too (IDNA 2003)."""
    local, _, domain = address.partition("@")
    return f"{local}@{domain.encode('idna').decode().lower()}"

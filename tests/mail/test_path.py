"""The paths of MAIL and RCPT: one table, and what holds for any octets."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.mail.path import PathError, parse_params, parse_path

LONG = "a" * 64
LABEL = "b" * 63

ACCEPTED = [  # as typed -> address, rest
    ("<a@b>", "a@b", ""),
    ("<a@b.example>", "a@b.example", ""),
    ("<A.B@Example.ORG>", "A.B@example.org", ""),
    ("<a+tag@b.example>", "a+tag@b.example", ""),
    ("<a@b.example> SIZE=1", "a@b.example", "SIZE=1"),
    ("<a@b.example>   SIZE=1  BODY=7BIT ", "a@b.example", "SIZE=1  BODY=7BIT "),
    ("<a@b.example> ", "a@b.example", ""),
    ("<#$&'*+-/=?^_`{|}~@b.example>", "#$&'*+-/=?^_`{|}~@b.example", ""),
    ("<0@0a.example>", "0@0a.example", ""),
    ("<prvs=1234abcd=user@b.example>", "prvs=1234abcd=user@b.example", ""),
    ("<SRS0=ab=cd=x.example=user@b.example>", "SRS0=ab=cd=x.example=user@b.example", ""),
    ("<a@sub-domain.b.example>", "a@sub-domain.b.example", ""),
    ("<a@xn--bcher-kva.example>", "a@xn--bcher-kva.example", ""),
    ("<a@b--c.example>", "a@b--c.example", ""),
    ("<a@1.example>", "a@1.example", ""),
    ("<a@localhost>", "a@localhost", ""),
    (f"<{LONG}@b.example>", f"{LONG}@b.example", ""),
    (f"<a@{LABEL}.example>", f"a@{LABEL}.example", ""),
    ('<"a b"@b.example>', '"a b"@b.example', ""),
    ('<"a"@b.example>', "a@b.example", ""),
    ('<"a.b"@b.example>', "a.b@b.example", ""),
    ('<"\\a"@b.example>', "a@b.example", ""),
    ('<"a\\"b"@b.example>', '"a\\"b"@b.example', ""),
    ('<"a\\\\b"@b.example>', '"a\\\\b"@b.example', ""),
    ('<""@b.example>', '""@b.example', ""),
    ('<"a..b"@b.example>', '"a..b"@b.example', ""),
    ('<".a"@b.example>', '".a"@b.example', ""),
    ('<"a>b"@b.example> X=1', '"a>b"@b.example', "X=1"),
    ('<"(c)"@b.example>', '"(c)"@b.example', ""),
    ('<"a,b;c:d"@b.example>', '"a,b;c:d"@b.example', ""),
]

REFUSED = [  # as typed, the beginning of the reply for a recipient
    ("", "501 5.1.3"),
    ("<", "501 5.1.3"),
    (">", "501 5.1.3"),
    ("<>", "501 5.1.3 a recipient cannot be empty"),
    ("< >", "550 5.1.1"),
    ("<a@b", "501 5.1.3"),
    ("a@b", "501 5.1.3"),
    ("a@b>", "501 5.1.3"),
    ("<<a@b>>", "501 5.1.3"),
    ("<<a@b>", "501 5.1.3"),
    ("<a@b>>", "501 5.1.3"),
    ("<a@b>x", "501 5.1.3"),
    ("<a@b>SIZE=1", "501 5.1.3"),
    ("<a@b>\tSIZE=1", "501 5.1.3"),
    ("<a@b><c@d>", "501 5.1.3"),
    ("<a@b>,<c@d>", "501 5.1.3"),
    ("<a@b,c@d>", "501 5.1.3"),
    ("Name <a@b>", "501 5.1.3"),
    ('"Name" <a@b>', "501 5.1.3"),
    ("(c)<a@b>", "501 5.1.3"),
    ("<a@b(c)>", "501 5.1.3"),
    ("<(c)a@b>", "501 5.1.3"),
    ("<mailto:a@b>", "501 5.1.3"),
    ("< a@b>", "501 5.1.3"),
    ("<a@b >", "501 5.1.3"),
    ("<a @b>", "501 5.1.3"),
    ("<a@ b>", "501 5.1.3"),
    ("<a>", "550 5.1.1"),
    ("<postmaster>", "550 5.1.1"),
    ("<Postmaster>", "550 5.1.1"),
    ("<@b>", "553 5.1.3 source"),
    ("<a@>", "501 5.1.3"),
    ("<@>", "553 5.1.3"),
    ("<@r.example:a@b>", "553 5.1.3 source"),
    ("<@r.example,@s.example:a@b>", "553 5.1.3 source"),
    ("<@r.example>", "553 5.1.3 source"),
    ("<a%b@c>", "553 5.1.3 routing"),
    ("<user%victim.example@relay.example>", "553 5.1.3 routing"),
    ("<victim.example!user@relay.example>", "553 5.1.3 routing"),
    ("<victim.example!user>", "550 5.1.1"),
    ('<"a%b"@c>', "553 5.1.3 routing"),
    ('<"user@victim.example"@relay.example>', "553 5.1.3 routing"),
    ('<"user\\@victim.example"@relay.example>', "553 5.1.3 routing"),
    ('<"victim!user"@relay.example>', "553 5.1.3 routing"),
    ("<user@victim.example@relay.example>", "501 5.1.3"),
    ("<a@b@c>", "501 5.1.3"),
    ("<a@[1.2.3.4]>", "553 5.1.3 address literals"),
    ("<a@[IPv6:::1]>", "553 5.1.3 address literals"),
    ("<a@[]>", "553 5.1.3 address literals"),
    ("<a@1.2.3.4>", "501 5.1.3 an address without brackets"),
    ("<a@b.123>", "501 5.1.3"),
    ("<a@.b>", "501 5.1.3"),
    ("<a@b.>", "501 5.1.3"),
    ("<a@b..c>", "501 5.1.3"),
    ("<a@-b>", "501 5.1.3"),
    ("<a@b->", "501 5.1.3"),
    ("<a@b.-c>", "501 5.1.3"),
    ("<a@b_c.example>", "501 5.1.3"),
    ("<a@b c>", "501 5.1.3"),
    ("<a@b/c>", "501 5.1.3"),
    ("<a@b:25>", "501 5.1.3"),
    ("<a@*>", "501 5.1.3"),
    ("<.a@b>", "501 5.1.3"),
    ("<a.@b>", "501 5.1.3"),
    ("<a..b@c>", "501 5.1.3"),
    ("<a,b@c>", "501 5.1.3"),
    ("<a;b@c>", "501 5.1.3"),
    ("<a:b@c>", "501 5.1.3"),
    ("<a\\b@c>", "501 5.1.3"),
    ('<a"b@c>', "501 5.1.3"),
    ('<"a@c>', "501 5.1.3"),
    ('<a"@c>', "501 5.1.3"),
    ('<"a"b@c>', "501 5.1.3"),
    ('<"a".b@c>', "501 5.1.3"),
    ('<"a\\">@c>', "501 5.1.3"),
    ('<"a\\"@c>', "501 5.1.3"),
    ('<"a\tb"@c>', "501 5.1.3"),
    ('<"a\x00b"@c>', "501 5.1.3"),
    ("<a\x00@c>", "501 5.1.3"),
    ("<a\x7f@c>", "501 5.1.3"),
    ("<a\r\n@c>", "501 5.1.3"),
    ("<a@c\n>", "501 5.1.3"),
    ("<a@c> X\n", "501 5.1.3"),
    (f"<{LONG}a@b.example>", "501 5.1.3 local part"),
    (f'<"{LONG}"@b.example>', "501 5.1.3 local part"),
    (f"<a@{LABEL}b.example>", "501 5.1.3 domain name"),
    (f"<a@{'.'.join([LABEL] * 4)}>", "501 5.1.3 path is longer"),
    (f"<a@{'b.' * 500}c>", "501 5.1.3 path is longer"),
    ("<ö@b.example>", "553 5.6.7"),
    ("<a@bücher.example>", "553 5.6.7"),
    ("<a@b.example> X=ö", "553 5.6.7"),
]

WITH_SMTPUTF8 = [
    ("<ö@b.example>", "ö@b.example"),
    ("<ö@BÜCHER.example>", "ö@xn--bcher-kva.example"),
    ("<a@bücher.example>", "a@xn--bcher-kva.example"),
    ("<a@straße.example>", "a@xn--strae-oqa.example"),
    ("<用户@例え.example>", "用户@xn--r8jz45g.example"),
    ("<a@例え。example>", "a@xn--r8jz45g.example"),
    ('<"ö ä"@b.example>', '"ö ä"@b.example'),
    ("<a\u202eb@b.example>", "501 5.1.3 local part holds an invisible"),
    ("<a\u00a0b@b.example>", "501 5.1.3 local part holds an invisible"),
    ("<a\u200bb@b.example>", "501 5.1.3 local part holds an invisible"),
    ("<a\u0085b@b.example>", "501 5.1.3 local part holds an invisible"),
    ("<a\u2028b@b.example>", "501 5.1.3 local part holds an invisible"),
    ("<a@b\u202ec.example>", "553 5.1.3 not a valid"),
    ("<a@\u00ad.example>", "553 5.1.3 not a valid"),
    ("<a@é。>", "501 5.1.3 malformed domain"),
    ("<a@-é.example>", "501 5.1.3"),
    (f"<a@{'é' * 63}.example>", "553 5.1.3 not a valid"),
    (f"<{'é' * 33}@b.example>", "501 5.1.3 local part is longer"),
    ("<１@１.２.３.４>", "501 5.1.3 an address"),
]


def outcome(text: str, *, null_ok: bool = False, smtputf8: bool = False) -> tuple[str, str]:
    try:
        address, rest = parse_path(text.encode(), null_ok=null_ok, smtputf8=smtputf8)
    except PathError as error:
        return str(error), ""
    return str(address), rest.decode()


@pytest.mark.parametrize(("text", "address", "rest"), ACCEPTED)
def test_accepted(text: str, address: str, rest: str) -> None:
    assert outcome(text) == (address, rest)
    assert outcome(text, null_ok=True, smtputf8=True) == (address, rest)


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_refused(text: str, said: str) -> None:
    assert outcome(text)[0].startswith(said)


@pytest.mark.parametrize(("text", "said"), WITH_SMTPUTF8)
def test_with_smtputf8(text: str, said: str) -> None:
    assert outcome(text, smtputf8=True)[0].startswith(said)


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len(ACCEPTED) + len(REFUSED) + len(WITH_SMTPUTF8) >= 120


def test_only_a_reverse_path_may_be_null_and_its_faults_carry_its_code() -> None:
    assert parse_path(b"<> BODY=7BIT", null_ok=True, smtputf8=False) == (None, b"BODY=7BIT")
    assert outcome("a@b", null_ok=True)[0].startswith("501 5.1.7")
    assert outcome("<postmaster>", null_ok=True)[0].startswith("550 5.1.7")


def test_octets_that_are_no_utf8() -> None:
    with pytest.raises(PathError, match=r"501 5\.1\.3 address is not UTF-8"):
        parse_path(b"<\xff@b.example>", null_ok=False, smtputf8=True)


@pytest.mark.parametrize(
    ("rest", "params"),
    [
        (b"", {}),
        (b"  ", {}),
        (b"size=10 BODY=8bitmime", {"SIZE": "10", "BODY": "8bitmime"}),
        (b"SMTPUTF8", {"SMTPUTF8": None}),
        (b"AUTH=<>", {"AUTH": "<>"}),
        (b"AUTH=a+3Db@c.example", {"AUTH": "a+3Db@c.example"}),
        (b"X-1=!~", {"X-1": "!~"}),
    ],
)
def test_parameters(rest: bytes, params: dict[str, str | None]) -> None:
    assert parse_params(rest) == params


@pytest.mark.parametrize("rest", [b"=", b"=1", b"SIZE=", b"-X", b"A=b=c", b"A=\xc3\xa9", b"A=\x01", b"A_B", b"A a=1"])
def test_malformed_parameters(rest: bytes) -> None:
    with pytest.raises(PathError, match=r"501 5\.5\.4"):
        parse_params(rest)


def parsed(text: bytes, null_ok: bool, smtputf8: bool) -> object:
    try:
        return parse_path(text, null_ok=null_ok, smtputf8=smtputf8)[0]
    except PathError as error:
        return error


@given(st.one_of(st.binary(max_size=60), st.text(max_size=40).map(str.encode)), st.booleans(), st.booleans())
@settings(max_examples=500, deadline=None)
def test_any_octets_are_an_address_or_a_refusal(octets: bytes, null_ok: bool, smtputf8: bool) -> None:
    for text in (octets, b"<" + octets + b">", b"<a@" + octets + b">", b"<" + octets + b"@b.example>"):
        address = parsed(text, null_ok, smtputf8)
        if isinstance(address, PathError):
            assert address.code in {501, 550, 553}
            assert str(address).isascii()
            continue
        if address is None:
            assert null_ok
            continue
        again = parse_path(f"<{address}>".encode(), null_ok=False, smtputf8=True)
        assert again == (address, b"")  # what we print, we read back
        assert address.domain.isascii()
        assert address.domain == address.domain.lower()


@pytest.mark.parametrize("text", ["<" + "a." * 400 + "@>", "<" + '"\\' * 400, "<a@" + "a-" * 400 + ">", "<" * 900])
def test_no_line_is_slow(text: str) -> None:
    """Every command line fits in 1,000 octets; none may take long to refuse."""
    began = time.perf_counter()
    for _ in range(10):
        outcome(text)
    assert time.perf_counter() - began < 1.0

"""Addresses and mailboxes: what is one, what is not, which are the same, and that nothing hostile takes long."""

from __future__ import annotations

import time
from email.headerregistry import Address as StdlibAddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.mail.address import Address, AddressError, parse_address
from relay.mail.mailbox import parse_from, parse_mailboxes
from relay.mail.reply import Refusal


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("info@bakker.example", "info", "bakker.example"),
        ("INFO@Bakker.Example", "INFO", "bakker.example"),
        ("a@b.example.", "a", "b.example"),
        ("j.o+x=y/z@b.example", "j.o+x=y/z", "b.example"),
        ('"jan jansen"@b.example', '"jan jansen"', "b.example"),
        ('"a@b"@c.example', '"a@b"', "c.example"),
        ('"a\\"b"@c.example', '"a\\"b"', "c.example"),
        ("jan@münchen.example", "jan", "xn--mnchen-3ya.example"),
        ("jan@MÜNCHEN.example", "jan", "xn--mnchen-3ya.example"),
        ("jan@ｂakker.example", "jan", "bakker.example"),
        ("jan@bakker。example", "jan", "bakker.example"),
        ("a" * 64 + "@b.example", "a" * 64, "b.example"),
        ("a@" + "b" * 63 + ".example", "a", "b" * 63 + ".example"),
        ("a@localhost", "a", "localhost"),
    ],
)
def test_an_address(text: str, local: str, domain: str) -> None:
    assert parse_address(text) == Address(local, domain)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("", "address.no_at"),
        ("root", "address.no_at"),
        ("@b.example", "address.local"),
        ("a@", "address.domain"),
        ("a@b@c.example", "address.local"),
        ("a b@c.example", "address.local"),
        (".a@c.example", "address.local"),
        ("a.@c.example", "address.local"),
        ("a..b@c.example", "address.local"),
        ('"a@c.example', "address.local"),
        ('"a"b@c.example', "address.local"),
        ('"a".b@c.example', "address.local"),
        ('"a\nb"@c.example', "address.local"),
        ("a\r\nBcc: x@c.example", "address.local"),
        ("a(b)@c.example", "address.local"),
        ("<a@c.example>", "address.local"),
        ("Jan <a@c.example>", "address.local"),
        ("a" * 65 + "@b.example", "address.local"),
        ("a@b..example", "address.domain"),
        ("a@b.example..", "address.domain"),
        ("a@.example", "address.domain"),
        ("a@-b.example", "address.domain"),
        ("a@b-.example", "address.domain"),
        ("a@b_c.example", "address.domain"),
        ("a@192.0.2.1", "address.domain"),
        ("a@192.0.2.1.", "address.domain"),
        ("a@10", "address.domain"),
        ("a@b.example\n", "address.domain"),
        ("a@ b.example", "address.domain"),
        ("a@" + "b" * 64 + ".example", "address.domain"),
        ("a@" + "b." * 130 + "example", "address.domain"),
        ("a@" + "ü" * 300 + ".example", "address.domain"),
        ("a@xn--.ü", "address.domain"),
        ("a@[192.0.2.1]", "address.domain"),
        ("a" * 60 + "@" + ("b" * 60 + ".") * 4 + "example", "address.long"),
        ("a@c.example,b@c.example", "address.local"),
        ("müller@c.example", "address.smtputf8"),
    ],
)
def test_not_an_address(text: str, topic: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert caught.value.topic == topic
    assert caught.value.enhanced == ("5.6.7" if topic == "address.smtputf8" else "5.6.0")
    assert caught.value.sample.isascii()
    assert caught.value.sample.isprintable()
    assert len(caught.value.sample) <= 80


def test_smtputf8_allows_letters_but_nothing_unseen() -> None:
    assert parse_address("müller@c.example", smtputf8=True).local == "müller"
    for unseen in ("a\u202eb", "a\u200bb", "a\x85b", "a\u00a0b", "a\u2028b", "a\udc80b"):
        with pytest.raises(AddressError):
            parse_address(f"{unseen}@c.example", smtputf8=True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Info@B.example", "iNFO@b.EXAMPLE.", True),
        ('"info"@b.example', "info@b.example", True),
        ("info+x@b.example", "info@b.example", False),
        ("i.nfo@b.example", "info@b.example", False),
        ("MÜLLER@b.example", "müller@b.example", True),
        ("boe\u212ahouding@b.example", "boekhouding@b.example", False),  # the Kelvin sign, which lower() makes a k
        ("jan@ba\u212aker.example", "jan@bakker.example", True),  # in a domain it is one, says UTS 46
        ("mu\u0308ller@b.example", "müller@b.example", False),
        ("a@аpple.example", "a@apple.example", False),  # Cyrillic
        ("a@аpple.example", "a@xn--pple-43d.example", True),
    ],
)
def test_what_two_addresses_are_compared_on(one: str, other: str, same: bool) -> None:
    keys = {parse_address(text, smtputf8=True).key for text in (one, other)}
    assert (len(keys) == 1) is same


@given(
    st.from_regex(
        r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9]{1,9}){0,2}@[a-z0-9]{1,20}\.[a-z]{2,9}", fullmatch=True
    )
)
def test_agrees_with_the_standard_library_on_plain_addresses(text: str) -> None:
    theirs = StdlibAddress(addr_spec=text)
    ours = parse_address(text)
    assert (ours.local, ours.domain) == (theirs.username, theirs.domain)
    assert str(ours) == text


@given(st.text(max_size=60) | st.text('a@b."\\<>()[]:;, \té\u3002', max_size=30))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    try:
        address = parse_address(text, smtputf8=True)
    except AddressError:
        return
    assert parse_address(str(address), smtputf8=True) == address  # what we print, we read


HOSTILE = st.lists(
    st.sampled_from([b"<", b">", b'"', b"\\", b"(", b")", b"[", b"]", b",", b":", b";", b"@", b".", b" ", b"\t", b"a"])
    | st.sampled_from([b"a@b.c", b"=?utf-8?q?", b"?=", b"\xe9", b"\xc3\xa9", b"\x0b", b"<a@b.c>", b"xn--"])
    | st.binary(max_size=3),
    max_size=30,
).map(b"".join)


@given(HOSTILE, st.booleans())
@example(b"<a@b.c>", False)
@example(b"a@xn--a.\xc3\xa9", False)
def test_no_octets_raise_anything_else(octets: bytes, smtputf8: bool) -> None:
    refusals: list[Refusal] = []
    for parse in (parse_from, parse_mailboxes):
        try:
            parse(octets, smtputf8=smtputf8)
        except AddressError as error:
            refusals.append(error.refusal("From"))
    assert all(refusal.params["sample"].isascii() for refusal in refusals)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a@x.example", [("", "a@x.example")]),
        (b"Jan <a@x.example>, Piet <b@x.example>", [("Jan", "a@x.example"), ("Piet", "b@x.example")]),
        (
            b"Team: Jan <a@x.example>, b@x.example;, c@x.example",
            [("Jan", "a@x.example"), ("", "b@x.example"), ("", "c@x.example")],
        ),
        (b"undisclosed:;", []),
        (b'"A: B":a@x.example;', [("", "a@x.example")]),
        (b"", []),
        (b" , a@x.example,, (nobody), b@x.example,", [("", "a@x.example"), ("", "b@x.example")]),
        (b"<@r.example,@s.example:a@x.example>", [("", "a@x.example")]),
        (b"Jan (work) Jansen <a@x.example>", [("Jan   Jansen", "a@x.example")]),
        (b"a@x.example (Jan (the \\) baker))", [("Jan (the ) baker)", "a@x.example")]),
        (b"<a@x.example> (Jan)", [("Jan", "a@x.example")]),
        (b"( x ) < ( y ) a ( z ) @ ( q ) x.example ( w ) >", [(" x   y   z   q   w ", "a@x.example")]),
        (b"Bakker B.V. <a@x.example>", [("Bakker B.V.", "a@x.example")]),
        (b'"J\\"n, \\\\ (x)" <a@x.example>', [('J"n, \\ (x)', "a@x.example")]),
        (
            b"M\xfcller <a@x.example>, M\xc3\xbcller <b@x.example>",
            [("Müller", "a@x.example"), ("Müller", "b@x.example")],
        ),
        (b"=?utf-8?Q?Jan_(work)?= <a@x.example>", [("=?utf-8?Q?Jan_(work)?=", "a@x.example")]),
        (b'"a b"@x.example', [("", '"a b"@x.example')]),
    ],
)
def test_a_list(value: bytes, expected: list[tuple[str, str]]) -> None:
    assert [(mailbox.name, str(mailbox.address)) for mailbox in parse_mailboxes(value)] == expected


@pytest.mark.parametrize(
    ("value", "topic"),
    [
        (b"Jan <a@x.example", "address.unclosed"),
        (b"a@x.example; b@x.example", "address.semicolon"),
        (b"Team: a@x.example", "address.group"),
        (b"Team: a@x.example; b@x.example", "address.trailing"),
        (b"Team: Sub: a@x.example;;", "address.trailing"),
        (b"<>", "address.empty"),
        (b"Jan, Piet <a@x.example>", "address.no_at"),
        (b"a@x.example <b@x.example>", "address.phrase"),
        (b"<a@x.example> <b@x.example>", "address.trailing"),
        (b"a > b <a@x.example>", "address.phrase"),
        (b"j an@x.example", "address.local"),
        (b"jan . jansen@x.example", "address.local"),
        (b"a@x. example", "address.trailing"),
        (b"a(b)c@x.example", "address.local"),
        (b"(x", "address.comment"),
        (b"a@x.example (x (y)", "address.comment"),
        (b'"x', "address.quote"),
        (b"a@\xe9.example", "address.charset"),
        (b"\xe9@x.example", "address.smtputf8"),
        (b"=?utf-8?Q?info?=@x.example", "address.encoded_word"),
        (b"mailto:a@x.example", "address.group"),
        (b"\\<a@x.example>", "address.phrase"),
        (b"[x] <a@x.example>", "address.phrase"),
        (b",".join([b"a@x.example"] * 51), "address.too_many"),
        (b"a" * 8001, "address.too_many"),
    ],
)
def test_a_list_that_cannot_be_read(value: bytes, topic: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_mailboxes(value)
    assert caught.value.topic == topic


@pytest.mark.parametrize(
    "value",
    [
        b"(" * 7_900,
        b"(a)" * 2_600,
        b"<" * 7_900,
        b"[" * 7_900,
        b'"' + b"\\" * 7_900,
        b"\\" * 7_900,
        b"=?" * 3_900,
        b"=?utf-8?q?" + b"." * 7_900,
        b"=?a?q?" * 1_300,
        b"a@b," * 1_900,
        b"a.@." * 1_900,
        b"a:;" * 2_600,
        b"<@a:" * 1_900,
        b"a " * 3_900 + b"<a@b.c>",
        b"(" * 10_000_000,
        b" " * 10_000_000,
        b"a@b," * 1_000_000,
    ],
    ids=lambda value: f"{value[:8]!r} {len(value)}",
)
def test_hostile_values_are_quick(value: bytes) -> None:
    began = time.process_time()
    for parse in (parse_from, parse_mailboxes):
        try:
            parse(value)
        except AddressError:
            continue
    assert time.process_time() - began < 0.2

"""Names and texts: read leniently, cleaned of what deceives, written so that every reader reads the same."""

from __future__ import annotations

import email.header
import email.utils
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.mail.address import Address
from relay.mail.mailbox import parse_from
from relay.mail.message import BytesBody, Field, Message
from relay.mail.name import LONGEST_NAME, clean_name, clean_text
from relay.mail.text import (
    decode_unstructured,
    decode_words,
    encode_unstructured,
    encoded_words,
    print_mailboxes,
    print_name,
)

OWN = Address("info", "bakker.example")
SHARED = Address("mail", "customers.platform.example")
ANY_TEXT = st.text(st.characters(), max_size=300)  # with controls, marks, halves of surrogate pairs


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?Caf=C3=A9?=", "Café"),
        ("=?UTF-8?b?Q2Fmw6k=?= =?utf-8?q?_x?=", "Café x"),
        ("a =?utf-8?q?b?= c", "a b c"),
        ("a=?utf-8?q?b?=c", "abc"),
        ("=?utf-8?B?4oI=?=   =?utf-8?B?rA==?=", "€"),
        ("=?utf-8?B?4oI=?= =?UTF8?Q?=AC?=", "€"),
        ("=?iso-8859-1?Q?=A0b=80?=", "\xa0b€"),
        ("=?iso-8859-15?Q?=A4?= =?utf-8?Q?=C3=A9?=", "€é"),
        ("=?utf-8*nl?Q?=C3=A9?=", "é"),
        ("=?koi8-r?B?79TExczYzs/NxQ?=", "Отдельноме"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?ks_c_5601-1987?B?sMa5rg==?=", "걱문"),
        ("=?utf-8?Q?Jan Jansen?=", "Jan Jansen"),
        ("A =? B", "A =? B"),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?utf-8?Q??=", ""),
    ],
)
def test_encoded_words_are_read(text: str, shown: str) -> None:
    assert decode_words(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "=?x-nope?Q?abc?=",
        "=?utf-8?Q?=FF?=",
        "=?us-ascii?Q?=E9?=",
        "=?utf-8?B?a?=",
        "=?utf-8?B?****?=",
        "=?rot13?Q?abc?=",
        "=?unicode_escape?Q?\\x?=",
        "=?idna?Q?abc?=",
        "=?aliases?Q?abc?=",
        "=?utf-8?B?4oI=?= x =?utf-8?B?rA==?=",
        "=?iso-8859-1?Q?\u20ac\u0416?=",
    ],
)
def test_what_cannot_be_decoded_is_said_to_be(text: str) -> None:
    with pytest.raises(UnicodeError):
        decode_words(text)
    assert decode_unstructured(text.encode()) == text
    assert clean_name(text) == ("", ("name_undecodable",))


@given(ANY_TEXT)
def test_reading_raises_nothing_but_unicode_errors(text: str) -> None:
    for tried in (text, f"=?{text}?=", f"=?utf-8?b?{text}?=", f"=?utf-8?q?{text}?=", f"=?{text}?q?x?="):
        try:
            decode_words(tried)
        except UnicodeError:
            continue


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  Jan \t  Jansen ", "Jan Jansen"),
        ("Jan\r\nBcc: x", "Jan Bcc: x"),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f", "a b c d e f"),
        ("a\0b\x1b[31m\x7f\x9b", "ab[31m"),
        ("so\xadft", "soft"),
        ("\u202eknab\u2066\u200f", "knab"),
        ("z\u200be\u200dr\ufeffo", "zero"),
        ("a\ufe0fb\U000e0041c\U000e0100", "abc"),
        ("\ufffd\ufff9x\uffff", "x"),
        ("e\u0301", "é"),
        ("Ｂank", "Ｂank"),
        ("\u3164\u115f", ""),
        ("\udc80x", "x"),
        ("👩\u200d🍳", "👩🍳"),
    ],
)
def test_cleaning(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean
    assert clean_text(clean) == clean


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("info@bakker.example", ("", ())),
        ("INFO@BAKKER.EXAMPLE Jan", ("Jan", ())),
        ("Jan <info@bakker.example>", ("Jan", ())),
        ("Jan ((info@bakker.example)) x", ("Jan x", ())),
        ("'info@bakker.example'", ("", ())),
        ("Jan<info@bakker.example>Jansen", ("JanJansen", ())),
        ("info\uff20bakker.example", ("", ())),
        ("xinfo@bakker.example", ("", ("name_spoof",))),
        ("info@bakker.example.evil.example", ("", ("name_spoof",))),
        ("info@bakker.example ceo@bank.example", ("", ("name_spoof",))),
        ("ceo@info@bakker.example", ("", ("name_spoof",))),
        ("Werk @ Home", ("", ("name_spoof",))),
        ("ceo\ufe6bbank.example", ("", ("name_spoof",))),
        ("=?utf-8?q?ceo?= =?utf-8?q?=40bank?=", ("", ("name_spoof",))),
    ],
)
def test_no_address_is_left_in_a_name(raw: str, expected: tuple[str, tuple[str, ...]]) -> None:
    assert clean_name(raw, OWN) == expected


def test_the_own_address_may_be_written_in_unicode() -> None:
    assert clean_name("Jan (jan@münchen.example)", Address("jan", "xn--mnchen-3ya.example")) == ("Jan", ())


@pytest.mark.parametrize(
    "name",
    [
        *("Rabobank", "RABOBANK", "Rаbobаnk", "Ràbobank", "R a b o b a n k", "Rabobank Incasso", "ℛabobank"),
        *("Rab0bank", "de Rabobank!", "Ｒabobank", "lNG", "1ng", "İNG", "ING Bank"),
    ],
)
def test_protected_names_are_recognised_by_their_looks(name: str) -> None:
    assert clean_name(name, OWN, ("Rabobank", "ING")) == ("", ("name_protected",))


@pytest.mark.parametrize("name", ["Bakker B.V.", "Verzekering", "Rabo", "Ringweg", "Kabobank"])
def test_other_names_are_not_mistaken_for_protected_ones(name: str) -> None:
    assert clean_name(name, OWN, ("Rabobank", "ING")) == (name, ())


def test_a_long_name_is_cut_at_a_word() -> None:
    assert clean_name("a" * 100 + " " + "b" * 27) == ("a" * 100 + " " + "b" * 27, ())
    assert clean_name("a" * 100 + " " + "b" * 28) == ("a" * 100, ("name_cut",))
    assert clean_name("a" * 129) == ("a" * 128, ("name_cut",))
    assert clean_name("a" * 128 + " b") == ("a" * 128, ("name_cut",))


@given(ANY_TEXT)
@example("=?utf-8?q?=0D=0ABcc:_v?=")
@example("é" * 300)
@example('"\\' * 100)
def test_a_clean_name_is_clean(raw: str) -> None:
    name, _ = clean_name(raw, OWN)
    assert len(name) <= LONGEST_NAME
    assert unicodedata.is_normalized("NFC", name)
    assert not any(char in "@\uff20\ufe6b" for char in name)
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in name)
    assert "  " not in name
    assert name == name.strip()


@given(ANY_TEXT)
@example("A =? B")
@example("=?utf-8?q?x?=")
@example("\r\nBcc: v@x")
def test_any_name_prints_as_one_mailbox(raw: str) -> None:
    for name in (clean_name(raw, OWN)[0], raw):  # the printer alone is enough: nothing gets past it
        field = Field.make("From", print_mailboxes("From", [(name, SHARED)]))
        message = Message.parse(field.raw, BytesBody(b""))
        assert len(message.fields) == 1  # no header was added
        lines = field.raw[:-2].split(b"\r\n")
        assert max(map(len, lines)) <= 998
        assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
        assert field.raw.isascii()
        mailbox, was_repaired = parse_from(field.value)
        assert not was_repaired
        assert mailbox.address == SHARED
        if name == clean_text(name):
            assert decode_words(mailbox.name) == name


@given(ANY_TEXT)
def test_the_standard_library_reads_the_same_name_and_address(raw: str) -> None:
    name, _ = clean_name(raw, OWN)
    value = Field.make("From", print_mailboxes("From", [(name, SHARED)])).value.decode("ascii")
    ((shown, address),) = email.utils.getaddresses([value])
    assert address == str(SHARED)
    assert str(email.header.make_header(email.header.decode_header(shown))) == name or "=?" in name


@given(ANY_TEXT)
def test_encoded_words_are_short_and_whole(text: str) -> None:
    words = encoded_words(text)
    assert all(len(word) <= 63 for word in words)
    assert all(decode_words(word) for word in words if text)  # each can be decoded alone: no character is cut
    if not any(0xD800 <= ord(char) < 0xE000 for char in text):
        assert decode_words(" ".join(words)) == text


def test_an_encoded_word_takes_the_shorter_form() -> None:
    assert encoded_words("Müller") == ["=?utf-8?Q?M=C3=BCller?="]
    assert encoded_words("日本") == ["=?utf-8?B?5pel5pys?="]
    assert encoded_words("a" * 40 + "é") == ["=?utf-8?Q?" + "a" * 40 + "=C3=A9?="]


def test_a_quoted_string_is_never_folded_inside() -> None:
    name = "word " * 24 + "end"
    assert print_mailboxes("From", [(name, SHARED)]) == f'"{name}"\r\n <{SHARED}>'.encode()


def test_a_list_is_folded_between_its_mailboxes() -> None:
    printed = print_mailboxes("Reply-To", [("", OWN), ("B, H", OWN), ("", OWN), ("é", OWN)])
    assert printed == (
        b'info@bakker.example, "B, H" <info@bakker.example>,'
        b"\r\n info@bakker.example, =?utf-8?B?w6k=?= <info@bakker.example>"
    )


def test_a_name_is_always_quoted() -> None:
    assert print_name("Jan") == ['"Jan"']
    assert print_name('J"a\\n') == ['"J\\"a\\\\n"']


@pytest.mark.parametrize(
    ("subject", "value"),
    [
        ("Invoice 2026-0417", b"Invoice 2026-0417"),
        ("", b""),
        ("Café", b"=?utf-8?B?Q2Fmw6k=?="),
        ("a\r\nBcc: v@x", b"a Bcc: v@x"),
        ("=?utf-8?q?x?=", b"=?utf-8?B?PT91dGYtOD9xP3g/PQ==?="),
        (
            "A subject that is long enough to be folded, since it does not fit on one line",
            b"A subject that is long enough to be folded, since it does not fit on\r\n one line",
        ),
    ],
)
def test_subjects(subject: str, value: bytes) -> None:
    assert encode_unstructured("Subject", subject) == value


@given(ANY_TEXT)
def test_any_subject_stays_one_field_and_reads_back(text: str) -> None:
    field = Field.make("Subject", encode_unstructured("Subject", text))
    message = Message.parse(field.raw, BytesBody(b""))
    assert len(message.fields) == 1
    assert max(map(len, field.raw.split(b"\r\n"))) <= 998
    if not any(0xD800 <= ord(char) < 0xE000 for char in text):
        assert decode_unstructured(message.fields[0].value) == " ".join(text.split())


@pytest.mark.parametrize(
    "text", ["=?" * 50_000, "=?utf-8?q?a?=" * 10_000, "=?utf-8?q?" * 10_000, "@" * 100_000, "e\u0301" * 100_000]
)
def test_hostile_names_are_quick(text: str) -> None:
    began = time.process_time()
    clean_name(text, OWN, ("Rabobank",))
    assert time.process_time() - began < 0.5

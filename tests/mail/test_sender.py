"""Who may send as what: decided from the one From, with what the table of senders holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.address import Address, parse_address
from relay.mail.message import BytesBody, Message
from relay.mail.reply import Refusal
from relay.mail.sender import Admitted, Verified, admit, mentioned

KNOWN = Verified(frozenset({"info@bakker.example"}), frozenset({"whole.example"}))


def message(header: str) -> Message:
    return Message.parse(header.encode(), BytesBody(b""))


@pytest.mark.parametrize("address", ["info@bakker.example", "INFO@Bakker.Example.", "anyone@whole.example"])
def test_a_verified_author_is_admitted(address: str) -> None:
    admitted = admit(message(f"From: Jan <{address}>\r\n"), KNOWN)
    assert isinstance(admitted, Admitted)
    assert admitted.author.name == "Jan"
    assert admitted.author.address == parse_address(address)
    assert admitted.events == ()


@pytest.mark.parametrize(
    "address", ["other@bakker.example", "a@sub.whole.example", "info+x@bakker.example", "a@example"]
)
def test_everybody_else_must_be_confirmed_first(address: str) -> None:
    assert admit(message(f"From: {address}\r\n"), KNOWN) == Refusal(
        550, "5.7.1", "sender.unverified", {"address": address}, confirm=parse_address(address)
    )


def test_an_address_literal_cannot_be_confirmed() -> None:
    refusal = admit(message("From: Jan <info@[192.0.2.1]>\r\n"), KNOWN)
    assert isinstance(refusal, Refusal)
    assert (refusal.topic, refusal.params["address"]) == ("sender.unverified", "info@[192.0.2.1]")
    assert refusal.confirm is None


def test_what_is_not_one_address_is_refused_before_anything_is_looked_up() -> None:
    topics = {
        "Subject: x\r\n": "from.missing",
        "From: info@bakker.example\r\nfrom : info@bakker.example\r\n": "from.several",
        "From:\r\n": "address.empty",
        "From: (nobody)\r\n": "address.empty",
        "From: <>\r\n": "address.empty",
        "From: info@bakker.example, info@bakker.example\r\n": "from.multiple",
        "From: info@bakker.example,\r\n": "from.multiple",
        "From: a: info@bakker.example;\r\n": "from.group",
        "From: a@b.example; <info@bakker.example>\r\n": "address.phrase",
        "From: a@b.example; info@bakker.example\r\n": "address.semicolon",
        'From: "x", a@b <info@bakker.example>\r\n': "from.multiple",
        "From: mailto:info@bakker.example\r\n": "address.local",
    }
    for header, topic in topics.items():
        refusal = admit(message(header), KNOWN)
        assert isinstance(refusal, Refusal)
        assert (refusal.topic, refusal.code, refusal.enhanced) == (topic, 550, "5.6.0")
        assert refusal.confirm is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Jansen, Jan", "Jansen, Jan"),
        ("a@b.example", "a@b.example"),
        ('"Bakker", Zn', "Bakker, Zn"),
        ("Jan [werk]", "Jan [werk]"),
        ("Jan (werk), Piet", "Jan  , Piet"),
        ("=?utf-8?Q?a,b?=", "=?utf-8?Q?a,b?="),
    ],
)
def test_a_name_is_repaired(text: str, name: str) -> None:
    admitted = admit(message(f"From: {text} <info@bakker.example>\r\n"), KNOWN)
    assert isinstance(admitted, Admitted)
    assert admitted.author.name == name
    assert admitted.events == ("from_repaired",)


def test_a_non_ascii_local_part_needs_smtputf8() -> None:
    header = message("From: müller@whole.example\r\n")
    refusal = admit(header, KNOWN)
    assert isinstance(refusal, Refusal)
    assert (refusal.topic, refusal.enhanced) == ("address.smtputf8", "5.6.7")
    admitted = admit(header, KNOWN, smtputf8=True)
    assert isinstance(admitted, Admitted)
    assert admitted.author.address == Address("müller", "whole.example")


def test_mentioned_is_everything_that_verification_decides_on() -> None:
    found = mentioned(
        message(
            "From: a@x.example\r\nReply-To: T: b@x.example, C <c@x.example>;\r\nReply-To: d@x.example\r\n"
            "Disposition-Notification-To: e@x.example\r\nReturn-Receipt-To: <f@x.example>\r\n"
            "Errors-To: g@x.example\r\nErrors-To: not-looked-at@x.example\r\nTo: h@x.example\r\nCc: i@x.example\r\n"
            "Sender: j@x.example\r\n"
        )
    )
    assert sorted(address.local for address in found) == list("abcdefg")


def test_no_number_of_other_addresses_hides_one_that_decides() -> None:
    """An owner's refusal only counts for an address that is looked up."""
    many = ", ".join(f"a{number}@x.example" for number in range(50))
    found = mentioned(message(f"From: a@x.example\r\nErrors-To: {many}\r\nReply-To: no@x.example\r\n"))
    assert Address("no", "x.example") in found


def test_mentioned_skips_what_cannot_be_read() -> None:
    header = "From: a@x.example, b@x.example\r\nReply-To: <c@x.example\r\nErrors-To: d@x.example\r\n"
    assert mentioned(message(header)) == {Address("d", "x.example")}


def test_mentioned_is_bounded() -> None:
    many = "".join(f"Reply-To: {', '.join(f'a{n}.{m}@x.example' for m in range(50))}\r\n" for n in range(40))
    assert len(mentioned(message(f"From: a@x.example\r\n{many}"))) <= 150


@given(
    st.sampled_from(["a@x.example", "b@x.example", "A@X.example", "a@y.example"]),
    st.sets(st.sampled_from(["a@x.example", "b@x.example", "a@y.example"])),
    st.sets(st.sampled_from(["x.example", "y.example"])),
)
def test_admitted_if_and_only_if_verified(author: str, addresses: set[str], domains: set[str]) -> None:
    known = Verified(frozenset(addresses), frozenset(domains))
    expected = author.lower() in addresses or author.lower().partition("@")[2] in domains
    assert isinstance(admit(message(f"From: {author}\r\n"), known), Admitted) is expected

"""Documents (rules F): what a message is, whom it reaches, what never leaves the company, what the header says."""

from __future__ import annotations

import email
from email import policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.mail.address import Address, parse_address
from relay.mail.attachment import attachment_names
from relay.mail.document import (
    BUILT_IN,
    Addressed,
    Card,
    Guard,
    Handling,
    Pattern,
    Rule,
    Unticked,
    address_document,
    document_of,
)
from relay.mail.message import BytesBody, Message
from relay.mail.readdress import readdress
from relay.mail.reply import Refusal

A, B, C = (parse_address(f"{name}@customer.example") for name in "abc")
STORE, DEPOT, BOSS = (parse_address(f"{name}@bakker.example") for name in ("magazijn", "depot", "baas"))


def message(header: str = "", body: bytes = b"x\r\n") -> Message:
    return Message.parse(header.encode(), BytesBody(body))


def texts(addresses: tuple[Address, ...]) -> list[str]:
    return [str(address) for address in addresses]


# ---- what it is -----------------------------------------------------------------------------------------------------

PATTERNS = (
    Pattern("subject", "*werkbon*", "work-order"),
    Pattern("attachment", "pakbon-????.pdf", "packing-slip"),
    Pattern("subject", "offerte *", "quote"),
)
PDF = b'--x\r\nContent-Type: application/pdf;\r\n name="%s"\r\n\r\nAAAA\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ("", b"", "invoice"),
        ("X-Relay-Document:  Quote \r\n", b"", "quote"),
        ("X-Relay-Document: quote\r\nSubject: werkbon 7\r\n", b"", "quote"),
        ("Subject: Uw WERKBON 7\r\n", b"", "work-order"),
        ("Subject: =?utf-8?b?V0VSS0JPTiA3?=\r\n", b"", "work-order"),
        ("Subject: Offerte 12\r\n", b"", "quote"),
        ("Subject: Offerte\r\n", b"", "invoice"),
        ("Subject: Offerte 12\r\n", PDF % b"pakbon-0012.pdf", "packing-slip"),
        ("Subject: x\r\n", PDF % b"pakbon-12.pdf", "invoice"),
        ("Subject: x\r\n", b'<input name="pakbon-0012.pdf">\r\n', "invoice"),
    ],
)
def test_the_type(header: str, body: bytes, expected: str) -> None:
    found = message(header, body)
    assert document_of(found, BUILT_IN, "invoice", PATTERNS, lambda: attachment_names(found.body)) == expected


def test_a_type_that_does_not_exist_is_named_with_those_that_do() -> None:
    refusal = document_of(message("X-Relay-Document: parking slip\r\n"), BUILT_IN, "invoice")
    assert isinstance(refusal, Refusal)
    assert refusal.params["document"] == "parking slip"
    assert "packing-slip" in refusal.params["known"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b'Content-Disposition: attachment; filename="a b.pdf"', ["a b.pdf"]),
        (b"content-type: image/png; name=logo.png; x=y", ["logo.png"]),
        (b'Content-Disposition: attachment;\r\n\tfilename="=?utf-8?b?w6kucGRm?="', ["é.pdf"]),
        (b"Content-Disposition: attachment; filename*=utf-8''%e2%82%ac%20rates.pdf", ["€ rates.pdf"]),
        (b"Content-Disposition: attachment; filename*=klingon''%e2%82%ac.pdf", ["€.pdf"]),
        (b'Content-Disposition: attachment;\r\n filename*0="werk";\r\n filename*1="bon.pdf"', ["werkbon.pdf"]),
        (b"Content-Disposition: attachment; filename*1*=%62on.pdf; filename*0*=utf-8''werk", ["werkbon.pdf"]),
        (b"Content-Disposition: inline", []),
        (b"X-Content-Type: text/plain; name=x", []),
    ],
)
def test_names_of_attachments(field: bytes, expected: list[str]) -> None:
    assert attachment_names(BytesBody(b"--x\r\n" + field + b"\r\n\r\nbody\r\n")) == expected


@given(st.binary(max_size=300))
def test_any_octets_have_names_or_none(octets: bytes) -> None:
    attachment_names(BytesBody(b"Content-Type: x; name*=" + octets))
    attachment_names(BytesBody(octets))


# ---- whom it reaches ------------------------------------------------------------------------------------------------

RULES = {
    "invoice": Rule(cc=(BOSS,)),
    "work-order": Rule(to=(STORE,), cc=(DEPOT,)),
    "packing-slip": Rule(to=(STORE,), bcc=(BOSS,), guard=Guard.REDIRECT),
    "quote": Rule(to=(STORE,), guard=Guard.REDIRECT),
    "confirmation": Rule(bcc=(DEPOT,)),
}
CARDS = {
    A.key: Card(frozenset({"invoice"}), also_to=(B,), cc=(C,)),
    B.key: Card(frozenset({"quote"})),
    C.key: Card(frozenset()),
}
HANDLING = Handling(RULES, cards=CARDS)
SKIPPING = Handling(RULES, cards=CARDS, unticked=Unticked.SKIP)
OTHER = parse_address("x@other.example")


def addressed(document: str, given_paths: tuple[Address, ...], handling: Handling) -> Addressed | Refusal:
    return address_document(document, BUILT_IN[document], given_paths, handling)


@pytest.mark.parametrize(
    ("document", "given_paths", "handling", "reached", "to", "cc"),
    [
        ("invoice", (OTHER,), Handling(), [OTHER], [], []),
        ("invoice", (OTHER,), HANDLING, [OTHER, BOSS], [], [BOSS]),
        ("invoice", (A, OTHER), HANDLING, [A, OTHER, B, BOSS, C], [B], [BOSS, C]),
        ("confirmation", (OTHER,), HANDLING, [OTHER, DEPOT], [], []),
        ("invoice", (A, C), SKIPPING, [A, B, BOSS, C], [B], [BOSS, C]),  # C is skipped, and gets A's copy
        ("work-order", (STORE,), HANDLING, [STORE, DEPOT], [STORE], [DEPOT]),
        ("packing-slip", (OTHER, A), HANDLING, [STORE, BOSS], [STORE], []),
        ("quote", (OTHER,), HANDLING, [STORE], [STORE], []),
    ],
)
def test_recipients(document, given_paths, handling, reached, to, cc) -> None:
    found = addressed(document, given_paths, handling)
    assert isinstance(found, Addressed)
    assert (list(found.forward_paths), list(found.to), list(found.cc)) == (reached, to, cc)
    assert found.redirected == (document in {"packing-slip", "quote"})


@pytest.mark.parametrize(
    ("document", "given_paths", "handling", "topic"),
    [
        ("packing-slip", (STORE,), Handling(), "document.internal_only"),
        ("work-order", (STORE, OTHER), HANDLING, "document.outside"),
        ("confirmation", (A,), HANDLING, "document.unticked"),
        ("confirmation", (OTHER, A), HANDLING, "document.unticked"),
        ("confirmation", (A, C), SKIPPING, "document.unticked"),  # nobody is left
    ],
)
def test_refusals_name_the_recipient(document, given_paths, handling, topic) -> None:
    refusal = addressed(document, given_paths, handling)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.enhanced, refusal.topic) == (550, "5.7.1", topic)
    if topic != "document.internal_only":
        assert refusal.params["address"] in texts(given_paths)


def test_a_guard_can_be_lifted_by_the_tenant() -> None:
    handling = Handling({"work-order": Rule(to=(STORE,), guard=Guard.OFF)})
    found = addressed("work-order", (OTHER,), handling)
    assert isinstance(found, Addressed)
    assert found.forward_paths == (OTHER, STORE)


EVERYONE = st.sampled_from((A, B, C, OTHER, STORE, DEPOT, BOSS, parse_address("MAGAZIJN@bakker.example")))
SOME = st.lists(EVERYONE, max_size=4).map(tuple)
ANY_RULE = st.builds(Rule, SOME, SOME, SOME, st.sampled_from((None, Guard.REFUSE, Guard.REDIRECT)))
ANY_CARD = st.builds(Card, st.none() | st.frozensets(st.sampled_from(tuple(BUILT_IN))), SOME, SOME)
ANY_HANDLING = st.builds(
    Handling,
    st.dictionaries(st.sampled_from(tuple(BUILT_IN)), ANY_RULE),
    st.just(()),
    st.dictionaries(EVERYONE.map(lambda address: address.key), ANY_CARD),
    st.sampled_from(Unticked),
    st.none() | EVERYONE,
)


@settings(max_examples=500)
@given(st.sampled_from(("packing-slip", "work-order")), st.lists(EVERYONE, min_size=1, max_size=5), ANY_HANDLING)
def test_what_stays_inside_reaches_fixed_addresses_only(document: str, paths: list[Address], handling) -> None:
    rule = handling.rules.get(document, Rule())
    found = addressed(document, tuple(paths), handling)
    if isinstance(found, Addressed):
        fixed = {address.key for address in (*rule.to, *rule.cc, *rule.bcc)}
        assert {address.key for address in (*found.forward_paths, *found.to, *found.cc)} <= fixed
        assert found.copy_to is None


@settings(max_examples=300)
@given(st.sampled_from(tuple(BUILT_IN)), st.lists(EVERYONE, min_size=1, max_size=5), ANY_HANDLING)
def test_nobody_is_left_out_unsaid_or_reached_twice(document: str, paths: list[Address], handling) -> None:
    found = addressed(document, tuple(paths), handling)
    if isinstance(found, Addressed):
        keys = [address.key for address in found.forward_paths]
        assert len(keys) == len(set(keys)) > 0
        if not found.redirected:
            assert {path.key for path in paths} <= {*keys, *(path.key for path in found.skipped)}


# ---- what the header says -------------------------------------------------------------------------------------------


def header_after(header: str, found: Addressed) -> tuple[str, list[tuple[str, str]]]:
    done, changes = readdress(message(header), found)
    return done.header.decode(), [(change.field, change.reason) for change in changes]


@pytest.mark.parametrize(
    ("before", "to", "cc", "after"),
    [
        ("To: k@h.example\r\n", (), (), "To: k@h.example\r\n"),
        ("To: k@h.example\r\n", (A,), (), "To: k@h.example,\r\n a@customer.example\r\n"),
        ("to:  Kees\r\n <k@h.example>, \r\n", (A,), (), "to:  Kees\r\n <k@h.example>,\r\n a@customer.example\r\n"),
        ("Subject: x\r\n", (A, B), (), "Subject: x\r\nTo: a@customer.example,\r\n b@customer.example\r\n"),
        ("To: A@Customer.example\r\n", (A,), (A, B), "To: A@Customer.example\r\nCc: b@customer.example\r\n"),
        ("To: x:;\r\n", (A,), (), "To: x:;,\r\n a@customer.example\r\n"),
        ("To:\r\n", (A,), (), "To: a@customer.example\r\n"),
        ("To: not an address\r\n", (A,), (B,), "To: not an address\r\nCc: b@customer.example\r\n"),
    ],
)
def test_further_recipients_stand_behind_the_others(before, to, cc, after) -> None:
    assert header_after(before, Addressed((A,), to, cc))[0] == after


@pytest.mark.parametrize(
    ("before", "to", "cc", "after"),
    [
        ("To: k@h.example\r\nCc: l@h.example\r\n", (A,), (B,), "To: a@customer.example\r\nCc: b@customer.example\r\n"),
        ("To: k@h.example\r\nCc: l@h.example\r\n", (A,), (), "To: a@customer.example\r\n"),
        ("Cc: l@h.example\r\nTo: garbage here\r\n", (), (B,), "To: b@customer.example\r\n"),
        ("To: k@h.example\r\n", (), (), ""),
    ],
)
def test_redirected_mail_names_the_fixed_recipients_only(before, to, cc, after) -> None:
    header, changes = header_after(before, Addressed((A,), to, cc, redirected=True))
    assert header == after
    assert {reason for _, reason in changes} == {"redirect"}


@given(
    st.lists(st.sampled_from(("k@h.example", "Kees <k@h.example>", '"a,b" <x@y.example>', "g: a@b.example;"))),
    st.lists(EVERYONE, min_size=1, max_size=4),
)
def test_the_standard_library_reads_everyone(before: list[str], further: list[Address]) -> None:
    done, _ = readdress(message(f"To: {', '.join(before)}\r\n"), Addressed((A,), tuple(further)))
    parsed = email.message_from_bytes(done.header + b"\r\n", policy=policy.default)
    assert {address.key for address in further} <= {
        Address(each.username, each.domain).key for each in parsed["To"].addresses
    }

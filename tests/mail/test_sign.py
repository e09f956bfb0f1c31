"""Signatures against two verifiers that share nothing with the signer: dkimpy, and a naive one written here."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from contextlib import suppress

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.mail.message import BytesBody, Message
from relay.mail.sign import SIGNED_FIELDS, BodyHash, SigningKey, key_record, load_key, sign
from relay.mail.zone_line import txt_strings

DOMAIN = "customers.platform.example"
RSA = SigningKey(DOMAIN, "r1", "rsa-sha256", rsa.generate_private_key(65537, 2048))
ED25519 = SigningKey(DOMAIN, "e1", "ed25519-sha256", ed25519.Ed25519PrivateKey.generate())
KEYS = {key.record_name: key for key in (RSA, ED25519)}

HEADER = (
    b'From: "Bakker B.V." <mail@customers.platform.example>\r\n'
    b'Reply-To: "Bakker B.V." <info@bakker.example>\r\n'
    b"Received: from app (app [192.0.2.1])\r\n\tby relay; Tue, 24 Nov 2026 07:47:45 +0000\r\n"
    b"To:   Customer  <a@customer.example>,\r\n\tb@customer.example \r\n"
    b"Subject: Factuur\t 2026-0001\r\n"
    b"Date: Tue, 24 Nov 2026 07:47:45 +0000\r\n"
    b"Message-ID: <1@bakker.example>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain;\r\n charset=utf-8\r\n"
    b"X-App: 7\r\n"
)
BODY = b"Hello,  \r\n\r\nyour invoice\t is   attached.\r\n\r\n\r\n"


def body_hash(body: bytes) -> bytes:
    hashed = BodyHash()
    hashed.update(body)
    return hashed.digest()


def signed(header: bytes = HEADER, body: bytes = BODY, *keys: SigningKey) -> bytes:
    message = sign(
        Message.parse(header, BytesBody(body)), keys or (RSA, ED25519), body_hash=body_hash(body), now=1764000000
    )
    return message.header + b"\r\n" + body


# ---- dkimpy --------------------------------------------------------------------------------------------------------


def published(name: bytes, timeout: int = 5) -> bytes | None:
    key = KEYS.get(name.decode().rstrip("."))
    return key_record(key).encode() if key else None


def dkimpy_accepts(octets: bytes, index: int = 0) -> bool:
    return bool(dkim.DKIM(octets).verify(idx=index, dnsfunc=published))


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_dkimpy_accepts_each_signature(key):
    assert dkimpy_accepts(signed(HEADER, BODY, key))


def test_both_signatures_of_one_message_stand_by_themselves():
    octets = signed()
    assert [dkimpy_accepts(octets, index) for index in (0, 1)] == [True, True]
    assert [tags["a"] for _, tags, _ in signatures(octets)] == ["rsa-sha256", "ed25519-sha256"]


MUTATIONS = {
    "second From on top": lambda octets: b"From: ceo@bank.example\r\n" + octets,
    "second From below": lambda octets: octets.replace(b"X-App: 7\r\n", b"From: ceo@bank.example\r\n"),
    "From changed": lambda octets: octets.replace(b"Bakker B.V.", b"Dekker B.V.", 1),
    "Subject changed": lambda octets: octets.replace(b"2026-0001", b"2026-0002"),
    "second Subject": lambda octets: b"Subject: Win\r\n" + octets,
    "Reply-To changed": lambda octets: octets.replace(b"<info@bakker", b"<info@dekker"),
    "second Reply-To": lambda octets: b"Reply-To: thief@evil.example\r\n" + octets,
    "Cc added": lambda octets: octets.replace(b"X-App: 7\r\n", b"Cc: c@customer.example\r\n"),
    "To dropped an address": lambda octets: octets.replace(b"\tb@customer.example \r\n", b"\tc@customer.example\r\n"),
    "List-Unsubscribe added": lambda octets: b"List-Unsubscribe: <https://evil.example/>\r\n" + octets,
    "Content-Type changed": lambda octets: octets.replace(b"text/plain", b"text/html"),
    "transfer encoding added": lambda octets: b"Content-Transfer-Encoding: base64\r\n" + octets,
    "body changed": lambda octets: octets.replace(b"attached", b"detached"),
    "body longer": lambda octets: octets + b"P.S. pay here instead\r\n",
    "body line split": lambda octets: octets.replace(b"your invoice", b"your\r\ninvoice"),
    "algorithm swapped": lambda octets: octets.replace(b"t=1764000000", b"t=1764000001"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_changed_message_is_not_accepted(name):
    octets = signed()
    changed = MUTATIONS[name](octets)
    assert changed != octets
    assert not any(verdicts(changed))
    for index in (0, 1):
        with suppress(dkim.DKIMException):  # dkimpy raises for a few of them
            assert not dkimpy_accepts(changed, index)


@pytest.mark.parametrize(
    "change",
    [
        lambda octets: octets.replace(b"X-App: 7", b"X-App: 8"),
        lambda octets: b"Received: from next (next [192.0.2.9])\r\n" + octets,
        lambda octets: octets.replace(b"To:   Customer  <a", b"tO: Customer <a"),
        lambda octets: octets.replace(b"Hello,  ", b"Hello,") + b"\r\n\r\n",
    ],
    ids=["unsigned field", "trace field", "white space and case", "trailing blanks"],
)
def test_what_relaxed_canonical_form_allows_is_accepted(change):
    octets = signed()
    assert change(octets) != octets
    assert verdicts(change(octets)) == [True, True]
    assert dkimpy_accepts(change(octets))


# ---- an independent, naive verifier --------------------------------------------------------------------------------


def verdicts(octets: bytes) -> list[bool]:
    return [verify(octets, raw, tags) for _, tags, raw in signatures(octets)]


def signatures(octets: bytes) -> list[tuple[str, dict[str, str], bytes]]:
    found = []
    for raw in split_header(octets):
        name, _, value = raw.partition(b":")
        if name.lower() == b"dkim-signature":
            pairs = [part.partition("=") for part in value.decode().split(";") if part.strip()]
            tags = {key.strip(): re.sub(r"\s", "", text) for key, _, text in pairs}
            found.append((name.decode(), tags, raw))
    return found


def split_header(octets: bytes) -> list[bytes]:
    header = octets.partition(b"\r\n\r\n")[0] + b"\r\n"
    return re.findall(rb"[^ \t\r\n][^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", header)


def naive_body(body: bytes) -> bytes:
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    lines = body.split(b"\r\n")[:-1]
    clean = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while clean and clean[-1] == b"":
        clean.pop()
    return b"".join(line + b"\r\n" for line in clean)


def naive_field(raw: bytes) -> bytes:
    name, _, value = raw.partition(b":")
    unfolded = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b""))
    return name.strip().lower() + b":" + unfolded.strip(b" ")


def verify(octets: bytes, signature: bytes, tags: dict[str, str]) -> bool:
    body = octets.partition(b"\r\n\r\n")[2]
    if hashlib.sha256(naive_body(body)).digest() != b64decode(tags["bh"]):
        return False
    left = [raw for raw in split_header(octets) if raw is not signature]
    covered = []
    for name in tags["h"].lower().split(":"):
        for place in range(len(left) - 1, -1, -1):
            if left[place].partition(b":")[0].strip().lower().decode("latin-1") == name:
                covered.append(naive_field(left.pop(place)) + b"\r\n")
                break
    covered.append(naive_field(re.sub(rb"(;\s*b=)[^;]*", rb"\1", signature)))
    value = key_record(KEYS[f"{tags['s']}._domainkey.{tags['d']}"])
    record = dict(part.strip().split("=", 1) for part in value.split(";"))
    return check(record, b64decode(tags["b"]), b"".join(covered))


def check(record: dict[str, str], signature: bytes, data: bytes) -> bool:
    raw = b64decode(record["p"])
    try:
        if record["k"] == "ed25519":
            key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
            key.verify(signature, hashlib.sha256(data).digest())
        else:
            serialization.load_der_public_key(raw).verify(signature, data, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


PIECES = st.sampled_from([b"\r\n", b" ", b"\t", b"  ", b".", b"a", b"Factuur", b"\xc3\xa9", b"=\r\n", b" \t \r\n"])
BODIES = st.lists(PIECES, max_size=40).map(b"".join)


@given(BODIES)
@settings(max_examples=300, deadline=None)
def test_any_body_verifies_with_the_naive_verifier(body):
    assert verdicts(signed(HEADER, body, ED25519)) == [True]


@given(BODIES)
@settings(max_examples=300, deadline=None)
def test_the_body_hash_is_that_of_the_naive_canonical_form(body):
    assert body_hash(body) == hashlib.sha256(naive_body(body)).digest()


@given(st.lists(PIECES, max_size=20).map(b"".join), st.booleans())
@settings(max_examples=100, deadline=None)
def test_dkimpy_agrees_on_bodies_that_end_with_a_line_end(body, closed):
    octets = signed(HEADER, body + b"\r\n" if closed else b"", ED25519)
    assert dkimpy_accepts(octets)


RAW_BODIES = st.one_of(
    BODIES, st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"\t", b"x"]), max_size=30).map(b"".join)
)


@given(RAW_BODIES, st.data())
@settings(max_examples=500, deadline=None)
def test_where_chunks_are_cut_makes_no_difference(body, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    hashed = BodyHash()
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        hashed.update(body[start:end])
    assert hashed.digest() == body_hash(body)


def test_a_bare_cr_or_lf_is_content():
    for body in (b"a\r", b"a\n", b"\r", b"\n\r\n\r", b"a \r b\r\n", b"a\r\n\r\r\n", b"\r\n \n"):
        assert body_hash(body) == hashlib.sha256(naive_body(body)).digest(), body


def test_the_empty_body_has_the_hash_of_nothing():
    # RFC 6376 3.4.4
    for body in (b"", b"\r\n", b" \t\r\n\r\n", b"  "):
        assert body_hash(body) == hashlib.sha256(b"").digest()


def test_large_bodies_are_hashed_over_block_borders():
    for line in (b"\r\n", b" \t", b"x  \r\n", b"A" * 76 + b"\r\n"):
        body = line * (400_000 // len(line)) + b"end"
        assert body_hash(body) == hashlib.sha256(naive_body(body)).digest()


# ---- the field itself ----------------------------------------------------------------------------------------------


def test_every_field_of_the_list_is_signed_once_more_than_it_occurs():
    tags = signatures(signed())[0][1]
    names = tags["h"].lower().split(":")
    present = {"from", "reply-to", "to", "subject", "date", "message-id", "mime-version", "content-type"}
    assert {name: names.count(name) for name in names} == {
        name.lower(): 2 if name.lower() in present else 1 for name in SIGNED_FIELDS
    }
    assert tags["c"] == "relaxed/relaxed"
    assert tags["t"] == "1764000000"
    assert "l" not in tags


def test_lines_stay_within_78_characters():
    assert max(len(line) for _, _, raw in signatures(signed()) for line in raw.split(b"\r\n")) <= 78


NAMES = st.sampled_from([b"From", b"from ", b"SUBJECT", b"To", b"X-Odd", b"DKIM-Signature", b"Content-Type\t"])
VALUES = st.lists(
    st.sampled_from([b"a", b" ", b"\t", b"\r\n ", b"\r\n\t", b"\xe9", b";", b"=", b":", b"b="]), max_size=12
).map(b"".join)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
@settings(max_examples=300, deadline=None)
def test_whatever_can_be_parsed_can_be_signed(pairs):
    header = b"".join(name + b":" + value + b"\r\n" for name, value in pairs if name != b"DKIM-Signature")
    octets = signed(header, BODY, ED25519)
    assert octets.endswith(header + b"\r\n" + BODY)
    assert verdicts(octets) == [True]


# ---- keys ----------------------------------------------------------------------------------------------------------


def pem(key, password: bytes | None = None) -> bytes:
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_a_key_is_read_from_pem(key):
    loaded = load_key(pem(key.key), domain=DOMAIN, selector=key.selector, algorithm=key.algorithm)
    assert key_record(loaded) == key_record(key) == key_record(key.key.public_key())


@pytest.mark.parametrize(
    ("octets", "selector", "algorithm", "words"),
    [
        (pem(ED25519.key), "r1", "rsa-sha256", "rsa-sha256 needs an RSA key, and this is an Ed25519 key"),
        (pem(RSA.key), "e1", "ed25519-sha256", "needs an Ed25519 key, and this is an RSA key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "r1", "rsa-sha256", "a key of another kind"),
        (pem(rsa.generate_private_key(65537, 1024)), "r1", "rsa-sha256", "1024 bits, and at least 2048"),
        (pem(RSA.key, b"secret"), "r1", "rsa-sha256", "encrypted"),
        (b"no key", "r1", "rsa-sha256", "not a private key in PEM format"),
        (b"", "r1", "rsa-sha256", "not a private key in PEM format"),
        (pem(RSA.key), "r1", "rsa-sha1", "not one of rsa-sha256, ed25519-sha256"),
        (pem(RSA.key), "r1; l=0", "rsa-sha256", "selector 'r1; l=0' is not a DNS name"),
        (pem(RSA.key), "", "rsa-sha256", "selector '' is not a DNS name"),
    ],
)
def test_an_unfit_key_is_refused_with_the_reason(octets, selector, algorithm, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        load_key(octets, domain=DOMAIN, selector=selector, algorithm=algorithm)


def test_a_txt_value_is_split_in_strings_of_255_octets():
    value = key_record(RSA)
    strings = txt_strings(value)
    assert "".join(strings) == value
    assert [len(text) for text in strings[:-1]] == [255]
    assert txt_strings("") == ("",)

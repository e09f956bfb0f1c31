"""TLSA records against certificates."""

from __future__ import annotations

import hashlib

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.tlsa import Tlsa, read_tlsa, record_of

CA = trustme.CA()
LEAF = load_pem_x509_certificate(CA.issue_cert("mail.example.nl").cert_chain_pems[0].bytes())
ROOT = load_pem_x509_certificate(CA.cert_pem.bytes())
CHAIN = (LEAF.public_bytes(Encoding.DER), ROOT.public_bytes(Encoding.DER))
KEYS = [each.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in (LEAF, ROOT)]
SHA256 = [hashlib.sha256(key).hexdigest() for key in KEYS]


def numbered(_value: object) -> str:
    """Keys are made anew in each process, so no test may be named after one."""
    return "x"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (f"3 1 1 {SHA256[0]}", True),
        (f"3 1 1 {SHA256[0].upper()}", True),
        (f"3 1 1 {SHA256[0][:40]} {SHA256[0][40:]}", True),
        (f"1 1 1 {SHA256[0]}", True),
        (f"3 1 2 {hashlib.sha512(KEYS[0]).hexdigest()}", True),
        (f"3 0 1 {hashlib.sha256(CHAIN[0]).hexdigest()}", True),
        (f"3 1 0 {KEYS[0].hex()}", True),
        (f"3 0 0 {CHAIN[0].hex()}", True),
        (f"2 1 1 {SHA256[1]}", True),
        (f"0 1 1 {SHA256[1]}", True),
        (f"2 0 2 {hashlib.sha512(CHAIN[1]).hexdigest()}", True),
        (f"3 1 1 {SHA256[1]}", False),  # the key of the authority is not the server's own
        (f"2 1 1 {SHA256[0]}", False),
        (f"3 0 1 {SHA256[0]}", False),
        (f"3 1 1 {'00' * 32}", False),
    ],
    ids=numbered,
)
def test_matching(record, expected) -> None:
    tlsa = read_tlsa(record)
    assert tlsa is not None
    assert tlsa.is_well_formed
    assert tlsa.matches(CHAIN) is expected


@pytest.mark.parametrize(
    ("record", "well_formed", "usable"),
    [
        (f"3 1 1 {SHA256[0]}", True, True),
        (f"2 0 2 {'ab' * 64}", True, True),
        (f"0 0 1 {SHA256[0]}", True, False),
        (f"1 0 1 {SHA256[0]}", True, False),
        (f"4 1 1 {SHA256[0]}", False, False),
        (f"255 1 1 {SHA256[0]}", False, False),
        (f"3 2 1 {SHA256[0]}", False, False),
        (f"3 1 3 {SHA256[0]}", False, False),
        ("3 1 1 abcd", False, False),
        (f"3 1 2 {SHA256[0]}", False, False),
    ],
    ids=numbered,
)
def test_what_mail_servers_take(record, well_formed, usable) -> None:
    tlsa = read_tlsa(record)
    assert tlsa is not None
    assert (tlsa.is_well_formed, tlsa.is_usable) == (well_formed, usable)
    assert str(tlsa) == record


@pytest.mark.parametrize("text", ["", "3 1 1", "3 1 1 abc", "3 1 abcd", "x 1 1 abcd", "3 1 1 zz", "3333 1 1 ab"])
def test_what_is_no_record(text) -> None:
    assert read_tlsa(text) is None


def test_the_record_of_a_certificate() -> None:
    assert str(record_of(CHAIN[0])) == f"3 1 1 {SHA256[0]}"
    assert record_of(b"no certificate") is None
    assert not Tlsa(3, 1, 1, bytes(32)).matches([b"no certificate"])
    assert not Tlsa(3, 1, 1, bytes(32)).matches([])


@given(st.text(max_size=80))
def test_any_text_can_be_read(text) -> None:
    read_tlsa(text)

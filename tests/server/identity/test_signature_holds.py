"""H06: what the intake signed cannot be added to. Verified by dkimpy, with keys in DNS as the zone would hold them."""

from __future__ import annotations

import re
from base64 import b64encode

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from relay.mail.sign import load_key

DOMAIN = "customers.platform.example"
RSA, ED25519 = rsa.generate_private_key(65537, 2048), Ed25519PrivateKey.generate()
HEADER = (
    "From: Jan <info@bakker.example>\r\nTo: klant@customer.example\r\nSubject: Factuur 12\r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
)
BODY = b"Beste klant,\r\n"
PEM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
KEYS = [
    load_key(RSA.private_bytes(*PEM), domain=DOMAIN, selector="r1", algorithm="rsa-sha256"),
    load_key(ED25519.private_bytes(*PEM), domain=DOMAIN, selector="e1", algorithm="ed25519-sha256"),
]
ZONE = {
    b"r1": ("rsa", RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    b"e1": ("ed25519", ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
}

MUTATIONS = {
    "a second From on top": (b"^", b"From: ceo@bank.example\r\n"),
    "a second From at the end": (b"$", b"From: ceo@bank.example\r\n"),
    "a second Reply-To": (b"$", b"Reply-To: ceo@bank.example\r\n"),
    "a second Subject": (b"$", b"Subject: pay at once\r\n"),
    "a second To": (b"$", b"To: somebody@else.example\r\n"),
    "a Cc where there was none": (b"$", b"Cc: somebody@else.example\r\n"),
    "a second Date": (b"$", b"Date: Tue, 01 Jan 2030 00:00:00 +0000\r\n"),
    "a second Message-ID": (b"$", b"Message-ID: <other@bank.example>\r\n"),
    "a second MIME-Version": (b"$", b"MIME-Version: 1.0\r\n"),
    "a second Content-Type": (b"$", b"Content-Type: text/html; boundary=x\r\n"),
    "a Content-Transfer-Encoding": (b"$", b"Content-Transfer-Encoding: base64\r\n"),
    "a List-Unsubscribe": (b"$", b"List-Unsubscribe: <https://bank.example/>\r\n"),
    "another word in the Subject": (b"Factuur 12", b"Factuur 13"),
    "another name in From": (b"bakker B.V.", b"Bank"),
}


def published(name: bytes, timeout: int = 0) -> bytes:
    """The TXT record of a selector."""
    kind, octets = ZONE[name.partition(b".")[0]]
    return f"v=DKIM1; k={kind}; p={b64encode(octets).decode()}".encode()


def verdicts(message: bytes) -> list[bool]:
    """Whether each signature verifies."""
    return [verifies(message, number) for number in range(2)]


def verifies(message: bytes, number: int) -> bool:
    """Whether one of the signatures verifies."""
    try:
        return bool(dkim.DKIM(message).verify(number, dnsfunc=published))
    except dkim.ValidationError:
        return False


@pytest.fixture
async def signed(make_desk) -> bytes:
    """A header as it left the intake."""
    desk = make_desk(KEYS)
    reply = await desk.submit(HEADER, body=BODY)
    assert reply.code == 250
    header: bytes = desk.left().message.header
    assert verdicts(header + b"\r\n" + BODY) == [True, True]
    return header


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_neither_signature_outlives_a_change(signed: bytes, mutation: str) -> None:
    place, octets = MUTATIONS[mutation]
    changed = {b"^": octets + signed, b"$": signed + octets}.get(place) or signed.replace(place, octets)
    assert changed != signed
    assert verdicts(changed + b"\r\n" + BODY) == [False, False]


async def test_a_changed_or_longer_body_verifies_with_neither(signed: bytes) -> None:
    assert verdicts(signed + b"\r\n" + BODY.replace(b"klant", b"kalnt")) == [False, False]
    assert verdicts(signed + b"\r\n" + BODY + b"and pay here\r\n") == [False, False]  # no l= (RFC 6376 8.2)


async def test_trace_fields_of_others_do_no_harm(signed: bytes) -> None:
    above = b"Received: from relay by mx.customer.example; Tue, 24 Nov 2026 09:00:00 +0000\r\n"
    assert verdicts(above + signed + b"\r\n" + BODY) == [True, True]


async def test_what_is_ours_to_say_is_taken_out(make_desk) -> None:
    desk = make_desk(KEYS)
    theirs = (
        "Bcc: v@x.example\r\nReturn-Path: <v@x.example>\r\nSender: v@x.example\r\nResent-Bcc: v@x.example\r\n"
        "DKIM-Signature: v=1; d=bank.example\r\nDomainKey-Signature: a=b\r\nARC-Seal: i=1\r\nX-Relay-Tenant: slager\r\n"
        "Authentication-Results: relay.platform.example; spf=pass\r\n"
    )
    kept = "Received: from a by b; Tue, 24 Nov 2026 09:00:00 +0000\r\nList-Id: <x.example>\r\nX-Mailer: y\r\n"
    assert (await desk.submit(theirs + HEADER + kept)).code == 250
    header = desk.left().message.header
    assert verdicts(header + b"\r\n" + b"Beste klant,\r\n") == [True, True]
    assert b"v@x.example" not in header
    assert b"bank.example" not in header
    assert len(re.findall(rb"(?mi)^(?:domainkey|arc|x-relay|authentication|sender|bcc|return)", header)) == 0
    assert kept.encode() in header

"""Certificates against TLSA records (RFC 7672 3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from cryptography.x509.oid import NameOID

from relay.mail.dane import Dane
from relay.mail.tls_report import TlsFault
from relay.mail.tlsa import DANE_EE, DANE_TA, EXACT, KEY, SHA256, SHA512, WHOLE, Tlsa, association

NOW = datetime.now(UTC)
HOST, DOMAIN = "mx.customer.example", "customer.example"


def der(pem: bytes) -> bytes:
    return load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def root() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def middle(root) -> trustme.CA:
    return root.create_child_ca()


def chain(authority: trustme.CA, *names: str, **validity) -> list[bytes]:
    """The server's own certificate, then those above it."""
    issued = authority.issue_cert(*names, **validity)
    own = [der(pem.bytes()) for pem in issued.cert_chain_pems]
    top = der(authority.cert_pem.bytes())
    return own if top in own else [*own, top]


def record(usage: int, certificate: bytes, selector: int = KEY, matching: int = SHA256) -> Tlsa:
    data = association(certificate, selector, matching)
    assert data
    return Tlsa(usage, selector, matching, data)


def fault(records, certificates, now=NOW):
    return Dane(tuple(records), (HOST, DOMAIN)).fault(certificates, now)


@pytest.mark.parametrize("selector", [WHOLE, KEY])
@pytest.mark.parametrize("matching", [EXACT, SHA256, SHA512])
def test_its_own_certificate_whatever_name_and_date_it_has(root, selector, matching):
    own = chain(root, "other.example")
    assert fault([record(DANE_EE, own[0], selector, matching)], own, NOW + timedelta(days=9999)) is None


def test_another_certificate(root):
    assert fault([record(DANE_EE, chain(root, HOST)[0])], chain(root, HOST)) is TlsFault.NOT_TRUSTED


def test_one_record_of_several_is_enough(root):
    own = chain(root, HOST)
    assert fault([record(DANE_EE, chain(root, HOST)[0]), record(DANE_EE, own[0])], own) is None


def test_no_certificate_at_all(root):
    assert fault([record(DANE_EE, chain(root, HOST)[0])], []) is TlsFault.NOT_TRUSTED
    assert fault([record(DANE_TA, chain(root, HOST)[1])], []) is TlsFault.NOT_TRUSTED


@pytest.mark.parametrize("name", [HOST, DOMAIN, "*.customer.example"])
def test_an_authority_that_came_along(root, name):
    own = chain(root, name)
    assert fault([record(DANE_TA, own[-1])], own) is None


def test_an_authority_in_the_middle_and_one_above_it(root, middle):
    own = chain(middle, HOST)
    assert len(own) >= 2
    assert fault([record(DANE_TA, own[1])], own[:2]) is None
    assert fault([record(DANE_TA, der(root.cert_pem.bytes()))], [*own[:2], der(root.cert_pem.bytes())]) is None


def test_an_authority_that_only_its_record_has(root):
    own = chain(root, HOST)
    assert fault([record(DANE_TA, own[1], WHOLE, EXACT)], own[:1]) is None
    assert fault([record(DANE_TA, own[1])], own[:1]) is TlsFault.NOT_TRUSTED


def test_the_authority_of_another(root):
    other = trustme.CA()
    stranger = der(other.cert_pem.bytes())
    own = chain(root, HOST)
    assert fault([record(DANE_TA, stranger)], [own[0], stranger]) is TlsFault.NOT_TRUSTED


def test_who_is_no_authority_cannot_be_one(root):
    """A certificate of a host signed nothing, even where a record calls it an authority."""
    own, host = chain(root, HOST), chain(root, "evil.example")[0]
    assert fault([record(DANE_TA, host)], [own[0], host, own[-1]]) is TlsFault.NOT_TRUSTED


def test_under_an_authority_name_and_dates_count(root):
    own = chain(root, "mx.other.example", "customer.example.evil.example")
    assert fault([record(DANE_TA, own[-1])], own) is TlsFault.HOST_MISMATCH
    old = chain(root, HOST, not_before=NOW - timedelta(days=20), not_after=NOW - timedelta(days=10))
    assert fault([record(DANE_TA, old[-1])], old) is TlsFault.EXPIRED


def test_what_is_no_certificate(root):
    assert fault([record(DANE_TA, chain(root, HOST)[-1])], [b"junk"]) is TlsFault.VALIDATION
    assert fault([record(DANE_EE, chain(root, HOST)[0])], [b"junk"]) is TlsFault.NOT_TRUSTED


# Chains of our own make


class Maker:
    """Issues certificates one below the other; each has a key of its own."""

    def __init__(self) -> None:
        self.keys = {}

    def make(self, name: str, by: str = "", ca: bool | None = True, length: int | None = None, days: int = 9, *more):
        """A certificate (DER) for a name, signed by another or itself; ``ca`` None leaves the extension out."""
        key = self.keys[name] = ec.generate_private_key(ec.SECP256R1())
        subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, by or name))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=20))
            .not_valid_after(NOW + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        )
        if ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca, length), critical=True)
        for extension in more:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self.keys[by or name], hashes.SHA256()).public_bytes(Encoding.DER)


NAME_LIMITS = x509.NameConstraints([x509.DNSName("other.example")], None)
NO_SIGNING = x509.KeyUsage(True, False, False, False, False, False, False, False, False)

TOPS = [
    ((True, None, 9), None),
    ((True, 1, 9), None),
    ((True, 0, 9), TlsFault.NOT_TRUSTED),  # RFC 5280 4.2.1.9: no authority below it
    ((False, None, 9), TlsFault.NOT_TRUSTED),
    ((None, None, 9), TlsFault.NOT_TRUSTED),
    ((True, None, -1), TlsFault.EXPIRED),
    ((True, None, 9, NAME_LIMITS), TlsFault.NOT_TRUSTED),  # what is critical and not understood
    ((True, None, 9, NO_SIGNING), TlsFault.NOT_TRUSTED),
]


@pytest.mark.parametrize(("top", "expected"), TOPS)
def test_what_the_top_of_a_path_has_to_be(top, expected):
    maker = Maker()
    anchor = maker.make("top", "", *top)
    certificates = [maker.make("middle", "top"), anchor]
    certificates.insert(0, maker.make("own", "middle", False))
    assert fault([record(DANE_TA, anchor)], certificates) is expected


@pytest.mark.parametrize("middle", [(False, None, 9), (True, None, -1)])
def test_what_the_middle_of_a_path_has_to_be(middle):
    maker = Maker()
    anchor = maker.make("top")
    between = maker.make("middle", "top", *middle)
    certificates = [maker.make("own", "middle", False), between, anchor]
    assert fault([record(DANE_TA, anchor)], certificates) in {TlsFault.NOT_TRUSTED, TlsFault.EXPIRED}
    assert fault([record(DANE_TA, between)], certificates) in {TlsFault.NOT_TRUSTED, TlsFault.EXPIRED}


def test_a_path_that_is_signed_by_another_key():
    maker = Maker()
    anchor = maker.make("top")
    certificates = [maker.make("own", "top", False), maker.make("top")]
    assert fault([record(DANE_TA, certificates[1])], certificates) is TlsFault.NOT_TRUSTED
    assert fault([record(DANE_TA, anchor)], [certificates[0], anchor]) is None

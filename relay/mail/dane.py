"""DANE for mail (RFC 7672): whether a server's certificates are those that its TLSA records stand for.

1. A record of usage 3 (DANE-EE) names the server's own certificate or key: then neither name nor date counts.
2. One of usage 2 (DANE-TA) names an authority. From the server's certificate a path of signatures must lead to it,
   every certificate on it in force, every issuer allowed to issue, and the server's own must have one of the names.

OpenSSL could check 2 only in a second handshake, because Python tells it about authorities before the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    DNSName,
    ExtensionNotFound,
    KeyUsage,
    SubjectAlternativeName,
    load_der_x509_certificate,
)
from cryptography.x509.oid import ExtensionOID

from relay.mail.mta_sts import matches
from relay.mail.tls_report import TlsFault
from relay.mail.tlsa import DANE_EE, DANE_TA, EXACT, WHOLE, Tlsa

LONGEST_CHAIN = 10  # certificates that are looked at
UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.CERTIFICATE_POLICIES,
}


@dataclass(frozen=True, slots=True)
class Dane:
    """The usable records of a mail server, and the names that count as its own: the one that the records are below,
    which also goes into TLS (RFC 7672 8.1), then the recipient's domain (3.2.2)."""

    records: tuple[Tlsa, ...]
    names: tuple[str, ...]

    def fault(self, chain: Sequence[bytes], now: datetime) -> TlsFault | None:
        """What is wrong with a chain of certificates (DER, the server's own first); None when it is the server's."""
        chain = chain[:LONGEST_CHAIN]
        if any(record.usage == DANE_EE and record.matches(chain) for record in self.records):
            return None
        anchors = [record for record in self.records if record.usage == DANE_TA]
        try:
            return path_fault(chain, anchors, self.names, now) if anchors and chain else TlsFault.NOT_TRUSTED
        except (ValueError, UnsupportedAlgorithm):
            return TlsFault.VALIDATION


def path_fault(chain: Sequence[bytes], anchors: Sequence[Tlsa], names: Sequence[str], now: datetime) -> TlsFault | None:
    """What is wrong with the way from the server's certificate to one that a record means. Raises ValueError and
    UnsupportedAlgorithm for what is no certificate."""
    own = load_der_x509_certificate(chain[0])
    if not any(matches(pattern, name) for pattern in names_of(own) for name in names):
        return TlsFault.HOST_MISMATCH
    published = [record.data for record in anchors if (record.selector, record.matching) == (WHOLE, EXACT)]
    others = [load_der_x509_certificate(der) for der in dict.fromkeys((*chain[1:], *published))]
    step, below = own, 0
    while in_force(step, now):
        issuer = next((each for each in others if issued(each, step, below)), None)
        if issuer is None:
            return TlsFault.NOT_TRUSTED
        if any(record.matches((b"", issuer.public_bytes(Encoding.DER))) for record in anchors):
            return None if in_force(issuer, now) else TlsFault.EXPIRED
        others.remove(issuer)
        step, below = issuer, below + 1
    return TlsFault.EXPIRED


def names_of(certificate: Certificate) -> list[str]:
    """The host names in a certificate, with their ``*.``."""
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return []
    return found.value.get_values_for_type(DNSName)


def in_force(certificate: Certificate, now: datetime) -> bool:
    """True between its dates."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def issued(issuer: Certificate, certificate: Certificate, below: int) -> bool:
    """True when ``issuer`` signed a certificate and may do so with so many authorities below it (RFC 5280 6.1.4)."""
    if not may_issue(issuer, below) or isinstance(certificate.signature_hash_algorithm, hashes.SHA1 | hashes.MD5):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def may_issue(certificate: Certificate, below: int) -> bool:
    """True for an authority. An extension that is critical and not understood makes it none (RFC 5280 4.2)."""
    extensions = certificate.extensions
    if any(each.critical and each.oid not in UNDERSTOOD for each in extensions):
        return False
    try:
        constraints = extensions.get_extension_for_class(BasicConstraints).value
    except ExtensionNotFound:
        return False
    try:
        may_sign = extensions.get_extension_for_class(KeyUsage).value.key_cert_sign
    except ExtensionNotFound:
        may_sign = True
    length = constraints.path_length
    return constraints.ca and may_sign and (length is None or below <= length)

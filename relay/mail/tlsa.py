"""TLSA records (RFC 6698), as mail uses them (RFC 7672 3.1), and the certificates that they stand for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

PKIX_TA, PKIX_EE, DANE_TA, DANE_EE = range(4)  # RFC 7218 2.1
WHOLE, KEY = range(2)  # RFC 7218 2.2
EXACT, SHA256, SHA512 = range(3)  # RFC 7218 2.3
OCTETS = {SHA256: 32, SHA512: 64}
RECORD = re.compile(r"([0-9]{1,3}) ([0-9]{1,3}) ([0-9]{1,3}) ((?:[0-9A-Fa-f]{2} ?)+)")


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One record: which certificate of the chain it means, what of it, how that is written, and the octets."""

    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def is_well_formed(self) -> bool:
        """True when all of its numbers mean something, and a digest is as long as it has to be."""
        return (
            self.usage in range(4)
            and self.selector in range(2)
            and self.matching in range(3)
            and len(self.data) == OCTETS.get(self.matching, len(self.data))
        )

    @property
    def is_usable(self) -> bool:
        """True when mail servers take it: usage 2 or 3 (RFC 7672 3.1.3)."""
        return self.is_well_formed and self.usage in {DANE_TA, DANE_EE}

    def matches(self, chain: Sequence[bytes]) -> bool:
        """True for a chain of certificates (DER, the server's own first) that this record stands for."""
        meant = chain[:1] if self.usage in {PKIX_EE, DANE_EE} else chain[1:]
        return any(association(der, self.selector, self.matching) == self.data for der in meant)

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


def read_tlsa(text: str) -> Tlsa | None:
    """A record from its presentation form (RFC 6698 2.2); None for what is none."""
    match = RECORD.fullmatch(text.strip())
    if match is None:
        return None
    return Tlsa(int(match[1]), int(match[2]), int(match[3]), bytes.fromhex(match[4]))


def record_of(der: bytes) -> Tlsa | None:
    """The record 3 1 1 of a certificate (RFC 7672 3.1.1: what servers should publish)."""
    data = association(der, KEY, SHA256)
    return Tlsa(DANE_EE, KEY, SHA256, data) if data else None


def association(der: bytes, selector: int, matching: int) -> bytes | None:
    """The octets that a record of this kind has for a certificate (RFC 6698 2.1); None where its key cannot be read."""
    chosen = key_of(der) if selector == KEY else der
    if chosen is None or matching == EXACT:
        return chosen
    return hashlib.new("sha256" if matching == SHA256 else "sha512", chosen).digest()


def key_of(der: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo of a certificate (RFC 5280 4.1.2.7)."""
    try:
        key = load_der_x509_certificate(der).public_key()
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return None

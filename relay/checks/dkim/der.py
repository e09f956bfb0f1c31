"""Just enough DER (X.690) to tell a whole public key from one that was cut, and to count its bits."""

from __future__ import annotations

RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")  # RFC 8017 A.1
SEQUENCE, INTEGER, BIT_STRING, OBJECT = 0x30, 0x02, 0x03, 0x06


class DerError(ValueError):
    """Something else than was wanted, or shorter than it says."""


def element(octets: bytes, wanted: int) -> tuple[bytes, bytes]:
    """The content of the first element, and what follows it. Raises `DerError`."""
    if octets[:1] != bytes([wanted]):
        raise DerError("another type")
    if len(octets) < 2:
        raise DerError("no length")
    size, start = octets[1], 2
    if size & 0x80:
        start += size & 0x7F
        if start > 6:
            raise DerError("a length of more than four octets")
        size = int.from_bytes(octets[2:start])
    if len(octets) < start + size:
        raise DerError("shorter than it says")
    return octets[start : start + size], octets[start + size :]


def rsa_bits(octets: bytes) -> int:
    """The size of an RSA public key: a SubjectPublicKeyInfo (RFC 5280 4.1), or the bare RSAPublicKey that RFC 6376
    3.6.1 names. Raises `DerError`."""
    outer, _ = element(octets, SEQUENCE)
    if outer[:1] == bytes([SEQUENCE]):
        algorithm, rest = element(outer, SEQUENCE)
        if element(algorithm, OBJECT)[0] != RSA_ENCRYPTION:
            raise DerError("no RSA key")
        bits, _ = element(rest, BIT_STRING)
        outer, _ = element(bits[1:], SEQUENCE)
    modulus, rest = element(outer, INTEGER)
    element(rest, INTEGER)
    return int.from_bytes(modulus).bit_length()

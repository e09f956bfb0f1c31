"""What a certificate says: names, dates, issuer, key and signature (RFC 5280)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

WEAK_HASHES = frozenset({"md5", "sha1"})  # RFC 9155; OpenSSL takes neither
LEAST_RSA_BITS = 2048
LEAST_EC_BITS = 224


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as far as it matters here. ``names`` are those of the extension for names: DNS names in lower case,
    addresses; the common name does not count (RFC 9525 2). ``key`` is such as ``RSA 2048``; ``hash`` is ``""`` where
    the signature has none of its own (Ed25519)."""

    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    self_signed: bool
    hash: str
    key: str
    weak_key: bool

    def covers(self, host: str) -> bool:
        """True where the certificate is for the host (RFC 9525 6.3)."""
        return any(matches(name, host) for name in self.names)

    def wildcard_beside(self, host: str) -> str:
        """A wildcard that people take to cover the host, although it stands for exactly one label; else empty."""
        for name in self.names:
            rest = name.removeprefix("*.")
            if rest != name and not matches(name, host) and (host == rest or host.endswith(f".{rest}")):
                return name
        return ""


def matches(name: str, host: str) -> bool:
    """True where a name of a certificate is that of the host: a wildcard is the whole first label (RFC 9525 6.3)."""
    host = host.lower().rstrip(".")
    if name.startswith("*."):
        label, _, rest = host.partition(".")
        return bool(label) and rest == name[2:] and not is_address(host)
    return name == host or (is_address(name) and is_address(host) and ip_address(name) == ip_address(host))


def is_address(text: str) -> bool:
    """True for an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def read_certificate(der: bytes) -> Certificate | None:
    """A certificate from its octets; None when it cannot be read."""
    try:
        read = x509.load_der_x509_certificate(der)
        key, weak_key = key_of(read)
        return Certificate(
            names_of(read),
            name_of(read.issuer),
            read.not_valid_before_utc,
            read.not_valid_after_utc,
            read.issuer == read.subject,
            read.signature_hash_algorithm.name if read.signature_hash_algorithm else "",
            key,
            weak_key,
        )
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return None


def names_of(read: x509.Certificate) -> tuple[str, ...]:
    """The names that it is for (RFC 5280 4.2.1.6)."""
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    dns = [name.lower().rstrip(".") for name in names.get_values_for_type(x509.DNSName)]
    return (*dns, *(str(address) for address in names.get_values_for_type(x509.IPAddress)))


def name_of(name: x509.Name) -> str:
    """Who issued it, in a word or two."""
    for kind in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(kind):
            return str(attribute.value)
    return name.rfc4514_string()


def key_of(read: x509.Certificate) -> tuple[str, bool]:
    """Kind and size of the key, and whether it is too small."""
    key = read.public_key()
    match key:
        case RSAPublicKey():
            return f"RSA {key.key_size}", key.key_size < LEAST_RSA_BITS
        case EllipticCurvePublicKey():
            return f"EC {key.key_size}", key.key_size < LEAST_EC_BITS
    return type(key).__name__.removesuffix("PublicKey").strip("_"), False

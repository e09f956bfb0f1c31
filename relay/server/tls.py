"""TLS of a listener: a context from certificate and key files, or from a certificate made on the spot."""

from __future__ import annotations

import ssl
import tempfile
from asyncio import BaseTransport
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from relay.server.smtp_contract import ListenError

SELF_SIGNED_FOR = timedelta(days=30)


class CertificateError(ListenError):
    """A certificate or key cannot be used; names the file and the cause."""


def listener_context(certificate: str, key: str, hostname: str) -> ssl.SSLContext:
    """The TLS context of a listener; without files a self-signed certificate (development). Raises CertificateError."""
    if not certificate and not key:
        return self_signed_context(hostname)
    if not certificate or not key:
        raise CertificateError("a listener needs both certificate and key, or neither for a self-signed one")
    return context_from_files(Path(certificate), Path(key))


def context_from_files(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context from a PEM certificate chain and its private key. Raises CertificateError."""
    for path in (certificate, key):
        try:
            text = path.read_bytes()
        except OSError as error:
            raise CertificateError(f"cannot read {path}: {error.strerror}") from None
        if b"ENCRYPTED" in text:
            raise CertificateError(f"cannot use {path}: it is encrypted; store it without a password")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise CertificateError(f"cannot use certificate {certificate} with key {key}: {cause(error)}") from None
    return context


def cause(error: ssl.SSLError) -> str:
    """OpenSSL's reason in words."""
    said = str(error).upper().replace(" ", "_")
    reasons = {
        "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
        "KEY_TOO_SMALL": "the key is too small",
        "PEM": "one of them is not in PEM format",
        "NO_START_LINE": "one of them is not in PEM format",
    }
    return next((words for reason, words in reasons.items() if reason in said), str(error))


def self_signed_context(hostname: str) -> ssl.SSLContext:
    """A context with a fresh self-signed certificate for the host name and loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed_certificate(hostname, key)
    with tempfile.TemporaryDirectory() as directory:  # mode 0700; OpenSSL reads nothing but files
        certificate_file, key_file = Path(directory, "certificate.pem"), Path(directory, "key.pem")
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return context_from_files(certificate_file, key_file)


def self_signed_certificate(hostname: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A certificate for ``hostname``, localhost and the loopback addresses, valid for 30 days."""
    names = list(dict.fromkeys([ascii_name(hostname), "localhost"]))
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + SELF_SIGNED_FOR)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def ascii_name(hostname: str) -> str:
    """A host name that a certificate can hold."""
    return hostname if hostname and hostname.isascii() else "localhost"


def describe_tls(transport: BaseTransport) -> str:
    """Protocol and cipher, such as ``TLSv1.3 TLS_AES_256_GCM_SHA384``; empty in the clear."""
    connection = transport.get_extra_info("ssl_object")
    if connection is None:
        return ""
    cipher = connection.cipher()
    return f"{connection.version()} {cipher[0] if cipher else ''}".strip()

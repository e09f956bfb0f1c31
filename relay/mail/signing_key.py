"""A DKIM key: read from PEM, used to sign, and as the TXT record that publishes it (RFC 6376 3.6.1, RFC 8463 4.2)."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

LEAST_BITS = 2048  # RFC 8301 3.2: signers should use at least 2048

PrivateKey = RSAPrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | Ed25519PublicKey
KINDS = {"rsa-sha256": "an RSA key", "ed25519-sha256": "an Ed25519 key"}
DNS_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What one DKIM-Signature is made with; ``algorithm`` is its a= tag."""

    domain: str
    selector: str
    algorithm: str
    key: PrivateKey

    @property
    def record_name(self) -> str:
        """Where verifiers look for the public key (RFC 6376 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def bits(self) -> int:
        """The size of the key."""
        return self.key.key_size if isinstance(self.key, RSAPrivateKey) else 256

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature over a SHA-256 digest."""
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(digest, PKCS1v15(), Prehashed(SHA256()))
        return self.key.sign(digest)  # RFC 8463 3: PureEdDSA over the SHA-256 hash


def load_key(pem: bytes, *, domain: str, selector: str, algorithm: str) -> SigningKey:
    """A signing key from an unencrypted PEM file. Raises ValueError that says what is wrong with it."""
    for tag, name in (("selector", selector), ("domain", domain)):
        if len(name) > 253 or not DNS_NAME.fullmatch(name):
            raise ValueError(f"the {tag} {name!r} is not a DNS name")
    if algorithm not in KINDS:
        raise ValueError(f"the algorithm {algorithm!r} is not one of {', '.join(KINDS)}")
    key = read_private_key(pem)
    match key, algorithm:
        case RSAPrivateKey(), "rsa-sha256":
            if key.key_size < LEAST_BITS:
                raise ValueError(f"the RSA key has {key.key_size} bits, and at least {LEAST_BITS} are needed")
            return SigningKey(domain, selector, algorithm, key)
        case Ed25519PrivateKey(), "ed25519-sha256":
            return SigningKey(domain, selector, algorithm, key)
    raise ValueError(f"{algorithm} needs {KINDS[algorithm]}, and this is {description(key)}")


def read_private_key(pem: bytes) -> object:
    """The private key of whatever kind in a PEM file. Raises ValueError."""
    try:
        return load_pem_private_key(pem, password=None)
    except TypeError:  # what `cryptography` raises when a password is needed
        raise ValueError("the private key is encrypted; the relay needs it without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("this is not a private key in PEM format") from None


def description(key: object) -> str:
    """What kind of private key it is, for people."""
    match key:
        case RSAPrivateKey():
            return KINDS["rsa-sha256"]
        case Ed25519PrivateKey():
            return KINDS["ed25519-sha256"]
    return "a key of another kind"


def key_record(key: SigningKey | PublicKey) -> str:
    """The value of the TXT record that publishes a key."""
    public = key.key.public_key() if isinstance(key, SigningKey) else key
    if isinstance(public, RSAPublicKey):
        octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={b64encode(octets).decode()}"
    return f"v=DKIM1; k=ed25519; p={b64encode(public.public_bytes_raw()).decode()}"  # RFC 8463 4.2

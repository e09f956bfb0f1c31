"""Secrets at rest: AES-GCM (NIST SP 800-38D) with keys from a file of their own, never from the database.

A key file has a key a line, 32 octets in base64; lines that begin with # are comments. The first key of the first file
encrypts, all decrypt, so that keys can be rotated. What is sealed is bound to its tenant and its purpose: a row that is
copied to another tenant does not open there.

Sealed: one octet for the form, four for the key, twelve for the nonce, then ciphertext and tag.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORM = b"\x01"
KEY_OCTETS = 32
ID_OCTETS = 4
NONCE_OCTETS = 12  # NIST SP 800-38D 8.2.2: random, and far fewer than 2^32 of them with one key
OTHERS = 0o007


class VaultError(Exception):
    """A key file that cannot be used, or a secret that does not open; the text says what to do."""


class Vault:
    """Seals and opens secrets. Never printed."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """``keys`` has at least one; the first encrypts."""
        self.first = key_id(keys[0])
        self.keys = {key_id(key): AESGCM(key) for key in keys}

    def seal(self, secret: str, *, tenant_id: str, purpose: str) -> bytes:
        """A secret as it is kept."""
        nonce = secrets.token_bytes(NONCE_OCTETS)
        bound = binding(FORM + self.first, tenant_id, purpose)
        return FORM + self.first + nonce + self.keys[self.first].encrypt(nonce, secret.encode(), bound)

    def open(self, sealed: bytes, *, tenant_id: str, purpose: str) -> str:
        """The secret that was sealed for this tenant and purpose. Raises `VaultError`."""
        head, nonce = sealed[: 1 + ID_OCTETS], sealed[1 + ID_OCTETS : 1 + ID_OCTETS + NONCE_OCTETS]
        key = self.keys.get(head[1:]) if head[:1] == FORM else None
        if key is None:
            raise VaultError("no key here opens this secret: give back the key file it was made with, or set it anew")
        try:
            text = key.decrypt(nonce, sealed[len(head) + len(nonce) :], binding(head, tenant_id, purpose))
        except (InvalidTag, ValueError):
            raise VaultError("this secret was altered, or is another tenant's: set it anew") from None
        return text.decode()

    def is_current(self, sealed: bytes) -> bool:
        """True for what the first key has sealed."""
        return sealed[: 1 + ID_OCTETS] == FORM + self.first


def key_id(key: bytes) -> bytes:
    """What tells keys apart, and nothing of them."""
    return hashlib.sha256(b"relay key id\0" + key).digest()[:ID_OCTETS]


def binding(head: bytes, tenant_id: str, purpose: str) -> bytes:
    """The associated data: authenticated, not kept."""
    return b"\0".join((head, purpose.encode(), tenant_id.encode()))


def open_vault(files: Sequence[Path]) -> Vault:
    """The vault with the keys of those files that exist; where there is none, the last is made. Raises `VaultError`."""
    keys = [key for file in files for key in read_keys(file)]
    if not keys:
        make_key_file(files[-1])
        keys = read_keys(files[-1])
    return Vault(keys)


def read_keys(file: Path) -> list[bytes]:
    """The keys in a file, none when it is not there. Raises `VaultError`."""
    try:
        mode = file.stat().st_mode
        text = file.read_text("ascii", "replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise VaultError(f"{file}: {error.strerror}; make it readable for the relay's user alone") from error
    if mode & OTHERS:
        raise VaultError(f"{file}: every user of this machine can read this key; do: chmod 600 {file}")
    keys = [read_key(file, line) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not keys:
        raise VaultError(f"{file}: there is no key in it; give back the file that was there, or remove it")
    return keys


def read_key(file: Path, line: str) -> bytes:
    """A key from its line. Raises `VaultError`, which does not repeat it."""
    try:
        key = b64decode(line.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_OCTETS:
        raise VaultError(
            f"{file}: a line is no key: {KEY_OCTETS} octets in base64 are; one is made by: openssl rand -base64 32"
        )
    return key


def make_key_file(file: Path) -> None:
    """Make a key file, readable by its owner alone, unless another process just did: the first one stays, and nobody
    ever sees half of it. Raises `VaultError`."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    text = f"# Opens the secrets in the relay's database. Keep a copy, not beside the database's.\n{fresh_key()}\n"
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            os.link(fresh, file)
        fresh.unlink()
    except OSError as error:
        raise VaultError(f"{file}: {error.strerror}; name another file in [secrets] key_file") from error


def fresh_key() -> str:
    """A new key as it stands in a file."""
    return b64encode(secrets.token_bytes(KEY_OCTETS)).decode()

"""Identifiers of messages and deliveries: 80 bits, printed as 16 characters that sort by time."""

from __future__ import annotations

from base64 import b32hexdecode, b32hexencode

RAW_LENGTH = 10
LENGTH = 16


def make_id(now: float, entropy: int) -> str:
    """An identifier for something that began at ``now`` (seconds since 1970); ``entropy`` fills the low 32 bits."""
    value = (int(now * 1000) & 0xFFFF_FFFF_FFFF) << 32 | (entropy & 0xFFFF_FFFF)
    return b32hexencode(value.to_bytes(RAW_LENGTH, "big")).decode("ascii").lower()


def id_bytes(identifier: str) -> bytes:
    """The 10 bytes behind an identifier. Raises ValueError when it is not one of ours."""
    if len(identifier) != LENGTH:
        raise ValueError(f"an identifier has {LENGTH} characters: {identifier!r}")
    return b32hexdecode(identifier.upper())


def id_text(raw: bytes) -> str:
    """The printed form of 10 identifier bytes; the inverse of `id_bytes`."""
    return b32hexencode(raw).decode("ascii").lower()

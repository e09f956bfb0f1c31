"""VERP: a reverse-path that names the delivery, so that a bounce can only belong to mail we really sent (rule A10).

The local part is 40 characters of lower-case base32 for 25 octets: 10 of the delivery's id, 4 of the expiry (seconds
since 1970), and 11 of an HMAC-SHA256 over both. Servers on the way may change its case, so it reads in any.
"""

from __future__ import annotations

import hmac
from base64 import b32decode, b32encode

from relay.mail.ids import RAW_LENGTH, id_bytes, id_text

LENGTH = 40  # RFC 5321 4.5.3.1.1 allows 64
MAC_LENGTH = 11  # 88 bits
NAMED = RAW_LENGTH + 4
PURPOSE = b"relay verp 1\0"  # the key may serve other purposes: a MAC made for one never fits another
LEAST_KEY = 16


def verp_address(delivery_id: str, expires_at: int, key: bytes, domain: str) -> str:
    """The reverse-path for a delivery. A bounce may come late: ``expires_at`` is at least two queue lifetimes away."""
    named = id_bytes(delivery_id) + expires_at.to_bytes(4, "big")
    return f"{b32encode(named + mac(named, key)).decode('ascii').lower()}@{domain}"


def read_verp(local_part: str, key: bytes, now: float) -> str | None:
    """The delivery id behind a local part, or None when it is not one of ours, forged, or expired at ``now``."""
    opened = open_verp(local_part, key)
    return opened[0] if opened and now <= opened[1] else None


def open_verp(local_part: str, key: bytes) -> tuple[str, int] | None:
    """The delivery id behind a local part and when it expires; None when it is not one of ours, or forged."""
    if len(local_part) != LENGTH or not local_part.isascii():
        return None
    try:
        octets = b32decode(local_part.upper())
    except ValueError:
        return None
    named, given = octets[:NAMED], octets[NAMED:]
    if not hmac.compare_digest(given, mac(named, key)):
        return None
    return id_text(named[:RAW_LENGTH]), int.from_bytes(named[RAW_LENGTH:], "big")


def mac(named: bytes, key: bytes) -> bytes:
    """The authenticator of an id and its expiry."""
    if len(key) < LEAST_KEY:
        raise ValueError(f"a VERP key has at least {LEAST_KEY} octets, and this one has {len(key)}")
    return hmac.digest(key, PURPOSE + named, "sha256")[:MAC_LENGTH]

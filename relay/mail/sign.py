"""DKIM signing (RFC 6376, 8301, 8463): rsa-sha256 and ed25519-sha256, relaxed/relaxed, one pass over the body.

1. `BodyHash` hashes the canonical body while it streams by, in any chunks; its memory does not grow with the body.
2. `sign` canonicalises the header fields of rule A9 once and puts one DKIM-Signature for each key on top.

After that not a byte may change. The keys themselves are in `relay.mail.signing_key`.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from relay.mail.message import CRLF, Field, Message
from relay.mail.signing_key import SigningKey, key_record, load_key

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["SIGNED_FIELDS", "BodyHash", "SigningKey", "key_record", "load_key", "sign"]

# Rule A9. Each is named once more than it occurs (RFC 6376 8.15): a copy added later breaks the signature.
SIGNED_FIELDS = (
    "From",
    "Reply-To",
    "Subject",
    "Date",
    "To",
    "Cc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
LINE = 78  # RFC 5322 2.1.1
BLOCK = 128 * 1024  # octets canonicalised at a time: bounds the memory and stays in the processor's cache
BLANK_LINES = CRLF * 1024
SPACES = re.compile(b"  +")  # beginning with literals: several times faster than a class
UNDECIDED = (b"", b" ", b"\r", b" \r")  # what may follow the last line end of a chunk and still become one
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class BodyHash:
    """SHA-256 of a body in relaxed canonical form (RFC 6376 3.4.4), fed in chunks that may be cut anywhere."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._begun = False  # something but empty lines went into the hash
        self._blank = 0  # line ends held back: they count only if something follows
        self._carry = b""  # white space or CR at the end of what came: the next chunk decides what it is

    def update(self, chunk: bytes) -> None:
        """Take the next octets of the body."""
        for start in range(0, len(chunk), BLOCK):
            self._take(chunk[start : start + BLOCK])

    def digest(self) -> bytes:
        """The hash of the whole body: as it is sent, so with a CRLF at its end. `update` may not follow."""
        if self._carry.endswith(b"\r"):  # a bare CR is content
            self._add(self._carry)
        if self._begun:
            self._hash.update(CRLF)  # RFC 6376 3.4.4: empty lines at the end are ignored, the last line end is not
        return self._hash.digest()

    def _take(self, chunk: bytes) -> None:
        text = squeeze(self._carry + chunk).replace(b" \r\n", CRLF)
        end = len(text.rstrip(b" \r\n"))
        lines = text.count(CRLF, end)
        if text[end + 2 * lines :] not in UNDECIDED:
            end = content_end(text, end)
            lines = text.count(CRLF, end)
        if end:
            self._add(text[:end])
        self._blank += lines
        self._carry = text[end + 2 * lines :]

    def _add(self, content: bytes) -> None:
        blocks, lines = divmod(self._blank, 1024)
        for _ in range(blocks):
            self._hash.update(BLANK_LINES)
        self._hash.update(CRLF * lines)
        self._hash.update(content)
        self._begun = True
        self._blank = 0


def content_end(text: bytes, start: int) -> int:
    """Where the content of ``text`` ends when the white space from ``start`` holds a CR or LF that ends no line."""
    undecided = len(text) - text.endswith(b"\r")
    return max((match.end() for match in BARE.finditer(text, start) if match.end() <= undecided), default=start)


def squeeze(octets: bytes) -> bytes:
    """Every run of spaces and tabs as one space."""
    if b"\t" in octets:
        octets = octets.replace(b"\t", b" ")
    return SPACES.sub(b" ", octets) if b"  " in octets else octets


def sign(message: Message, keys: Sequence[SigningKey], *, body_hash: bytes, now: int) -> Message:
    """The message with one DKIM-Signature for each key on top, in the order of the keys.

    ``body_hash`` is the `BodyHash.digest` of the body, ``now`` seconds since 1970. The keys are the caller's choice:
    their domains must be aligned with the From (RFC 9989).
    """
    names, covered = signed_header(message.fields)
    digest = hashlib.sha256(covered)
    return message.prepend([signature_field(key, names, digest.copy(), body_hash, now) for key in keys])


def signed_header(fields: Iterable[Field]) -> tuple[str, bytes]:
    """The value of the h= tag, and the canonical fields it names (RFC 6376 5.4.2: the last of a name comes first)."""
    present: dict[str, list[Field]] = {name.lower(): [] for name in SIGNED_FIELDS}
    for field in fields:
        if field.key in present:
            present[field.key].append(field)
    names = [name for name in SIGNED_FIELDS for _ in range(len(present[name.lower()]) + 1)]
    covered = [relaxed_field(field) for found in present.values() for field in reversed(found)]
    return ":".join(names), b"".join(covered)


def relaxed_field(field: Field) -> bytes:
    """A field in relaxed canonical form (RFC 6376 3.4.2)."""
    value = field.raw.partition(b":")[2].replace(CRLF, b"")
    return field.key.encode("ascii") + b":" + squeeze(value).strip(b" ") + CRLF


def signature_field(key: SigningKey, names: str, digest: _Hash, body_hash: bytes, now: int) -> Field:
    """The DKIM-Signature of one key; ``digest`` has seen the canonical fields that ``names`` lists."""
    tags = ["v=1", f"a={key.algorithm}", "c=relaxed/relaxed", f"d={key.domain}", f"s={key.selector}", f"t={now}"]
    pieces = [f" {tag};" for tag in (*tags, f"bh={b64encode(body_hash).decode()}")]
    pieces += f" h={names};".replace(":", ":\0").split("\0")
    unsigned = Field("dkim-signature", (fold("DKIM-Signature:", pieces) + "\r\n b=\r\n").encode("ascii"))
    digest.update(relaxed_field(unsigned)[:-2])  # RFC 6376 3.7: with an empty b= and without the last CRLF
    value = b64encode(key.sign_digest(digest.digest())).decode()
    lines = [value[start : start + 72] for start in range(0, len(value), 72)]
    return Field("dkim-signature", unsigned.raw[:-2] + "\r\n ".join(lines).encode("ascii") + CRLF)


def fold(name: str, pieces: Iterable[str]) -> str:
    """The pieces after a field name, as many on a line as fit (RFC 5322 2.2.3); without the last line end."""
    lines = [name]
    for piece in pieces:
        if len(lines[-1]) + len(piece) <= LINE:
            lines[-1] += piece
        else:
            lines.append(" " + piece.lstrip())
    return "\r\n".join(lines)

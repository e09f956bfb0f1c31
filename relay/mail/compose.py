"""Mails of our own as bytes (RFC 2045, RFC 2046): parts for 7-bit transport, put together and made into a message.

Everything comes out as short ASCII lines that end in CRLF, so that no server on the way has a reason to change it.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_qp
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from relay.mail.message import CRLF, BytesBody, Field, Message
from relay.mail.text import LINE

LONGEST_LINE = 998  # RFC 5322 2.1.1, without the CRLF


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME entity: its content fields, and its encoded body that ends in CRLF unless it is empty."""

    fields: tuple[Field, ...]
    body: bytes

    @property
    def octets(self) -> bytes:
        """The entity as it stands between two boundaries."""
        return b"".join(field.raw for field in self.fields) + CRLF + self.body


def text_part(subtype: str, text: str) -> Part:
    """Text in UTF-8, such as ``plain`` or ``html``; any line ends in ``text`` will do."""
    return octets_part(f"text/{subtype}; charset=utf-8", text.encode("utf-8", "replace"), longest=LINE)


def octets_part(content_type: str, octets: bytes, *, longest: int = LONGEST_LINE) -> Part:
    """Lines of text: as they are if they are ASCII and none is longer than ``longest``, else quoted-printable."""
    octets = crlf(octets)
    kind = Field.make("Content-Type", content_type)
    if is_plain(octets, longest):
        return Part((kind, Field.make("Content-Transfer-Encoding", "7bit")), octets)
    encoding = Field.make("Content-Transfer-Encoding", "quoted-printable")
    return Part((kind, encoding), crlf(b2a_qp(octets)))  # RFC 2045 6.7


def is_plain(octets: bytes, longest: int = LONGEST_LINE) -> bool:
    """True when lines that end in CRLF may travel as they are (7bit, RFC 2045 2.7)."""
    return octets.isascii() and b"\0" not in octets and max(map(len, octets.split(CRLF))) <= longest


def multipart(subtype: str, parts: Sequence[Part], *, seed: str) -> Part:
    """Parts one after another (RFC 2046 5.1). ``subtype`` may carry parameters; ``seed`` varies the boundary."""
    boundary = next(each for each in boundaries(seed) if not any(each in part.octets for part in parts))
    delimiter = b"--" + boundary
    body = b"".join(delimiter + CRLF + part.octets + CRLF for part in parts) + delimiter + b"--" + CRLF
    kind = f'multipart/{subtype};\r\n boundary="{boundary.decode("ascii")}"'
    return Part((Field.make("Content-Type", kind),), body)


def boundaries(seed: str) -> Iterator[bytes]:
    """Boundaries to choose from; ``=_`` occurs in no quoted-printable text (RFC 2045 6.7)."""
    state = hashlib.sha256(seed.encode("utf-8", "replace"))
    while True:
        yield b"=_" + state.hexdigest()[:32].encode("ascii")
        state.update(b"next")


def compose(fields: Iterable[Field], part: Part) -> Message:
    """A complete message from its header fields and its one part."""
    return Message((*fields, Field.make("MIME-Version", "1.0"), *part.fields), BytesBody(part.body))


def crlf(octets: bytes) -> bytes:
    """The octets with every line end as CRLF."""
    return octets.replace(CRLF, b"\n").replace(b"\r", b"\n").replace(b"\n", CRLF)

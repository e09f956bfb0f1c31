"""What follows ``354``: from octets on the wire to a header block and a body (RFC 5321 4.1.1.4, 4.5.2).

No socket and no line: blocks are searched, so the cost does not depend on how long the lines are or how they were cut.

1. `DataReader.feed` looks for CRLF.CRLF, the only end there is, and holds back what may be the beginning of it.
2. `take` counts what must not be there, removes stuffed dots, and turns a bare LF into CRLF.
3. `split` finds the empty line; the header block stays in memory (bounded), the body goes to a `BodySink`.
4. `content` says what has come of it: a `Content`, or the `Refusal` that the client gets after the true end.

A message that will be refused is read on to its end, without being kept, so that the session stays in step.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.mail.message import CRLF, Body
from relay.mail.reply import Refusal
from relay.server.spool import BodySink

if TYPE_CHECKING:
    from relay.server.smtp_contract import ListenerSettings

END = b"\r\n.\r\n"
STUFFED = b"\r\n."
NO_SPACE = {errno.ENOSPC, errno.EDQUOT}

FAULTS = {  # the first that applies is said
    "message.too_large": (552, "5.3.4"),  # RFC 1870 6.3
    "message.nul": (550, "5.6.0"),  # RFC 5322 4.1 knows it only to forbid it
    "message.bare_cr": (550, "5.6.11"),  # RFC 5321 2.3.8
    "message.bare_lf": (550, "5.6.11"),
    "header.too_large": (550, "5.6.0"),
    "header.too_many": (550, "5.6.0"),
    "header.line_too_long": (550, "5.6.0"),  # RFC 5322 2.1.1
    "body.line_too_long": (550, "5.6.0"),  # RFC 5321 4.5.3.1.6
    "message.disk_full": (452, "4.3.1"),
}


@dataclass(frozen=True, slots=True)
class Content:
    """A message as it was submitted; ``eightbit`` when it holds octets above 127, whatever was announced."""

    header: bytes
    body: Body
    eightbit: bool


class DataReader:
    """Reads one message in blocks of any size."""

    def __init__(self, settings: ListenerSettings) -> None:
        self.settings = settings
        self.received = 0  # octets on the wire
        self.size = 0  # octets of the message
        self.eightbit = False
        self.faults: set[str] = set()
        self.held = CRLF  # DATA begins at the start of a line: ".CRLF" right away is the end
        self.begun = False
        self.header = bytearray()
        self.in_header = True
        self.line = 0  # octets of the line of the body that has no end yet
        self.sink = BodySink(settings.spool_directory, settings.memory_size)

    @property
    def overrun(self) -> bool:
        """True when so much came beyond the limit that reading on is not worth it."""
        return self.received > 2 * self.settings.message_size

    def feed(self, block: bytes) -> bytes | None:
        """Take the next octets: None while the message goes on, else what followed its end."""
        self.received += len(block)
        raw = self.held + block
        end = raw.find(END)
        if end < 0:
            kept = begun_end(raw)
            self.held = raw[len(raw) - kept :]
            self.take(raw[: len(raw) - kept])
            return None
        rest = raw[end + len(END) :]
        self.received -= len(rest)
        self.take(raw[: end + 2])
        if self.in_header:
            self.end_header(bytes(self.header))
        return rest

    def take(self, raw: bytes) -> None:
        """Check a block that ends neither in the middle of a line end nor of a stuffed dot, and bring it in order."""
        if not raw:
            return
        block = self.cleaned(raw)
        if not self.begun:
            self.begun = True
            block = block[2:]  # the CRLF that was never sent
        self.size += len(block)
        self.eightbit = self.eightbit or not block.isascii()
        if self.size > self.settings.message_size:
            self.refuse("message.too_large")
        if not self.faults:
            self.split(block)

    def cleaned(self, raw: bytes) -> bytes:
        """A block without stuffed dots and with CRLF at every line end; remembers what must be refused."""
        pairs = raw.count(CRLF)
        bare_lf = raw.count(b"\n") != pairs
        if raw.count(b"\r") != pairs:
            self.refuse("message.bare_cr")
        if b"\0" in raw:
            self.refuse("message.nul")
        if bare_lf and self.settings.bare_newline == "reject":
            self.refuse("message.bare_lf")
        block = raw.replace(STUFFED, CRLF) if STUFFED in raw else raw  # RFC 5321 4.5.2
        if bare_lf:
            block = block.replace(CRLF, b"\n").replace(b"\n", CRLF)
        return block

    def split(self, block: bytes) -> None:
        """Put a block where it belongs: before or behind the empty line (RFC 5322 2.1)."""
        if not self.in_header:
            self.keep(block)
            return
        searched = max(len(self.header) - 3, 0)
        self.header += block
        if self.header.startswith(CRLF):
            body_at, header_end = 2, 0
        else:
            place = self.header.find(CRLF + CRLF, searched)
            body_at, header_end = place + 4, place + 2
            if place < 0:
                if len(self.header) > self.settings.header_size + 2:
                    self.refuse("header.too_large")
                return
        body = bytes(self.header[body_at:])
        self.end_header(bytes(self.header[:header_end]))
        self.keep(body)

    def keep(self, block: bytes) -> None:
        """Keep a piece of the body, unless a line in it is longer than anybody can want (docs/decisions/0009)."""
        longest = self.settings.body_line
        first = block.find(CRLF)
        if first < 0:
            self.line += len(block)
            too_long = self.line > longest
        else:
            too_long = self.line + first > longest
            self.line = len(block) - block.rfind(CRLF) - 2
            too_long |= len(block) > longest and len(max(block.split(CRLF), key=len)) > longest
        if too_long:
            self.refuse("body.line_too_long")
        else:
            self.sink.write(block)

    def end_header(self, header: bytes) -> None:
        """The header block is complete: hold it against its limits."""
        self.in_header = False
        self.header = bytearray(header)
        if len(header) > self.settings.header_size:
            self.refuse("header.too_large")
            return
        lines = header.split(CRLF)
        if sum(line[:1] not in {b"", b" ", b"\t"} for line in lines) > self.settings.header_fields:
            self.refuse("header.too_many")
        if len(max(lines, key=len)) > self.settings.header_line:
            self.refuse("header.line_too_long")

    def refuse(self, topic: str) -> None:
        """Remember a fault and keep nothing any more."""
        self.faults.add(topic)
        self.header.clear()
        self.sink.drop()

    def content(self) -> Content | Refusal:
        """What has come, once `feed` has seen the end. Raises OSError when the disk failed and was not just full."""
        if self.sink.error is not None and not self.faults:
            if self.sink.error.errno not in NO_SPACE:
                raise self.sink.error
            self.faults.add("message.disk_full")
        if self.faults:
            topic = next(topic for topic in FAULTS if topic in self.faults)
            code, enhanced = FAULTS[topic]
            if topic == "message.nul" and self.settings.bare_newline == "reject":
                enhanced = "5.6.11"  # beside a line end it is one more way to forge the end of data
            return Refusal(code, enhanced, topic, self.params(topic))
        return Content(bytes(self.header), self.sink.body(), self.eightbit)

    def params(self, topic: str) -> dict[str, str]:
        """What the sentence of a fault needs to know."""
        limits = {
            "message.too_large": f"{self.settings.message_size / 1_000_000:g} MB",
            "header.too_large": f"{self.settings.header_size / 1_000:g} kB",
            "header.too_many": str(self.settings.header_fields),
            "header.line_too_long": str(self.settings.header_line),
            "body.line_too_long": str(self.settings.body_line),
        }
        return {"limit": limits[topic]} if topic in limits else {}


def begun_end(raw: bytes) -> int:
    """How many of the last octets may be the beginning of CRLF.CRLF."""
    return next((length for length in (4, 3, 2, 1) if raw.endswith(END[:length])), 0)

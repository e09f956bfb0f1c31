"""A message as it goes over the wire after DATA: dots stuffed, CRLF only, one end of data (RFC 5321 4.5.2, 2.3.8)."""

from __future__ import annotations

import re

LINE_END = re.compile(rb"\r\n|\r|\n")


class DotStuffer:
    """Takes the octets of a message in chunks, wherever they were cut, and gives back what to send."""

    def __init__(self) -> None:
        self.held = b""  # a CR that may be half of a CRLF
        self.line_start = True

    def feed(self, chunk: bytes) -> bytes:
        """The next chunk as it goes over the wire; a last CR is held back until its LF may come."""
        data = self.held + chunk
        self.held = b"\r" if data.endswith(b"\r") else b""
        return self.stuff(data[:-1] if self.held else data)

    def stuff(self, data: bytes) -> bytes:
        """Whole line ends only."""
        if not data:
            return b""
        if not data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n"):
            data = LINE_END.sub(b"\r\n", data)  # RFC 5321 2.3.8: CR and LF only together
        leading = b"." if self.line_start and data.startswith(b".") else b""
        self.line_start = data.endswith(b"\n")
        return leading + data.replace(b"\r\n.", b"\r\n..")  # RFC 5321 4.5.2

    def finish(self) -> bytes:
        """What is left, and the end of data. RFC 5321 4.1.1.4: the last line gets a CRLF where it has none."""
        rest = self.stuff(self.held)
        self.held = b""
        return rest + (b".\r\n" if self.line_start else b"\r\n.\r\n")

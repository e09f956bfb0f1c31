"""Where a body waits while it comes in: in memory while it is small, else in a file that has no name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from relay.mail.message import Body, BytesBody

if TYPE_CHECKING:
    from io import FileIO

CHUNK = 256 * 1024


class SpooledBody:
    """A body in an unlinked file; its space comes back when the last reference goes. Safe to read in any thread."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size

    def chunks(self) -> Iterator[bytes]:
        """The octets in order, 256 kB at a time, each time from the start. Raises OSError when the file fails."""
        for offset in range(0, self.size, CHUNK):
            wanted = min(CHUNK, self.size - offset)
            chunk = os.pread(self.file.fileno(), wanted, offset)
            if len(chunk) != wanted:
                raise OSError(f"a waiting body ends at {offset + len(chunk)} instead of {self.size}")
            yield chunk

    def __del__(self) -> None:
        self.file.close()


class BodySink:
    """Takes a body block by block. A disk that fails is remembered in ``error`` and the rest is dropped."""

    def __init__(self, directory: str | None, memory_size: int) -> None:
        self.directory = directory
        self.memory_size = memory_size
        self.size = 0
        self.blocks: list[bytes] = []
        self.file: BinaryIO | None = None
        self.error: OSError | None = None
        self.dropping = False

    def write(self, block: bytes) -> None:
        """Add a block."""
        if self.dropping or not block:
            return
        self.size += len(block)
        if self.file is None and self.size <= self.memory_size:
            self.blocks.append(block)
            return
        try:
            self.write_out(block)
        except OSError as error:
            self.error = error
            self.drop()

    def write_out(self, block: bytes) -> None:
        """Write to the file; at first everything that waited in memory."""
        if self.file is None:
            self.file = cast("BinaryIO", tempfile.TemporaryFile(dir=self.directory, buffering=0))  # noqa: SIM115
            waiting, self.blocks = b"".join(self.blocks), []
            write_all(cast("FileIO", self.file), waiting)
        write_all(cast("FileIO", self.file), block)

    def drop(self) -> None:
        """Forget what came and ignore what will come: the message is refused already."""
        self.dropping = True
        self.blocks = []
        if self.file is not None:
            self.file.close()
            self.file = None

    def body(self) -> Body:
        """The body once all is written."""
        if self.file is None:
            return BytesBody(b"".join(self.blocks))
        return SpooledBody(self.file, self.size)


def write_all(file: FileIO, block: bytes) -> None:
    """Write to an unbuffered file until nothing is left."""
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]

"""A server that takes every message and notes when: ``python -m bench.sink PORT FILE``, "seconds subject" a line."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TextIO

REPLIES = {b"EHLO": b"250-sink.example\r\n250 PIPELINING\r\n", b"QUIT": b"221 bye\r\n", b"DATA": b"354 go ahead\r\n"}


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, notes: TextIO) -> None:
    """One connection."""
    writer.write(b"220 sink.example ESMTP\r\n")
    while line := await reader.readline():
        verb = line[:4].upper().strip()
        writer.write(REPLIES.get(verb, b"250 ok\r\n"))
        if verb == b"DATA":
            message = await reader.readuntil(b"\r\n.\r\n")
            subject = message.partition(b"\r\nSubject: ")[2].partition(b"\r\n")[0].decode()
            notes.write(f"{time.time():.3f} {subject}\n")
            notes.flush()
            writer.write(b"250 taken\r\n")
        elif verb == b"QUIT":
            break
    writer.close()


async def serve(port: int, notes: TextIO) -> None:
    """Until the process ends."""

    async def talked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer, notes)

    server = await asyncio.start_server(talked, "127.0.0.1", port, limit=2**22)
    await server.serve_forever()


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w") as file:
        asyncio.run(serve(int(sys.argv[1]), file))

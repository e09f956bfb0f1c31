"""A load generator: a number of sessions that hand in messages as fast as the server takes them.

Runs as a process of its own (``python -m bench.client``), so that its work is not counted as the server's. It pipelines
MAIL, RCPT and DATA (RFC 2920) and counts only messages that were answered 250 after the final dot.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What to send, and to whom. ``size`` is in octets."""

    port: int
    sessions: int
    messages: int
    size: int
    username: str
    password: str
    sender: str


def message(load: Load, number: int) -> bytes:
    """An invoice-like message of about ``size`` octets, dot-stuffed, with the final dot."""
    head = (
        f"From: Bakker B.V. <{load.sender}>\r\nTo: klant@customer.example\r\nSubject: Factuur {number}\r\n"
        f"Date: Tue, 24 Nov 2026 09:00:00 +0000\r\nMessage-ID: <{number}@app.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
    ).encode()
    line = b"Every line of this invoice is as long as a line of an invoice should be, and no longer.\r\n"
    lines = max(1, (load.size - len(head)) // len(line))
    return head + line * lines + b".\r\n"


async def reply(reader: asyncio.StreamReader) -> int:
    """The code of the next reply."""
    while True:
        line = await reader.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        if line[3:4] != b"-":
            return int(line[:3])


async def session(load: Load, numbers: list[int]) -> int:
    """One session that sends ``numbers`` messages; how many were accepted."""
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port, limit=2**20)
    await reply(reader)
    writer.write(b"EHLO bench.example\r\n")
    await reply(reader)
    if load.username:
        token = base64.b64encode(f"\0{load.username}\0{load.password}".encode())
        writer.write(b"AUTH PLAIN " + token + b"\r\n")
        if await reply(reader) != 235:
            raise PermissionError("login refused")
    start = f"MAIL FROM:<{load.sender}>\r\nRCPT TO:<klant@customer.example>\r\nDATA\r\n".encode()
    accepted = 0
    for number in numbers:
        writer.write(start)
        codes = [await reply(reader) for _ in range(3)]
        if codes != [250, 250, 354]:
            raise ConnectionError(f"replies to MAIL, RCPT, DATA: {codes}")
        writer.write(message(load, number))
        await writer.drain()
        accepted += await reply(reader) == 250
    writer.write(b"QUIT\r\n")
    await reply(reader)
    writer.close()
    return accepted


async def run(load: Load) -> dict[str, float]:
    """All sessions at once: accepted messages and the seconds they took."""
    shares = [list(range(number, load.messages, load.sessions)) for number in range(load.sessions)]
    began = time.perf_counter()
    accepted = sum(await asyncio.gather(*(session(load, share) for share in shares)))
    return {"accepted": accepted, "seconds": time.perf_counter() - began}


def main() -> None:
    """Read the load from the command line, print the result as JSON."""
    parser = argparse.ArgumentParser()
    for name, kind in Load.__annotations__.items():
        parser.add_argument(f"--{name}", type=int if kind == "int" else str, required=True)
    load = Load(**vars(parser.parse_args()))
    try:
        import uvloop

        print(json.dumps(uvloop.run(run(load))))
    except ImportError:
        print(json.dumps(asyncio.run(run(load))))


if __name__ == "__main__":
    main()

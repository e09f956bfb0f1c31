"""One question to one nameserver, as octets: by UDP, and by TCP where the answer did not fit (RFC 1035 4.2, RFC 7766).

Each question has a socket, and so a port, of its own, and an id that nobody can guess (RFC 5452 9.2).
"""

from __future__ import annotations

import asyncio
import secrets
import struct

HEADER = struct.Struct(">HHHHHH")  # RFC 1035 4.1.1: id, flags, and how many questions, answers, authorities, others
RD, AD, TC, QR = 0x0100, 0x0020, 0x0200, 0x8000
UDP_PAYLOAD = 1232  # no IP fragments; longer answers come by TCP
OPT = b"\0" + struct.pack(">HHIH", 41, UDP_PAYLOAD, 0, 0)  # RFC 6891 6.1.2
IN = 1


def make_query(name: bytes, rdtype: int) -> bytes:
    """The octets of a question about a name in wire form. RFC 6840 5.7: AD in a query asks for AD in the answer."""
    return HEADER.pack(secrets.randbits(16), RD | AD, 1, 0, 0, 1) + name + struct.pack(">HH", rdtype, IN) + OPT


async def exchange(server: tuple[str, int], query: bytes) -> bytes:
    """The octets of the answer, whatever it says. Raises OSError and EOFError for what the network does."""
    reply = await by_udp(server, query)
    return await by_tcp(server, query) if flags_of(reply) & TC else reply


async def by_udp(server: tuple[str, int], query: bytes) -> bytes:
    """Send, and wait for a datagram that answers it; others are ignored."""
    loop = asyncio.get_running_loop()
    waiting = Waiting(query, loop.create_future())
    transport, _ = await loop.create_datagram_endpoint(lambda: waiting, remote_addr=server)
    try:
        transport.sendto(query)
        return await waiting.reply
    finally:
        transport.abort()


async def by_tcp(server: tuple[str, int], query: bytes) -> bytes:
    """The same by TCP, each message behind its length (RFC 1035 4.2.2)."""
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        size = int.from_bytes(await reader.readexactly(2), "big")
        reply = await reader.readexactly(size)
    finally:
        writer.transport.abort()
    if not is_reply(reply, query):
        raise EOFError("another question was answered")
    return reply


class Waiting(asyncio.DatagramProtocol):
    """Takes the first datagram that answers a query."""

    def __init__(self, query: bytes, reply: asyncio.Future[bytes]) -> None:
        self.query = query
        self.reply = reply

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:  # noqa: ARG002
        if is_reply(data, self.query) and not self.reply.done():
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)  # nobody listens there (ICMP)


def is_reply(data: bytes, query: bytes) -> bool:
    """True for an answer to this query: the same id and the same question (RFC 5452 9.1). A nameserver that did not
    understand may leave the question out."""
    if len(data) < HEADER.size or data[:2] != query[:2] or not flags_of(data) & QR:
        return False
    asked = query[HEADER.size : -len(OPT)]
    if not HEADER.unpack_from(data)[2]:
        return bool(flags_of(data) & 0x000F)
    return data[HEADER.size : HEADER.size + len(asked)].lower() == asked.lower()


def flags_of(data: bytes) -> int:
    """The flags of a message, with the rcode in the last four bits."""
    return int(HEADER.unpack_from(data)[1])


def head_of(data: bytes) -> tuple[int, int]:
    """The rcode, and how many answer records there are."""
    return flags_of(data) & 0x000F, int(HEADER.unpack_from(data)[3])

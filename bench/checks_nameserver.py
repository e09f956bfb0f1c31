"""A nameserver on loopback for `bench.checks_zones`, its answers late: ``python -m bench.checks_nameserver MS``.

Answers are made once and kept, so that what is measured is the asking and not this.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from functools import cache

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from bench.checks_zones import ZONES
from relay.net.zone import Zone

ROOM = 1232
ZONE = Zone(ZONES)
COUNTER = "questions.counter.test"  # its TXT says how many other questions were asked


@cache
def answer(question: bytes, limit: int) -> bytes | None:
    """The octets of the answer to a question, its id left out; None is silence."""
    query = dns.message.from_wire(b"\0\0" + question)
    name, rdtype = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
    text = name.to_text(omit_final_dot=True).lower()
    made = dns.message.make_response(query)
    made.flags |= dns.flags.RA
    rows = ZONE.names.get(text)
    if isinstance(rows, str):
        if rows == "timeout":
            return None
        made.set_rcode(dns.rcode.from_text(rows))
    elif rows is None:
        below = any(other.endswith(f".{text}") for other in ZONE.names)
        made.set_rcode(dns.rcode.NOERROR if below else dns.rcode.NXDOMAIN)
    elif values := rows.get(rdtype):
        records = [rdata(rdtype, str(value)) for value in values]
        made.answer.append(dns.rrset.from_rdata_list(name, 300, records))
    wire = made.to_wire(max_size=65535)
    if len(wire) > limit:
        made.answer.clear()
        made.flags |= dns.flags.TC
        wire = made.to_wire()
    return wire[2:]


def rdata(rdtype: str, value: str) -> dns.rdata.Rdata:
    """A value of the table as dnspython has it."""
    if rdtype in {"TXT", "SPF"}:
        octets = value.encode()
        value = " ".join(f'"{octets[at : at + 255].decode()}"' for at in range(0, len(octets), 255))
    elif rdtype in {"MX", "NS", "CNAME", "PTR"}:
        value += "."
    return dns.rdata.from_text(dns.rdataclass.IN, rdtype, value)


def counted(octets: bytes, number: int) -> bytes:
    """The answer with a number."""
    made = dns.message.make_response(query := dns.message.from_wire(octets))
    made.answer.append(dns.rrset.from_rdata(query.question[0].name, 0, rdata("TXT", str(number))))
    return made.to_wire()


class Udp(asyncio.DatagramProtocol):
    """Answers each question after the delay."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.asked = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if b"\x09questions\x07counter" in data:
            self.transport.sendto(counted(data, self.asked), addr)
            return
        self.asked += 1
        if (wire := answer(data[2:], ROOM)) is not None:
            asyncio.get_running_loop().call_later(self.delay, self.transport.sendto, data[:2] + wire, addr)


async def serve(delay: float) -> None:
    """Listen on both transports of one free port, say which, and go on until the process ends."""

    async def by_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                await asyncio.sleep(delay)
                wire = data[:2] + (answer(data[2:], 65535) or b"")
                writer.write(len(wire).to_bytes(2, "big") + wire)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    tcp = socket.create_server(("127.0.0.1", 0))
    listening = await asyncio.start_server(by_tcp, sock=tcp)
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Udp(delay), local_addr=tcp.getsockname())
    print(json.dumps({"pid": os.getpid(), "port": tcp.getsockname()[1]}), flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) / 1000))

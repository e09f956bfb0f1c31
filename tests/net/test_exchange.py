"""What counts as the answer to a question, and whom the resolver asks next."""

from __future__ import annotations

import asyncio
import socket

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from relay.net.dns import DnsResolver, NoData, NoName, Records, Unknown
from relay.net.exchange import is_reply, make_query

NAME = b"\x07example\x02nl\x00"
TXT = 16


def reply_to(query: bytes, **changes) -> bytes:
    """An answer with one record; ``changes`` spoil it."""
    message = dns.message.make_response(dns.message.from_wire(query))
    message.answer.append(dns.rrset.from_text("example.nl.", 60, "IN", "TXT", '"right"'))
    for name, value in changes.items():
        setattr(message, name, value)
    return message.to_wire()


def test_a_question_is_well_formed() -> None:
    message = dns.message.from_wire(make_query(NAME, TXT))
    assert message.question == [dns.rrset.RRset(dns.name.from_text("example.nl."), 1, TXT)]
    assert message.flags == dns.flags.RD | dns.flags.AD
    assert (message.edns, message.payload) == (0, 1232)


def test_ids_differ() -> None:
    assert len({make_query(NAME, TXT)[:2] for _ in range(50)}) > 40


def test_only_an_answer_to_the_question_counts() -> None:
    query = make_query(NAME, TXT)
    assert is_reply(reply_to(query), query)
    assert is_reply(reply_to(query).replace(b"example", b"eXAMPLE"), query)
    assert not is_reply(reply_to(query).replace(b"example", b"evil.ex"), query)
    assert not is_reply(reply_to(query, id=(query[0] << 8 | query[1]) ^ 1), query)
    assert not is_reply(query, query)
    assert not is_reply(query[:2], query)
    assert not is_reply(b"", query)


def test_a_refusal_may_leave_the_question_out() -> None:
    query = make_query(NAME, TXT)
    assert is_reply(query[:2] + b"\x80\x01" + b"\0" * 8, query)
    assert not is_reply(query[:2] + b"\x80\x00" + b"\0" * 8, query)


class Liar(asyncio.DatagramProtocol):
    """Sends forged answers before the right one."""

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data, addr) -> None:
        forged = reply_to(data).replace(b"right", b"wrong")
        self.transport.sendto(bytes([forged[0] ^ 0xFF]) + forged[1:], addr)
        self.transport.sendto(forged.replace(b"example", b"another"), addr)
        self.transport.sendto(b"\xff" * 40, addr)
        self.transport.sendto(reply_to(data), addr)


class Saying(asyncio.DatagramProtocol):
    """Says one thing, or nothing; knows how often it was asked."""

    def __init__(self, rcode: dns.rcode.Rcode | None) -> None:
        self.rcode = rcode
        self.asked = 0

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data, addr) -> None:
        self.asked += 1
        if self.rcode is not None:
            reply = dns.message.make_response(dns.message.from_wire(data))
            reply.set_rcode(self.rcode)
            self.transport.sendto(reply.to_wire(), addr)


@pytest.fixture
async def listening():
    """Starts servers at free ports of loopback; returns their addresses."""
    transports = []

    async def start(*servers: asyncio.DatagramProtocol) -> list[str]:
        addresses = []
        for server in servers:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda server=server: server, local_addr=("127.0.0.1", 0)
            )
            transports.append(transport)
            addresses.append(f"127.0.0.1:{transport.get_extra_info('sockname')[1]}")
        return addresses

    yield start
    for transport in transports:
        transport.close()


async def test_forged_answers_are_ignored(listening) -> None:
    found = await DnsResolver(await listening(Liar()), 2).lookup("example.nl", "TXT")
    assert isinstance(found, Records)
    assert found.values == (b"right",)


@pytest.mark.parametrize(
    ("rcode", "expected"),
    [
        (dns.rcode.NOERROR, NoData()),
        (dns.rcode.NXDOMAIN, NoName()),
        (dns.rcode.REFUSED, Unknown("REFUSED")),
        (dns.rcode.FORMERR, Unknown("FORMERR")),
    ],
)
async def test_what_a_nameserver_says(listening, rcode, expected) -> None:
    server = Saying(rcode)
    assert await DnsResolver(await listening(server), 2).lookup("example.nl", "TXT") == expected
    assert server.asked == 1


async def test_one_that_does_not_know_is_not_asked_again(listening) -> None:
    broken, silent = Saying(dns.rcode.SERVFAIL), Saying(None)
    found = await DnsResolver(await listening(broken, silent), 0.3, 0.05).lookup("example.nl", "TXT")
    assert found == Unknown("timeout")
    assert broken.asked == 1
    assert silent.asked > 2


async def test_a_silent_one_is_passed_over(listening) -> None:
    silent, knowing = Saying(None), Saying(dns.rcode.NXDOMAIN)
    assert await DnsResolver(await listening(silent, knowing), 2, 0.05).lookup("example.nl", "TXT") == NoName()


async def test_nobody_listens_there() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
    found = await DnsResolver([address], 5).lookup("example.nl", "TXT")
    assert found == Unknown("ConnectionRefusedError")


async def test_a_long_answer_that_never_comes_by_tcp(listening) -> None:
    class Truncating(Saying):
        def datagram_received(self, data, addr) -> None:
            self.transport.sendto(reply_to(data, flags=dns.flags.QR | dns.flags.TC), addr)

    found = await DnsResolver(await listening(Truncating(None)), 1).lookup("example.nl", "TXT")
    assert found == Unknown("ConnectionRefusedError")

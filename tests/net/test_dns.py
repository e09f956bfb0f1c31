"""The resolver against real nameservers on loopback, and the zone that stands in for it."""

from __future__ import annotations

import asyncio

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from relay.net.dns import DnsResolver, Mx, NoData, NoName, Records, Unknown, host_port
from relay.net.zone import Zone

ROWS = {
    ("example.nl.", "MX"): ["20 mx2.example.nl.", "10 MX1.example.nl."],
    ("null.example.", "MX"): ["0 ."],
    ("example.nl.", "TXT"): ['"v=spf1 " "-all"', '"\\255\\000"'],
    ("mx1.example.nl.", "A"): ["192.0.2.1", "192.0.2.2"],
    ("mx1.example.nl.", "AAAA"): ["2001:db8::1"],
    ("example.nl.", "NS"): ["NS.example.nl."],
    ("big.example.", "TXT"): [f'"{"x" * 250}{number}"' for number in range(30)],
}


class Nameserver(asyncio.DatagramProtocol):
    """Answers from `ROWS`; names that begin with a word do what it says."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting = self.most_waiting = 0

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data, addr) -> None:
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        asyncio.get_running_loop().call_later(0.005, self.answer, data, addr)

    def answer(self, data, addr) -> None:
        self.waiting -= 1
        if octets := self.response(data, 1232):
            self.transport.sendto(octets, addr)

    def response(self, data: bytes, room: int) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, rdtype = question.name.to_text().lower(), question.rdtype.name
        self.asked.append(f"{name} {rdtype}")
        answer = dns.message.make_response(query)
        match name.partition(".")[0]:
            case "silent":
                return None
            case "garbage":
                return b"\xff" * 40
            case "servfail":
                answer.set_rcode(dns.rcode.SERVFAIL)
            case "refused":
                answer.set_rcode(dns.rcode.REFUSED)
            case "loop":
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", name))
            case "alias":
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", "mx1.example.nl."))
                answer.answer.append(dns.rrset.from_text("mx1.example.nl.", 60, "IN", "A", "192.0.2.1"))
            case _ if (name, rdtype) in ROWS:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", rdtype, *ROWS[name, rdtype]))
            case _ if not any(known.endswith(name) for known, _ in ROWS):
                answer.set_rcode(dns.rcode.NXDOMAIN)
        octets = answer.to_wire(max_size=65535)
        if len(octets) > room:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
            octets = answer.to_wire()
        return octets

    async def by_tcp(self, reader, writer) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        octets = self.response(await reader.readexactly(size), 65535) or b""
        writer.write(len(octets).to_bytes(2, "big") + octets)
        await writer.drain()
        writer.close()


@pytest.fixture
async def nameserver(twins):
    tcp_socket, udp_socket = twins()
    port = udp_socket.getsockname()[1]
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(Nameserver, sock=udp_socket)
    tcp = await asyncio.start_server(server.by_tcp, sock=tcp_socket)
    server.address = f"127.0.0.1:{port}"
    yield server
    transport.close()
    tcp.close()


CASES = [
    ("example.nl", "MX", {Mx(10, "mx1.example.nl"), Mx(20, "mx2.example.nl")}),
    ("EXAMPLE.nl.", "MX", {Mx(10, "mx1.example.nl"), Mx(20, "mx2.example.nl")}),
    ("null.example", "MX", {Mx(0, "")}),
    ("example.nl", "TXT", {b"v=spf1 -all", b"\xff\0"}),
    ("mx1.example.nl", "A", {"192.0.2.1", "192.0.2.2"}),
    ("mx1.example.nl", "AAAA", {"2001:db8::1"}),
    ("alias.example.nl", "A", {"192.0.2.1"}),
    ("example.nl", "NS", {"ns.example.nl"}),
    ("example.nl", "A", NoData()),
    ("nobody.example", "MX", NoName()),
    ("a..b.example", "MX", NoName()),
    (f"{'x' * 64}.example", "MX", NoName()),
    ("", "MX", None),
]


@pytest.mark.parametrize(("name", "rdtype", "expected"), CASES)
async def test_answers(nameserver, name, rdtype, expected):
    found = await DnsResolver([nameserver.address], 2).lookup(name, rdtype)
    if isinstance(expected, set):
        assert isinstance(found, Records)
        assert set(found.values) == expected
        assert found.ttl == 60
    elif expected is not None:
        assert found == expected


@pytest.mark.parametrize(
    "name", ["servfail.example", "refused.example", "loop.example", "garbage.example", "silent.example"]
)
async def test_failures_are_unknown(nameserver, name):
    found = await DnsResolver([nameserver.address], 0.5).lookup(name, "MX")
    assert isinstance(found, Unknown)
    assert found.reason


async def test_the_reason_is_the_nameservers(nameserver):
    found = await DnsResolver([nameserver.address], 2).lookup("servfail.example", "MX")
    assert found == Unknown("SERVFAIL")


async def test_nobody_answers():
    assert isinstance(await DnsResolver(["127.0.0.1:1"], 0.3).lookup("example.nl", "MX"), Unknown)


async def test_a_long_answer_comes_by_tcp(nameserver):
    found = await DnsResolver([nameserver.address], 2).lookup("big.example", "TXT")
    assert isinstance(found, Records)
    assert len(found.values) == 30


async def test_names_are_absolute(nameserver):
    await DnsResolver([nameserver.address], 2).lookup("nobody.example", "MX")
    assert nameserver.asked == ["nobody.example. MX"]


async def test_no_more_than_32_questions_at_once(nameserver):
    resolver = DnsResolver([nameserver.address], 5)
    found = await asyncio.gather(*(resolver.lookup(f"host{n}.example.nl", "A") for n in range(100)))
    assert len(found) == 100
    assert 10 < nameserver.most_waiting <= 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
        ("2001:db8::1", ("2001:db8::1", 53)),
    ],
)
def test_nameservers_are_written_as_host_and_port(text, expected):
    assert host_port(text) == expected


ZONE = {
    "Example.nl": {"MX": ["10 mx.example.nl."], "TXT": ["v=spf1 -all", b"\xff"], "AAAA": "SERVFAIL"},
    "a.b.example": {"A": ["192.0.2.1"]},
    "alias.example": {"CNAME": ["a.b.example"]},
    "bad-alias.example": {"CNAME": "SERVFAIL"},
    "loop.example": {"CNAME": ["loop.example"]},
    "broken.example": "timeout",
    "null.example": {"MX": ["0 ."]},
}


@pytest.mark.parametrize(
    ("name", "rdtype", "expected"),
    [
        ("example.NL.", "MX", Records((Mx(10, "mx.example.nl"),), 300)),
        ("example.nl", "TXT", Records((b"v=spf1 -all", b"\xff"), 300)),
        ("example.nl", "AAAA", Unknown("SERVFAIL")),
        ("example.nl", "A", NoData()),
        ("b.example", "A", NoData()),
        ("c.example", "A", NoName()),
        ("alias.example", "A", Records(("192.0.2.1",), 300)),
        ("alias.example", "CNAME", Records(("a.b.example",), 300)),
        ("alias.example", "MX", NoData()),
        ("bad-alias.example", "A", Unknown("SERVFAIL")),
        ("loop.example", "A", Unknown("CNAME loop")),
        ("broken.example", "MX", Unknown("timeout")),
        ("null.example", "MX", Records((Mx(0, ""),), 300)),
    ],
)
async def test_a_zone_is_a_literal(name, rdtype, expected):
    zone = Zone(ZONE)
    assert await zone.lookup(name, rdtype) == expected
    assert zone.asked == [(name.lower().rstrip("."), rdtype)]


def test_the_port_needs_no_import_of_dnspython() -> None:
    import subprocess
    import sys

    code = "import sys, relay.net.dns, relay.net.zone; sys.exit('dns' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""The RFC 7208 test suite as zones and cases, a real nameserver on loopback, and the command line."""

from __future__ import annotations

import asyncio
import json
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
import yaml
from click.testing import CliRunner, Result

from relay.cli import main
from relay.net.zone import Zone

# The suite comes with pyspf's source; `make` puts that beside the installed packages.
SUITE = Path(sys.prefix) / "suites" / "pyspf-2.0.14.tar.gz"
SUITE_MEMBER = "pyspf-2.0.14/test/rfc7208-tests.yml"
TYPES = ("TXT", "SPF", "A", "AAAA", "MX", "PTR")


def scenario_rows(entries: list[Any]) -> dict[str, Any] | str:
    """The rows of one name of the suite: records for SPF count as TXT where there is no TXT of its own."""
    if entries == ["TIMEOUT"]:
        return "timeout"
    rows: dict[str, Any] = {}
    for entry in entries:
        if entry == "TIMEOUT":
            continue
        for rdtype, value in entry.items():
            rows.setdefault(rdtype, []).append(suite_value(rdtype, value))
    if "TXT" not in rows and "SPF" in rows:
        rows["TXT"] = rows["SPF"]
    if rows.get("TXT") == [b"NONE"]:
        del rows["TXT"]
    if "TIMEOUT" in entries:
        rows |= {rdtype: "timeout" for rdtype in TYPES if rdtype not in rows}
    return rows


def suite_value(rdtype: str, value: Any) -> str | bytes:
    """A value as `Zone` reads it."""
    if rdtype == "MX":
        return f"{value[0]} {value[1] or '.'}"
    return "".join(value).encode("utf-8") if rdtype in {"TXT", "SPF"} else value


@dataclass(frozen=True)
class SuiteCase:
    """One question of the suite with its zone."""

    name: str
    zone: dict[str, Any]
    test: dict[str, Any]

    @property
    def domain(self) -> str:
        """The domain whose record decides."""
        return self.test["mailfrom"].rpartition("@")[2] or self.test["helo"]

    def judge(self, result: str, explanation: str | None) -> None:
        """Fail unless the result is one of those that the suite accepts, and the explanation is exact."""
        accepted = self.test["result"]
        assert result in ([accepted] if isinstance(accepted, str) else accepted), self.test
        if "explanation" in self.test:
            expected = self.test["explanation"]
            assert explanation == (None if expected == "DEFAULT" else expected), self.test


def load_suite() -> list[SuiteCase]:
    if not SUITE.exists():
        raise FileNotFoundError(f"{SUITE}: the RFC 7208 suite is not there; fetch it with: make suites")
    with tarfile.open(SUITE) as archive:
        text = archive.extractfile(SUITE_MEMBER)
        assert text is not None
        scenarios = [scenario for scenario in yaml.safe_load_all(text.read()) if scenario]
    return [
        SuiteCase(name, {key: scenario_rows(rows) for key, rows in scenario["zonedata"].items()}, test)
        for scenario in scenarios
        for name, test in scenario["tests"].items()
    ]


CASES = load_suite()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "suite_case" in metafunc.fixturenames:
        metafunc.parametrize("suite_case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="session")
def suite() -> list[SuiteCase]:
    return CASES


@dataclass
class Nameserver:
    """A zone served by UDP and TCP on one port of 127.0.0.1, in a thread. ``zone`` may be exchanged between questions;
    the reason ``timeout`` is never answered, ``truncated`` is a set TC flag by UDP, others are a SERVFAIL."""

    zone: dict[str, Any] = field(default_factory=dict)
    delay: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def reply(self, octets: bytes, room: int) -> bytes | None:
        query = dns.message.from_wire(octets)
        name = query.question[0].name
        rdtype = dns.rdatatype.to_text(query.question[0].rdtype)
        text = b".".join(name.labels[:-1]).decode("latin-1").lower()
        self.asked.append((text, rdtype))
        answer = dns.message.make_response(query)
        rows = Zone(self.zone).names.get(text)
        if isinstance(rows, str) or isinstance(rows and rows.get(rdtype), str):
            reason = rows if isinstance(rows, str) else rows[rdtype]
            if reason == "timeout":
                return None
            answer.set_rcode(dns.rcode.from_text(reason))
            return answer.to_wire()
        if rows is None:
            below = any(other.lower().endswith(f".{text}") for other in self.zone)
            answer.set_rcode(dns.rcode.NOERROR if below else dns.rcode.NXDOMAIN)
        else:
            self.fill(answer, name, rows, rdtype)
        wire = answer.to_wire(max_size=65535)
        if len(wire) > room:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
            wire = answer.to_wire()
        return wire

    def fill(self, answer: dns.message.Message, name: dns.name.Name, rows: dict[str, Any], rdtype: str) -> None:
        """Put the records in, through at most eight aliases."""
        for _ in range(8):
            if rdtype in rows or "CNAME" not in rows:
                break
            target = rdname(rows["CNAME"][0])
            answer.answer.append(dns.rrset.from_rdata(name, 60, rdata("CNAME", rows["CNAME"][0])))
            name = target
            rows = Zone(self.zone).names.get(target.to_text(omit_final_dot=True).lower(), {})
        if values := rows.get(rdtype):
            answer.answer.append(dns.rrset.from_rdata_list(name, 60, [rdata(rdtype, value) for value in values]))


def rdname(text: str) -> dns.name.Name:
    labels = [label.encode("latin-1") for label in text.rstrip(".").split(".") if label]
    return dns.name.Name([*labels, b""])


def rdata(rdtype: str, value: Any) -> dns.rdata.Rdata:
    kind = dns.rdatatype.from_text(rdtype)
    if rdtype in {"TXT", "SPF"}:
        octets = value if isinstance(value, bytes) else value.encode()
        strings = [octets[start : start + 255] for start in range(0, len(octets), 255)] or [b""]
        wire = b"".join(bytes([len(string)]) + string for string in strings)
        return dns.rdata.from_wire(dns.rdataclass.IN, kind, wire, 0, len(wire))
    if rdtype == "MX":
        preference, exchange = value.split()
        wire = int(preference).to_bytes(2, "big") + rdname(exchange).to_wire()
        return dns.rdata.from_wire(dns.rdataclass.IN, kind, wire, 0, len(wire))
    if rdtype in {"PTR", "CNAME", "NS"}:
        wire = rdname(value).to_wire()
        return dns.rdata.from_wire(dns.rdataclass.IN, kind, wire, 0, len(wire))
    return dns.rdata.from_text(dns.rdataclass.IN, kind, value)


class Udp(asyncio.DatagramProtocol):
    def __init__(self, server: Nameserver) -> None:
        self.server = server

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data, addr) -> None:
        asyncio.get_running_loop().call_later(self.server.delay, self.answer, data, addr)

    def answer(self, data, addr) -> None:
        if wire := self.server.reply(data, 1232):
            self.transport.sendto(wire, addr)


def serve(server: Nameserver, twins, ready: threading.Event, stop: list[Any]) -> None:
    """Run the nameserver until its stop event."""

    async def by_tcp(reader, writer) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        wire = server.reply(await reader.readexactly(size), 65535) or b""
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()
        writer.close()

    async def run() -> None:
        tcp, udp = twins()
        server.address = f"127.0.0.1:{tcp.getsockname()[1]}"
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Udp(server), sock=udp)
        listening = await asyncio.start_server(by_tcp, sock=tcp)
        over = asyncio.Event()
        stop.extend([asyncio.get_running_loop(), over])
        ready.set()
        await over.wait()
        transport.close()
        listening.close()

    asyncio.run(run())


def started(twins) -> Iterator[Nameserver]:
    server, ready, stop = Nameserver(), threading.Event(), []
    thread = threading.Thread(target=serve, args=(server, twins, ready, stop))
    thread.start()
    assert ready.wait(5)
    yield server
    stop[0].call_soon_threadsafe(stop[1].set)
    thread.join(5)


@pytest.fixture
def nameserver(twins) -> Iterator[Nameserver]:
    """A nameserver whose zone the test fills."""
    yield from started(twins)


@pytest.fixture
def second_nameserver(twins) -> Iterator[Nameserver]:
    """Another one."""
    yield from started(twins)


@dataclass(frozen=True)
class Checks:
    """Runs ``relay check`` against nameservers."""

    def run(self, *arguments: str, servers: tuple[Nameserver, ...] = ()) -> Result:
        options = [part for server in servers for part in ("--nameserver", server.address)]
        result = CliRunner().invoke(main, ["check", *arguments, *options])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *arguments: str, servers: tuple[Nameserver, ...] = ()) -> Any:
        return json.loads(self.run(*arguments, "--json", servers=servers).stdout)


@pytest.fixture
def checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checks:
    """The command line, with no configuration but the defaults."""
    monkeypatch.chdir(tmp_path)
    return Checks()

"""DANE of a domain: every finding from a zone and from certificates, what must not be found, and the command line."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import threading
from dataclasses import dataclass, field, replace

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from relay.checks.asking import Asking
from relay.checks.dane.check import Dial, check_dane
from relay.checks.dane.findings import judge_dane
from relay.checks.dane.known import Dane, Seen, Server
from relay.locales import catalog
from relay.net.client import Timeouts
from relay.net.dns import Mx, NoData, Records, Unknown
from relay.net.zone import Zone

DOMAIN = "example.nl"
HOST = "mail.example.nl"
PLACE = f"_25._tcp.{HOST}"
CA = trustme.CA()
LEAF = CA.issue_cert(HOST)
OTHER = CA.issue_cert(HOST)


def der(pem: bytes) -> bytes:
    return load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def key_digest(pem: bytes) -> str:
    key = load_pem_x509_certificate(pem).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


CHAIN = (der(LEAF.cert_chain_pems[0].bytes()), der(CA.cert_pem.bytes()))
DIGEST = key_digest(LEAF.cert_chain_pems[0].bytes())
GOOD, STALE = f"3 1 1 {DIGEST}", f"3 1 1 {'ab' * 32}"
ROOTED = {"": {"NS": ["a.root.example"]}}


class Partly:
    """A zone that is signed but for some names."""

    def __init__(self, names, unsigned=()) -> None:
        self.zone = Zone(ROOTED | names, signed=True)
        self.unsigned = set(unsigned)

    async def lookup(self, name, rdtype):
        answer = await self.zone.lookup(name, rdtype)
        if isinstance(answer, Records) and self.unsigned & {name, rdtype}:
            return replace(answer, authenticated=False)
        return answer

    def at(self, address):
        return None


def zone(*tlsa, mx=("10 mail.example.nl",), **more):
    names = {DOMAIN: {"MX": mx}, HOST: {"A": ["192.0.2.1"]} | more}
    return names | ({PLACE: {"TLSA": list(tlsa)}} if tlsa else {})


TWO = zone(GOOD, mx=("10 mail.example.nl", "20 b.example.nl")) | {"b.example.nl": {"A": ["192.0.2.2"]}}
ALIAS = {DOMAIN: {"MX": ["10 mx.example.nl"]}, "mx.example.nl": {"CNAME": [HOST]}, HOST: {"A": ["192.0.2.1"]}}

# The zone, which names or types are unsigned, and the findings with the value to publish.
CASES = {
    "fine": (zone(GOOD), (), {}),
    "usage 2": (zone(f"2 0 1 {'cd' * 32}"), (), {}),
    "no mail": (zone(mx=("0 .",)), (), {}),
    "a domain that does not exist": ({}, (), {}),
    "no MX, but a record": ({DOMAIN: {"A": ["192.0.2.1"]}, f"_25._tcp.{DOMAIN}": {"TLSA": [GOOD]}}, (), {}),
    "an alias, record at its end": (ALIAS | {PLACE: {"TLSA": [GOOD]}}, (), {}),
    "an alias, record at the alias": (ALIAS | {"_25._tcp.mx.example.nl": {"TLSA": [GOOD]}}, (), {}),
    "only IPv6": ({DOMAIN: {"MX": [f"10 {HOST}"]}, HOST: {"AAAA": ["2001:db8::1"]}, PLACE: {"TLSA": [GOOD]}}, (), {}),
    "none": (zone(), (), {"dane.none": None}),
    "none and unsigned": (zone(), (DOMAIN, "NS"), {"dane.none": None}),
    "one of two": (TWO, (), {"dane.partial": None}),
    "a nameserver that does not check": (zone(GOOD), (".", "NS", "TLSA", "A", "MX"), {"dane.unvalidated": None}),
    "an unsigned record": (zone(GOOD), (PLACE,), {"dane.unsigned": None}),
    "an unsigned address": (zone(GOOD), (HOST,), {"dane.unsigned": None}),
    "an unsigned MX": (zone(GOOD), (DOMAIN,), {"dane.mx.unsigned": None}),
    "usage 1": (zone(GOOD, f"1 1 1 {DIGEST}"), (), {"dane.usage": GOOD}),
    "usage 0": (zone(f"0 0 1 {'ef' * 32}"), (), {"dane.usage": f"2 0 1 {'ef' * 32}"}),
    "a digest cut short": (zone(GOOD, "3 1 1 abcd"), (), {"dane.unusable": None}),
    "usage 9": (zone(f"9 1 1 {DIGEST}"), (), {"dane.unusable": None}),
    "TLSA unknown": (zone() | {PLACE: "SERVFAIL"}, (), {"dane.unknown": None}),
    "MX unknown": ({DOMAIN: "timeout"}, (), {"dane.unknown": None}),
    "address unknown": (zone(GOOD, AAAA="SERVFAIL"), (), {"dane.unknown": None}),
}


@pytest.mark.parametrize("case", CASES)
async def test_cases(case) -> None:
    names, unsigned, expected = CASES[case]
    part = await check_dane(Asking(Partly(names, unsigned)), DOMAIN)
    assert {each.id: each.fix.value if each.fix else None for each in part.findings} == expected


def dane(seen, *records, mx=("mail.example.nl",)):
    answers = Records(records, 60, authenticated=True) if records else NoData()
    signed = Records(("192.0.2.1",), 60, authenticated=True)
    exchanges = Records(tuple(Mx(10, host) for host in mx), 60, authenticated=True)
    return Dane(DOMAIN, signed, exchanges, (Server(HOST, HOST, (signed,), answers, (seen,)),))


LOOKS = {
    "fine": (dane(Seen("192.0.2.1", CHAIN), GOOD), {}),
    "the authority": (dane(Seen("192.0.2.1", CHAIN), f"2 0 1 {hashlib.sha256(CHAIN[1]).hexdigest()}"), {}),
    "the next key is published already": (dane(Seen("192.0.2.1", CHAIN), STALE, GOOD), {}),
    "a stale record": (dane(Seen("192.0.2.1", CHAIN), STALE), {"dane.mismatch": GOOD}),
    "a certificate nobody can read": (dane(Seen("192.0.2.1", (b"x",)), STALE), {"dane.mismatch": None}),
    "no TLS": (dane(Seen("192.0.2.1"), GOOD), {"dane.starttls": None}),
    "nobody there": (dane(Seen("192.0.2.1", reason="no connection"), GOOD), {"dane.unreachable": None}),
    "no record, a certificate": (dane(Seen("192.0.2.1", CHAIN)), {"dane.none": GOOD}),
    "no record, no TLS": (dane(Seen("192.0.2.1")), {"dane.none": None}),
    "only unusable records": (dane(Seen("192.0.2.1", CHAIN), "3 1 1 abcd"), {"dane.unusable": GOOD}),
}


@pytest.mark.parametrize("case", LOOKS)
def test_certificates(case) -> None:
    known, expected = LOOKS[case]
    assert {each.id: each.fix.value if each.fix else None for each in judge_dane(known)} == expected


def test_every_finding_has_a_case() -> None:
    produced = {found for *_, expected in [*CASES.values(), *LOOKS.values()] for found in expected}
    assert produced == {key.removeprefix("check.") for key in catalog("en").file("check.dane")}


def test_what_is_stale_is_to_be_removed() -> None:
    (finding,) = judge_dane(dane(Seen("192.0.2.1", CHAIN), STALE))
    assert finding.fix.removes == (STALE,)
    assert finding.fix.zone == f"{PLACE}. IN TLSA {GOOD}"
    assert finding.severity.value == "error"


def test_unknown_dns_says_nothing_of_signatures() -> None:
    unknown = Dane(DOMAIN, Unknown("timeout"), Unknown("timeout"))
    assert [finding.severity.value for finding in judge_dane(unknown)] == ["unknown"]


async def test_the_alias_is_asked_after_its_end() -> None:
    both = ALIAS | {PLACE: {"TLSA": [GOOD]}, "_25._tcp.mx.example.nl": {"TLSA": [STALE]}}
    facts = (await check_dane(Asking(Partly(both)), DOMAIN)).facts
    assert (facts["mx"][0]["name"], facts["mx"][0]["tlsa"]) == (PLACE, [GOOD])


async def test_an_unsigned_alias_is_not_followed() -> None:
    both = ALIAS | {PLACE: {"TLSA": [GOOD]}, "_25._tcp.mx.example.nl": {"TLSA": [STALE]}}
    facts = (await check_dane(Asking(Partly(both, ("mx.example.nl",))), DOMAIN)).facts
    assert facts["mx"][0]["tlsa"] == [STALE]


async def test_many_servers_are_bounded() -> None:
    mx = tuple(f"{n} m{n}.example.nl" for n in range(40))
    asking = Asking(Partly({DOMAIN: {"MX": mx}}))
    part = await check_dane(asking, DOMAIN)
    assert [server["host"] for server in part.facts["mx"]] == [f"m{n}.example.nl" for n in range(10)]
    assert asking.queries <= 50


@dataclass
class MailServer:
    """An SMTP server in a thread that can start TLS."""

    tls: bool = True
    port: int = 0
    said: list[str] = field(default_factory=list)
    certificate: trustme.LeafCert = LEAF

    async def talk(self, reader, writer) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.certificate.configure_cert(context)
        writer.write(b"220 mail.example.nl ESMTP\r\n")
        try:
            while line := (await reader.readline()).decode().strip():
                self.said.append(line)
                verb = line.partition(" ")[0].upper()
                starts = verb == "STARTTLS" and self.tls
                more = b"250-mail.example.nl\r\n250 STARTTLS\r\n" if self.tls else b"250 mail.example.nl\r\n"
                writer.write(more if verb == "EHLO" else b"220 go\r\n" if starts else b"221 bye\r\n")
                if starts:
                    await writer.drain()
                    await writer.start_tls(context)
        except OSError:
            pass
        finally:
            writer.transport.abort()


@pytest.fixture
def mail_server():
    server, ready, stop = MailServer(), threading.Event(), []

    async def run() -> None:
        listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
        server.port = listening.sockets[0].getsockname()[1]
        over = asyncio.Event()
        stop.extend([asyncio.get_running_loop(), over])
        ready.set()
        await over.wait()
        listening.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(5)
    yield server
    stop[0].call_soon_threadsafe(stop[1].set)
    thread.join(5)


def here(*tlsa):
    return zone(*tlsa) | {HOST: {"A": ["127.0.0.1"]}}


async def seen(names, server, **settings):
    dial = Dial("relay.example", server.port, private=True, timeouts=Timeouts(connect=2, total=3))
    return await check_dane(Asking(Partly(names)), DOMAIN, replace(dial, **settings))


@pytest.mark.parametrize(
    ("record", "found", "matches"),
    [
        (GOOD, [], True),
        (f"2 1 1 {key_digest(CA.cert_pem.bytes())}", [], True),
        (STALE, ["dane.mismatch"], False),
    ],
    ids=["end entity", "authority", "stale"],
)
async def test_looking_at_a_server(mail_server, record, found, matches) -> None:
    if record.startswith("2"):
        mail_server.certificate = trustme.LeafCert(
            LEAF.private_key_pem.bytes(), LEAF.cert_chain_pems[0].bytes(), [CA.cert_pem.bytes()]
        )
    part = await seen(here(record), mail_server)
    assert [finding.id for finding in part.findings] == found
    assert part.facts["mx"][0]["matches"] is matches
    assert mail_server.said == ["EHLO relay.example", "STARTTLS", "EHLO relay.example", "QUIT"]


async def test_a_server_without_tls(mail_server) -> None:
    mail_server.tls = False
    assert [finding.id for finding in (await seen(here(GOOD), mail_server)).findings] == ["dane.starttls"]


async def test_private_addresses_are_not_dialled(mail_server) -> None:
    part = await seen(here(GOOD), mail_server, private=False)
    assert [finding.id for finding in part.findings] == ["dane.unreachable"]
    assert mail_server.said == []


async def test_a_closed_port(mail_server) -> None:
    part = await seen(here(GOOD), mail_server, port=1)
    assert [(finding.id, finding.severity.value) for finding in part.findings] == [("dane.unreachable", "unknown")]


def validating(nameserver) -> None:
    """Set the AD bit in every answer, as a nameserver does that checked signatures."""
    plain = nameserver.reply

    def reply(octets, room):
        wire = plain(octets, room)
        return wire and wire[:3] + bytes([wire[3] | 0x20]) + wire[4:]

    nameserver.reply = reply


def test_the_command(checks, nameserver, mail_server) -> None:
    nameserver.zone = here(STALE) | {"": {"NS": ["a.root.example."]}}
    options = ("--connect", "--smtp-port", str(mail_server.port))
    document = checks.json("dane", DOMAIN, *options, servers=(nameserver,))
    assert [finding["id"] for finding in document["findings"]] == ["dane.unvalidated", "dane.mismatch"]
    assert document["validated"] is False
    result = checks.run("dane", DOMAIN, *options, servers=(nameserver,))
    assert result.exit_code == 1
    assert f"\n{GOOD}\n" in result.stdout


def test_the_command_with_a_nameserver_that_checks(checks, nameserver) -> None:
    nameserver.zone = here(GOOD, f"9 1 1 {DIGEST}") | {"": {"NS": ["a.root.example."]}}
    validating(nameserver)
    document = checks.json("dane", DOMAIN, servers=(nameserver,))
    assert [finding["id"] for finding in document["findings"]] == ["dane.unusable"]
    assert (document["validated"], document["mx"][0]["signed"]) == (True, True)
    assert checks.run("dane", DOMAIN, servers=(nameserver,)).exit_code == 0


@pytest.mark.parametrize(("names", "code"), [({DOMAIN: "SERVFAIL"}, 75), (zone(), 0), ({}, 0)])
def test_exit_codes(checks, nameserver, names, code) -> None:
    nameserver.zone = names
    assert checks.run("dane", DOMAIN, "--lang", "de", servers=(nameserver,)).exit_code == code

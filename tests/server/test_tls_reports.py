"""TLS reports on their way: counted, written down, taken once, mailed and posted."""

from __future__ import annotations

import gzip
import json
from email import message_from_bytes

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from relay.config import Config
from relay.mail.sign import load_key
from relay.mail.tls_report import AppliedPolicy, PolicyKind, TlsFault
from relay.net.https import HttpsClient
from relay.net.zone import Zone
from relay.server.office import Office
from relay.server.signer import UNSIGNED, Signer
from relay.server.tls_ledger import MOST_KINDS, TlsLedger
from relay.server.tls_reports import TlsDesk
from relay.store.database import StoreError
from relay.store.group import CommitGroup
from relay.store.model import MessageKind

NOON = 1_795_435_200.0  # of 2026-11-23, UTC
DAY = 86400.0
DOMAIN = "customer.example"
NONE = AppliedPolicy(PolicyKind.NONE, DOMAIN)


def signer() -> Signer:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Signer([load_key(pem, domain="platform.example", selector="e1", algorithm="ed25519-sha256")])


class Desk:
    """A desk with a clock, a zone and a list of what it queued."""

    def __init__(self, group, web) -> None:
        self.at, self.group, self.woken = NOON, group, 0
        self.zone = Zone({"collector.example": {"A": ["127.0.0.1"]}})
        self.client = HttpsClient(web.port, web.ca_file, private=True, seconds=2)
        self.ledger = TlsLedger(lambda: self.at)
        self.desk = self.another(self.ledger)

    def another(self, ledger, reports=True, signed=True) -> TlsDesk:
        settings = Config()
        office = Office(settings, signer() if signed else UNSIGNED, "relay.example")
        return TlsDesk(self.group, office, ledger, self.zone, self.client, self.wake, lambda: self.at, reports)

    def wake(self) -> None:
        self.woken += 1

    def rua(self, *uris: str, domain: str = DOMAIN) -> None:
        self.zone.names[f"_smtp._tls.{domain}"] = {"TXT": [f"v=TLSRPTv1; rua={','.join(uris)}"]}

    async def queued(self):
        stored = await self.group.read(lambda store: store.messages(100))
        return [each for each in stored if each.kind is MessageKind.TLS_REPORT]

    async def due(self):
        return await self.group.read(lambda store: store.tls_days("9999", ("", ""), 100))


@pytest.fixture
async def desk(tmp_path, web):
    group = CommitGroup(f"sqlite:///{tmp_path / 'relay.db'}")
    await group.start()
    web.certificate("collector.example")
    web.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    yield Desk(group, web)
    await group.close()


async def some_day(desk) -> None:
    """Five good sessions and a bad one, from two processes."""
    other = TlsLedger(lambda: desk.at)
    for _ in range(4):
        desk.ledger.good(DOMAIN, NONE)
    other.good(DOMAIN, NONE)
    other.bad(DOMAIN, NONE, TlsFault.NO_STARTTLS, host="mx.customer.example", address="192.0.2.1")
    await other.write(desk.group)
    await desk.desk.round()


async def document(desk, message) -> tuple[object, dict[str, object]]:
    body = await desk.group.read(lambda store: store.read_chunk(message.id, 0))
    mail = message_from_bytes(message.header + b"\r\n" + body)
    return mail, json.loads(gzip.decompress(mail.get_payload()[1].get_payload(decode=True)))


async def test_the_day_after_a_signed_mail_goes_to_who_asked(desk):
    desk.rua("mailto:tls@customer.example")
    await some_day(desk)
    assert await desk.queued() == []
    desk.at += DAY / 2 + 11 * 60
    await desk.desk.round()
    (message,) = await desk.queued()
    assert desk.woken == 1
    mail, report = await document(desk, message)
    (delivery,) = await desk.group.read(lambda store: store.deliveries(message.id))
    assert delivery.recipient == mail["To"] == "tls@customer.example"
    assert mail["From"] == "noreply@customers.platform.example"
    assert "d=platform.example" in mail["DKIM-Signature"]
    assert message.reverse_path == "null"
    assert report["date-range"]["start-datetime"] == "2026-11-23T00:00:00Z"
    assert report["policies"][0]["summary"] == {
        "total-successful-session-count": 5,
        "total-failure-session-count": 1,
    }
    await desk.desk.round()
    assert len(await desk.queued()) == 1
    assert await desk.due() == []


async def test_of_two_processes_one_reports(desk):
    desk.rua("mailto:tls@customer.example")
    await some_day(desk)
    desk.at += DAY
    await desk.another(TlsLedger(lambda: desk.at)).round()
    await desk.desk.round()
    assert len(await desk.queued()) == 1


@pytest.mark.parametrize("record", [None, ["v=spf1 -all"], ["v=TLSRPTv1; rua=mailto:a@b.example"] * 2, ["v=TLSRPTv1;"]])
async def test_who_does_not_ask_gets_nothing_and_it_is_forgotten(desk, record):
    if record:
        desk.zone.names[f"_smtp._tls.{DOMAIN}"] = {"TXT": record}
    await some_day(desk)
    desk.at += DAY
    await desk.desk.round()
    assert await desk.queued() == []
    assert await desk.due() == []


async def test_where_dns_does_not_know_it_waits_but_not_for_ever(desk):
    desk.zone.names[f"_smtp._tls.{DOMAIN}"] = "SERVFAIL"
    await some_day(desk)
    desk.at += DAY
    await desk.desk.round()
    assert await desk.due() == [(DOMAIN, "2026-11-23")]
    desk.at += 3 * DAY
    await desk.desk.round()
    assert await desk.due() == []


async def test_every_place_gets_it_and_a_place_can_add_no_field(desk, web):
    desk.rua(
        "mailto:tls@customer.example", "mailto:a%0d%0aBcc:evil@b.example", "https://collector.example/r?x=1",
        "mailto:d%40x@customer.example", "ftp://collector.example/", "mailto:two@customer.example?subject=hi",
    )  # fmt: skip
    await some_day(desk)
    desk.at += DAY
    await desk.desk.round()
    mails = [message_from_bytes(each.header) for each in await desk.queued()]
    assert sorted(mail["To"] for mail in mails) == ["tls@customer.example", "two@customer.example"]
    assert all(mail["Bcc"] is None for mail in mails)
    assert len(web.requests) == 1


async def test_on_the_web_it_is_posted(desk, web):
    desk.rua("https://collector.example/tls/r?x=1")
    await some_day(desk)
    desk.at += DAY
    await desk.desk.round()
    (request,) = web.requests
    head = request.decode("latin-1").lower()
    assert head.startswith("post /tls/r?x=1 http/1.1\r\n")
    assert "content-type: application/tlsrpt+gzip\r\n" in head
    assert await desk.due() == []


async def test_what_the_web_did_not_take_is_tried_again_for_two_days(desk, web):
    desk.rua("https://collector.example/")
    web.answer = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    await some_day(desk)
    desk.at += DAY
    await desk.desk.round()
    await desk.desk.round()
    assert len(web.requests) == 2
    assert await desk.due() == [(DOMAIN, "2026-11-23")]
    desk.at += 3 * DAY
    await desk.desk.round()
    assert len(web.requests) == 3
    assert await desk.due() == []


@pytest.mark.parametrize("trouble", ["certificate", "private", "redirect"])
async def test_the_web_is_not_trusted(desk, web, trouble):
    desk.rua("https://collector.example/")
    if trouble == "certificate":
        web.certificate("other.example")
    elif trouble == "private":
        desk.desk.https = HttpsClient(web.port, web.ca_file, seconds=2)
    else:
        web.answer = b"HTTP/1.1 307 Go\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    await some_day(desk)
    desk.at += DAY
    await desk.desk.round()
    assert len(web.requests) == (trouble == "redirect")
    assert len(await desk.due()) == 1


async def test_without_a_key_no_mail_claims_to_be_a_report(desk):
    desk.rua("mailto:tls@customer.example")
    await some_day(desk)
    desk.at += DAY
    await desk.another(TlsLedger(lambda: desk.at), signed=False).round()
    assert await desk.queued() == []


async def test_where_reports_are_switched_off_nothing_is_written(desk):
    ledger = TlsLedger(lambda: desk.at)
    ledger.good(DOMAIN, NONE)
    off = desk.another(ledger, reports=False)
    await off.round()
    ledger.good(DOMAIN, NONE)
    await off.close()
    assert await desk.due() == []


async def test_what_was_counted_last_is_written_at_the_end(desk):
    desk.ledger.good(DOMAIN, NONE)
    await desk.desk.close()
    assert await desk.due() == [(DOMAIN, "2026-11-23")]


async def test_many_domains_are_reported_bit_by_bit(desk):
    domains = [f"d{number:03}.example" for number in range(120)]
    for domain in domains:
        desk.rua(f"mailto:tls@{domain}", domain=domain)
        desk.ledger.good(domain, NONE)
    await desk.desk.round()
    desk.at += DAY
    counts = []
    for _ in range(3):
        await desk.desk.round()
        counts.append(120 - len(await desk.due()) if len(await desk.due()) < 100 else None)
    assert counts[-1] == 120


@pytest.mark.parametrize(("sending", "shown"), [("8.8.8.8", "8.8.8.8"), ("10.0.0.1", ""), ("::1", ""), ("", "")])
def test_our_address_is_told_if_others_can_see_it(sending, shown):
    ledger = TlsLedger(lambda: NOON)
    ledger.bad(DOMAIN, NONE, TlsFault.EXPIRED, "mx.customer.example", "192.0.2.1", sending)
    assert [result.sending for result in ledger.counts] == [shown]


def test_a_stranger_cannot_fill_the_memory():
    ledger = TlsLedger(lambda: NOON)
    for number in range(MOST_KINDS + 5):
        ledger.bad(DOMAIN, NONE, TlsFault.VALIDATION, host=f"h{number}.example", address="192.0.2.1")
    assert len(ledger.counts) == MOST_KINDS


async def test_what_cannot_be_written_is_counted_on(desk):
    desk.ledger.good(DOMAIN, NONE)
    await desk.group.close()
    with pytest.raises(StoreError):
        await desk.ledger.write(desk.group)
    assert desk.ledger.counts.total() == 1
    await desk.group.start()

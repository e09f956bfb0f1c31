"""What TLS a server has to have for mail to go there: policy by server, and what becomes of it."""

from __future__ import annotations

import logging
import random
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from relay.mail.delivery import Deferred, Delivered, Failed, Unprotected
from relay.mail.mta_sts import Mode, Policy
from relay.mail.route import MxRoute, Smarthost, SmarthostRoute, TlsMode
from relay.mail.tls_report import TlsFault
from relay.mail.tlsa import DANE_EE, DANE_TA, KEY, SHA256, WHOLE, Tlsa, association
from relay.net.https import HttpsClient
from relay.net.zone import Zone
from relay.server.tls_ledger import TlsLedger
from relay.server.transports import Job, Outlet
from relay.server.transports.mx import MxTransport
from relay.server.transports.policy import Policies
from relay.server.transports.policy_dane import DaneRecords
from relay.server.transports.policy_sts import Known, StsPolicies
from relay.server.transports.pool import Pool
from relay.server.transports.smarthost import SmarthostTransport
from relay.store.tls_policy import KeptPolicy

NOW = 1_800_000_000.0
DOMAIN, HOST = "customer.example", "mx.customer.example"


@pytest.fixture(scope="module")
def issued(authority):
    """Makes the TLS context and the chain (DER) of a server of a kind."""
    stranger = trustme.CA()

    def make(kind: str) -> tuple[ssl.SSLContext, list[bytes]]:
        by, name, validity = authority, HOST, {}
        if kind == "self-signed":
            by = stranger
        elif kind == "other name":
            name = "other.example"
        elif kind == "expired":
            now = datetime.now(UTC)
            validity = {"not_before": now - timedelta(days=9), "not_after": now - timedelta(days=1)}
        certificate = by.issue_cert(name, **validity)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        own = load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)
        top = load_pem_x509_certificate(by.cert_pem.bytes()).public_bytes(Encoding.DER)
        return context, [own, top]

    return make


class Setting:
    """One remote, a zone that leads to it, and a transport with policies."""

    def __init__(self, client, group) -> None:
        self.client, self.zone_signed = client, True
        self.names = {DOMAIN: {"MX": [f"10 {HOST}"]}, HOST: {"A": ["127.0.0.1"]}}
        self.group, self.kept, self.fault, self.validating = group, None, None, True
        self.pool = Pool()
        self.ledger = TlsLedger(lambda: NOW)
        self.transport: MxTransport | None = None

    def sts(self, mode: Mode, mx: str = HOST) -> None:
        self.kept = KeptPolicy("1", Policy(mode, 86400, (mx,)), NOW)

    def tlsa(self, *records: Tlsa | str, host: str = HOST, port: int) -> None:
        self.names[f"_{port}._tcp.{host}"] = {"TLSA": [str(record) for record in records]}

    def open(self, port: int) -> MxTransport:
        zone = Zone(self.names, signed=self.zone_signed)
        sts = StsPolicies(self.group, zone, HttpsClient(), lambda: NOW)
        sts.known[DOMAIN] = Known(self.kept, NOW + 3600, self.fault)
        policies = Policies(sts, DaneRecords(zone, lambda: NOW, validating=self.validating), self.ledger)
        outlet = Outlet(self.client, zone, self.pool, port, True, random.Random(1), policies)
        self.transport = MxTransport(outlet)
        return self.transport

    @property
    def counted(self) -> dict[tuple[str, str], int]:
        """By kind of policy and fault."""
        return {(result.policy.kind.value, result.fault): count for result, count in self.ledger.counts.items()}


@pytest.fixture
async def setting(client, ca_file):
    made = Setting(client(TlsMode.OPPORTUNISTIC, ca_file=ca_file), None)
    yield made
    await made.pool.close()


@pytest.fixture
async def server(remote, issued):
    """A server of a kind, and its chain; "clear" has no STARTTLS, "broken" a handshake that fails."""

    async def start(kind: str, *offers: str):
        context, chain = issued(kind)
        if kind in {"clear", "refuses"}:
            refusal = {"STARTTLS": "454 4.7.0 not now"} if kind == "refuses" else {}
            return await remote(*offers, *(["STARTTLS"] if refusal else []), **refusal), chain
        return await remote("STARTTLS", *offers, context=None if kind == "broken" else context), chain

    return start


@pytest.fixture
def job(transaction):
    def make(base: TlsMode = TlsMode.OPPORTUNISTIC, **settings) -> Job:
        return Job(MxRoute(base), DOMAIN, transaction(**settings))

    return make


def record(chain: list[bytes], usage: int, selector: int = KEY) -> Tlsa:
    data = association(chain[usage == DANE_TA], selector, SHA256)
    assert data
    return Tlsa(usage, selector, SHA256, data)


ANY = ["good", "self-signed", "other name", "expired"]

# the server, what is published, whether mail goes, what is counted, what the attempt says of TLS
TABLE = [
    # without a policy a bad certificate never stops mail, nor does its lack
    *[(kind, "none", True, ("no-policy-found", ""), "TLSv1.3") for kind in ANY],
    ("clear", "none", True, ("no-policy-found", "starttls-not-supported"), ""),
    ("refuses", "none", True, ("no-policy-found", "validation-failure"), ""),
    ("broken", "none", True, ("no-policy-found", "validation-failure"), ""),
    # MTA-STS enforced
    ("good", "enforce", True, ("sts", ""), "MTA-STS enforce"),
    ("self-signed", "enforce", False, ("sts", "certificate-not-trusted"), ""),
    ("other name", "enforce", False, ("sts", "certificate-host-mismatch"), ""),
    ("expired", "enforce", False, ("sts", "certificate-expired"), ""),
    ("clear", "enforce", False, ("sts", "starttls-not-supported"), ""),
    ("refuses", "enforce", False, ("sts", "starttls-not-supported"), ""),
    ("broken", "enforce", False, ("sts", "validation-failure"), ""),
    ("good", "enforce another", False, ("sts", "validation-failure"), ""),
    # in testing everything goes, and is told
    ("good", "testing", True, ("sts", ""), "MTA-STS testing"),
    ("self-signed", "testing", True, ("sts", "certificate-not-trusted"), "TLSv1.3"),
    ("clear", "testing", True, ("sts", "starttls-not-supported"), ""),
    ("good", "testing another", True, ("sts", "validation-failure"), "TLSv1.3"),
    # DANE
    *[(kind, "3 1 1", True, ("tlsa", ""), "DANE") for kind in ANY],
    ("good", "3 0 1", True, ("tlsa", ""), "DANE"),
    ("good", "3 1 1 of another", False, ("tlsa", "certificate-not-trusted"), ""),
    ("clear", "3 1 1", False, ("tlsa", "starttls-not-supported"), ""),
    ("broken", "3 1 1", False, ("tlsa", "validation-failure"), ""),
    ("good", "unusable", True, ("tlsa", "tlsa-invalid"), "DANE without usable records"),
    ("self-signed", "unusable", True, ("tlsa", "tlsa-invalid"), "DANE without usable records"),
    ("clear", "unusable", False, ("tlsa", "starttls-not-supported"), ""),
    ("good", "TLSA unknown", False, ("tlsa", "dnssec-invalid"), ""),
    # DANE over MTA-STS
    ("self-signed", "3 1 1 and enforce", True, ("tlsa", ""), "DANE"),
    ("good", "3 1 1 of another and enforce", False, ("tlsa", "certificate-not-trusted"), ""),
    ("self-signed", "unusable and enforce", False, ("sts", "certificate-not-trusted"), ""),
    ("self-signed", "unusable and testing", True, ("sts", "certificate-not-trusted"), "DANE without usable records"),
    ("clear", "unusable and testing", False, ("sts", "starttls-not-supported"), ""),
]


def publish(setting: Setting, what: str, chain: list[bytes], stranger: list[bytes], port: int) -> None:
    tlsa, _, mode = what.partition(" and ")
    if mode or what.startswith(("enforce", "testing")):
        mode, _, another = (mode or what).partition(" ")
        setting.sts(Mode(mode), "mx.other.example" if another else HOST)
    match tlsa:
        case "3 1 1":
            setting.tlsa(record(chain, DANE_EE), port=port)
        case "3 0 1":
            setting.tlsa(record(chain, DANE_EE, WHOLE), port=port)
        case "3 1 1 of another":
            setting.tlsa(record(stranger, DANE_EE), port=port)
        case "unusable":
            setting.tlsa(f"1 1 1 {'00' * 32}", f"3 1 1 {'00' * 8}", f"3 9 1 {'00' * 32}", port=port)
        case "TLSA unknown":
            setting.names[f"_{port}._tcp.{HOST}"] = "SERVFAIL"


@pytest.mark.parametrize(("kind", "what", "goes", "counted", "said"), TABLE)
async def test_policy_and_server(setting, server, issued, job, kind, what, goes, counted, said):
    remote, chain = await server(kind)
    publish(setting, what, chain, issued("good")[1], remote.port)
    outcome = await setting.open(remote.port).deliver(job())
    assert isinstance(outcome, Delivered if goes else Unprotected), outcome
    assert setting.counted == {counted: 1}
    assert said in outcome.answer.tls
    assert bool(outcome.answer.tls) == bool(said)
    assert len(remote.messages) == goes
    if not goes:
        assert outcome.answer.enhanced.startswith("4.7.")
        assert not any("MAIL" in dialogue.verbs for dialogue in remote.dialogues)


async def test_what_failed_knows_both_ends(setting, server, job):
    remote, _ = await server("self-signed")
    setting.sts(Mode.ENFORCE)
    outcome = await setting.open(remote.port).deliver(job())
    assert outcome.sending == "127.0.0.1"
    (result,) = setting.ledger.counts
    assert (result.host, result.address) == (HOST, "127.0.0.1")


async def test_dane_authority(setting, remote, authority, job):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate = authority.issue_cert(HOST)
    certificate.configure_cert(context)
    top = load_pem_x509_certificate(authority.cert_pem.bytes()).public_bytes(Encoding.DER)
    started = await remote("STARTTLS", context=context)
    setting.tlsa(f"2 0 0 {top.hex()}", port=started.port)
    assert isinstance(await setting.open(started.port).deliver(job()), Delivered)
    assert setting.counted == {("tlsa", ""): 1}


@pytest.mark.parametrize(("signed", "validating"), [(False, True), (True, False)])
async def test_without_signatures_that_somebody_checked_there_is_no_dane(
    setting, server, issued, job, signed, validating
):
    remote, _ = await server("self-signed")
    setting.zone_signed, setting.validating = signed, validating
    setting.tlsa(record(issued("good")[1], DANE_EE), port=remote.port)
    assert isinstance(await setting.open(remote.port).deliver(job()), Delivered)
    assert setting.counted == {("no-policy-found", ""): 1}
    assert not any(kind == "TLSA" for _, kind in setting.transport.outlet.resolver.asked)


class PartlySigned(Zone):
    """A signed zone where answers of one kind are not."""

    unsigned = "MX"

    async def lookup(self, name, rdtype):
        found = await super().lookup(name, rdtype)
        return replace(found, authenticated=False) if rdtype == self.unsigned else found


@pytest.mark.parametrize("unsigned", ["MX", "A", "TLSA"])
async def test_every_step_of_the_way_has_to_be_signed(setting, server, issued, job, unsigned):
    remote, _ = await server("self-signed")
    setting.tlsa(record(issued("good")[1], DANE_EE), port=remote.port)
    transport = setting.open(remote.port)
    zone = PartlySigned(setting.names, signed=True)
    zone.unsigned = unsigned
    transport.outlet.policies.dane.resolver = zone
    transport.outlet = replace(transport.outlet, resolver=zone)
    assert isinstance(await transport.deliver(job()), Delivered)
    assert setting.counted == {("no-policy-found", ""): 1}


async def test_the_records_are_where_the_aliases_end_or_else_at_the_name(setting, server, issued, job):
    remote, chain = await server("self-signed")
    setting.names[HOST] = {"CNAME": ["a.hoster.example"]}
    setting.names["a.hoster.example"] = {"A": ["127.0.0.1"]}
    setting.tlsa(record(issued("good")[1], DANE_EE), port=remote.port)
    assert isinstance(await setting.open(remote.port).deliver(job()), Unprotected)
    setting.tlsa(record(chain, DANE_EE), host="a.hoster.example", port=remote.port)
    assert isinstance(await setting.open(remote.port).deliver(job()), Delivered)
    (policy,) = {result.policy for result in setting.ledger.counts if not result.fault}
    assert policy.domain == "a.hoster.example"


async def test_the_next_server_is_asked_when_one_does_not_keep_to_the_policy(setting, server, remote, certificate, job):
    bad, _ = await server("self-signed")
    await remote("STARTTLS", host="127.0.0.2", port=bad.port, context=certificate("mx2.customer.example"))
    setting.sts(Mode.ENFORCE, "*.customer.example")
    setting.names[DOMAIN] = {"MX": [f"10 {HOST}", "20 mx2.customer.example"]}
    setting.names["mx2.customer.example"] = {"A": ["127.0.0.2"]}
    outcome = await setting.open(bad.port).deliver(job())
    assert isinstance(outcome, Delivered)
    assert outcome.answer.remote.startswith("mx2.customer.example[127.0.0.2]")
    assert setting.counted == {("sts", "certificate-not-trusted"): 1, ("sts", ""): 1}


async def test_an_idle_session_is_used_again_only_under_the_same_policy(setting, server, job):
    remote, _ = await server("good")
    transport = setting.open(remote.port)
    for _ in range(2):
        await transport.deliver(job())
    assert len(remote.dialogues) == 1
    sts = transport.outlet.policies.sts
    sts.known[DOMAIN] = Known(KeptPolicy("2", Policy(Mode.ENFORCE, 86400, (HOST,)), NOW), NOW + 3600)
    outcomes = [await transport.deliver(job()) for _ in range(2)]
    assert len(remote.dialogues) == 2
    assert all("MTA-STS enforce" in outcome.answer.tls for outcome in outcomes)
    assert setting.counted == {("no-policy-found", ""): 1, ("sts", ""): 1}  # sessions, not messages


async def test_a_policy_that_cannot_be_fetched_is_told(setting, server, job):
    remote, _ = await server("good")
    setting.fault = TlsFault.STS_WEBPKI
    assert isinstance(await setting.open(remote.port).deliver(job()), Delivered)
    assert setting.counted == {("no-policy-found", "sts-webpki-invalid"): 1}


async def test_dane_counts_for_itself_where_mta_sts_is_broken(setting, server, job):
    remote, chain = await server("good")
    setting.fault = TlsFault.STS_WEBPKI
    setting.tlsa(record(chain, DANE_EE), port=remote.port)
    assert isinstance(await setting.open(remote.port).deliver(job()), Delivered)
    assert setting.counted == {("tlsa", ""): 1}


async def test_a_server_that_is_away_says_nothing_of_tls(setting, job, remote):
    away = await remote(greeting="421 4.3.2 closing")
    setting.sts(Mode.ENFORCE)
    outcome = await setting.open(away.port).deliver(job())
    assert isinstance(outcome, Deferred)
    assert setting.counted == {}


# What the configuration wants


@pytest.mark.parametrize(("kind", "goes"), [("good", True), ("self-signed", False), ("clear", False)])
async def test_tls_that_is_configured_to_be_required(setting, server, job, kind, goes):
    remote, _ = await server(kind)
    outcome = await setting.open(remote.port).deliver(job(TlsMode.REQUIRE))
    assert isinstance(outcome, Delivered if goes else Unprotected)


async def test_testing_does_not_loosen_what_is_configured(setting, server, job):
    remote, _ = await server("self-signed")
    setting.sts(Mode.TESTING)
    assert isinstance(await setting.open(remote.port).deliver(job(TlsMode.REQUIRE)), Unprotected)


async def test_no_tls_at_all_knows_no_policies(setting, server, job):
    remote, _ = await server("good")
    setting.sts(Mode.ENFORCE)
    assert isinstance(await setting.open(remote.port).deliver(job(TlsMode.NONE)), Delivered)
    assert not remote.dialogues[0].tls
    assert setting.counted == {}


# What the message says (RFC 8689)

REQUIRED = [
    ("good", ["REQUIRETLS"], "enforce", True, ""),
    ("good", ["REQUIRETLS"], "testing", True, ""),
    ("self-signed", ["REQUIRETLS"], "3 1 1", True, ""),
    ("good", ["REQUIRETLS"], "nothing but signatures", True, ""),
    ("good", ["REQUIRETLS"], "none", False, "5.7.10"),  # anybody may have named this server
    ("good", [], "enforce", False, "5.7.30"),
    ("self-signed", ["REQUIRETLS"], "testing", False, "5.7.10"),
    ("self-signed", ["REQUIRETLS"], "nothing but signatures", False, "5.7.10"),
    ("clear", ["REQUIRETLS"], "enforce", False, "5.7.10"),
    ("self-signed", ["REQUIRETLS"], "unusable", False, "5.7.10"),
]


@pytest.mark.parametrize(("kind", "offers", "what", "goes", "enhanced"), REQUIRED)
async def test_requiretls(setting, server, issued, job, kind, offers, what, goes, enhanced):
    remote, chain = await server(kind, *offers)
    publish(setting, what, chain, issued("good")[1], remote.port)
    setting.zone_signed = what not in {"none", "enforce", "testing"}
    outcome = await setting.open(remote.port).deliver(job(requires_tls=True))
    if goes:
        assert isinstance(outcome, Delivered), outcome
        assert any(command.endswith(" REQUIRETLS") for command in remote.dialogues[-1].commands)
    else:
        assert isinstance(outcome, Failed), outcome
        assert outcome.answer.enhanced == enhanced
        assert not any("MAIL" in dialogue.verbs for dialogue in remote.dialogues)


async def test_requiretls_believes_no_signatures_that_nobody_checked(setting, server, job):
    remote, _ = await server("good", "REQUIRETLS")
    setting.validating = False
    outcome = await setting.open(remote.port).deliver(job(requires_tls=True))
    assert outcome.answer.enhanced == "5.7.10"


@pytest.mark.parametrize(
    ("kind", "offers", "tls", "enhanced"),
    [
        ("good", ["REQUIRETLS"], TlsMode.REQUIRE, ""),
        ("good", [], TlsMode.REQUIRE, "5.7.30"),
        ("good", ["REQUIRETLS"], TlsMode.OPPORTUNISTIC, "5.7.10"),
        ("clear", ["REQUIRETLS"], TlsMode.NONE, "5.7.10"),
    ],
)
async def test_requiretls_holds_for_smarthosts(setting, remote, certificate, transaction, kind, offers, tls, enhanced):
    offers = offers if kind == "clear" else ["STARTTLS", *offers]
    host = await remote(*offers, context=certificate("127.0.0.1"))
    route = SmarthostRoute((Smarthost("127.0.0.1", host.port, tls),))
    outlet = Outlet(setting.client, Zone({}), setting.pool)
    outcome = await SmarthostTransport(outlet).deliver(Job(route, DOMAIN, transaction(requires_tls=True)))
    assert outcome.answer.enhanced == (enhanced or "2.0.0")


async def test_requiretls_waits_for_a_server_that_is_away(setting, remote, job):
    away = await remote(greeting="421 4.3.2 closing")
    setting.sts(Mode.ENFORCE)
    assert isinstance(await setting.open(away.port).deliver(job(requires_tls=True)), Deferred)


async def test_requiretls_waits_for_dns(setting, server, issued, job):
    remote, chain = await server("good", "REQUIRETLS")
    publish(setting, "TLSA unknown", chain, chain, remote.port)
    assert isinstance(await setting.open(remote.port).deliver(job(requires_tls=True)), Deferred)


async def test_requiretls_uses_no_session_of_others(setting, server, job):
    remote, _ = await server("self-signed", "REQUIRETLS")
    setting.zone_signed = True
    transport = setting.open(remote.port)
    assert isinstance(await transport.deliver(job()), Delivered)
    assert isinstance(await transport.deliver(job(requires_tls=True)), Failed)
    assert len(remote.messages) == 1


@pytest.mark.parametrize("what", ["enforce", "enforce another", "3 1 1 of another", "TLSA unknown"])
@pytest.mark.parametrize("kind", ["self-signed", "clear"])
async def test_tls_required_no(setting, server, issued, job, kind, what):
    remote, chain = await server(kind)
    publish(setting, what, chain, issued("good")[1], remote.port)
    header = b"From: a@b.example\r\ntls-required: no \r\nSubject: hi\r\n"
    assert isinstance(await setting.open(remote.port).deliver(job(header=header)), Delivered)
    assert setting.counted == {}


@pytest.mark.parametrize("line", [b"X-TLS-Required: No", b"TLS-Required: Not", b"Subject: a\r\n TLS-Required: No"])
async def test_other_fields_do_not_open_anything(setting, server, job, line):
    remote, _ = await server("self-signed")
    setting.sts(Mode.ENFORCE)
    header = b"From: a@b.example\r\n" + line + b"\r\n"
    assert isinstance(await setting.open(remote.port).deliver(job(header=header)), Unprotected)


async def test_requiretls_is_stronger_than_the_header(setting, server, job):
    remote, _ = await server("self-signed", "REQUIRETLS")
    setting.sts(Mode.ENFORCE)
    header = b"From: a@b.example\r\nTLS-Required: No\r\n"
    outcome = await setting.open(remote.port).deliver(job(header=header, requires_tls=True))
    assert isinstance(outcome, Failed)


# Whom to believe


async def validates(zone, **settings) -> bool:
    return await DaneRecords(zone, lambda: NOW, **settings).validates()


async def test_who_says_that_answers_are_signed(caplog):
    caplog.set_level(logging.INFO)
    root = {".": {"NS": ["a.root.example"]}}
    signed, plain = Zone(root, signed=True), Zone(root)
    assert await validates(plain, validating=True, local=False)
    assert not await validates(signed, validating=False, local=True)
    assert not await validates(signed, local=False)
    assert await validates(signed, local=True)
    assert not await validates(plain, local=True)
    said = [line.getMessage() for line in caplog.records]
    assert said == [
        "DANE is on: dns.validating says so",
        "DANE is off: dns.validating says so",
        "DANE is off: the nameservers are not on this machine (see dns.validating)",
        "DANE is on: the nameserver on this machine and its AD bit say so",
        "DANE is off: the nameserver on this machine and its AD bit say so",
    ]


async def test_a_nameserver_is_asked_once_an_hour_and_sooner_when_it_did_not_know():
    clock = [NOW]
    zone = Zone({".": "SERVFAIL"}, signed=True)
    dane = DaneRecords(zone, lambda: clock[0], local=True)
    assert not await dane.validates()
    zone.names[""] = {"NS": ["a.root.example"]}
    assert not await dane.validates()
    clock[0] += 60
    assert await dane.validates()
    assert await dane.validates()
    assert len(zone.asked) == 2

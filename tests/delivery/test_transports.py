"""Where mail goes: MX tables as zones, smarthosts, sessions that are kept."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace

import pytest

from relay.config import Delivery
from relay.mail.delivery import Deferred, Delivered, Failed
from relay.mail.route import CaptureRoute, MxRoute, OwnRoute, Smarthost, SmarthostRoute, TlsMode
from relay.net.zone import Zone
from relay.server.transports import TRANSPORTS, Job, Outlet, open_outlet, open_transports
from relay.server.transports.mx import MxTransport
from relay.server.transports.pool import Pool
from relay.server.transports.reach import is_public
from relay.server.transports.smarthost import SmarthostTransport

CLEAR = MxRoute(TlsMode.NONE)


@pytest.fixture
async def outlet(client):
    """Makes what the transports share; its pool is closed at the end."""
    pools = []

    def make(zone=None, *, port=25, allow_private=True, seed=1, timeouts=None, **pool) -> Outlet:
        pools.append(Pool(**pool))
        who = client(timeouts=timeouts) if timeouts else client()
        return Outlet(who, Zone(zone or {}), pools[-1], port, allow_private, random.Random(seed))

    yield make
    for pool in pools:
        await pool.close()


@pytest.fixture
def mx_job(transaction):
    return lambda domain="customer.example", **settings: Job(CLEAR, domain, transaction(**settings))


@pytest.fixture
def host_job(transaction):
    def make(remote, tls=TlsMode.NONE, **settings):
        route = SmarthostRoute((Smarthost("127.0.0.1", remote.port, tls),))
        return Job(route, "customer.example", transaction(**settings))

    return make


# The MX table: what DNS says, and what follows from it

NOWHERE = [
    ({}, Failed, "5.1.2"),  # NXDOMAIN
    ({"customer.example": {"TXT": ["hi"]}}, Failed, "5.1.2"),  # neither MX nor address
    ({"customer.example": {"MX": ["0 ."]}}, Failed, "5.1.10"),  # RFC 7505
    ({"customer.example": "SERVFAIL"}, Deferred, "4.4.3"),
    ({"customer.example": {"MX": "timeout"}}, Deferred, "4.4.3"),
    ({"customer.example": {"A": "SERVFAIL"}}, Deferred, "4.4.3"),
    ({"customer.example": {"MX": ["10 mx.customer.example"]}}, Deferred, "4.4.3"),
    ({"customer.example": {"MX": ["10 mx.b.example"]}, "mx.b.example": {"A": "SERVFAIL"}}, Deferred, "4.4.3"),
    ({"customer.example": {"CNAME": ["customer.example"]}}, Deferred, "4.4.3"),
    ({"customer.example": {"CNAME": ["gone.example"]}}, Failed, "5.1.2"),
    ({"customer.example": {"A": "timeout"}}, Deferred, "4.4.3"),
    ({"customer.example": {"MX": ["0 .", "10 gone.example"]}}, Deferred, "4.4.3"),  # a null MX stands alone
    ({"customer.example": {"MX": ["10 a.example"]}, "a.example": {"AAAA": "timeout"}}, Deferred, "4.4.3"),
    ({"customer.example": {"MX": ["10 a.example", "20 b.example"]}, "b.example": "SERVFAIL"}, Deferred, "4.4.3"),
    ({"customer.example": {"MX": ["10 a.example"]}, "a.example": {"TXT": ["hi"]}}, Deferred, "4.4.3"),
    ({"customer.example": {"MX": ["10 192.0.2.1"]}}, Deferred, "4.4.3"),
    ({"customer.example": {"MX": ["10 relay.example", "20 b.example"]}}, Failed, "5.4.6"),  # we are the best ourselves
]


@pytest.mark.parametrize(("zone", "kind", "enhanced"), NOWHERE)
async def test_nowhere_to_go(outlet, mx_job, zone, kind, enhanced):
    outcome = await MxTransport(outlet(zone)).deliver(mx_job())
    assert isinstance(outcome, kind)
    assert outcome.answer.enhanced == enhanced
    assert "example" in outcome.answer.text


def addresses(transport, domain="customer.example"):
    return transport.endpoints(domain)


async def test_preference_decides_and_chance_among_equals(outlet):
    zone = {
        "customer.example": {"MX": ["20 c.example", "10 a.example", "10 b.example"]},
        "a.example": {"A": ["192.0.2.1"]},
        "b.example": {"A": ["192.0.2.2"], "AAAA": ["2001:db8::2"]},
        "c.example": {"A": ["192.0.2.3"]},
    }
    orders = set()
    for seed in range(20):
        found = await addresses(MxTransport(outlet(zone, seed=seed)))
        orders.add(tuple(endpoint.address for endpoint in found))
    assert orders == {
        ("192.0.2.1", "192.0.2.2", "2001:db8::2", "192.0.2.3"),
        ("192.0.2.2", "2001:db8::2", "192.0.2.1", "192.0.2.3"),
    }


async def test_the_domain_itself_where_there_is_no_mx(outlet):
    (endpoint,) = await addresses(MxTransport(outlet({"customer.example": {"A": ["192.0.2.1"]}}, port=2525)))
    assert (endpoint.host, endpoint.address, endpoint.port) == ("customer.example", "192.0.2.1", 2525)


async def test_aliases_are_followed_at_the_domain_and_at_the_exchanger(outlet):
    zone = {
        "customer.example": {"CNAME": ["real.example"]},
        "real.example": {"MX": ["10 mx.customer.example"]},
        "mx.customer.example": {"CNAME": ["a.hoster.example"]},
        "a.hoster.example": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    }
    found = await addresses(MxTransport(outlet(zone)))
    assert [(each.host, each.address) for each in found] == [
        ("mx.customer.example", "192.0.2.1"),
        ("mx.customer.example", "2001:db8::1"),
    ]


async def test_a_hundred_exchangers_are_not_all_asked_for(outlet):
    zone = {"customer.example": {"MX": [f"10 mx{n}.example" for n in range(100)]}}
    zone |= {f"mx{n}.example": {"A": [f"192.0.2.{n}"]} for n in range(100)}
    out = outlet(zone)
    assert len(await addresses(MxTransport(out))) == 5
    assert len(out.resolver.asked) == 11


async def test_only_exchangers_preferred_to_ourselves(outlet):
    zone = {
        "customer.example": {"MX": ["10 a.example", "20 relay.example", "20 b.example", "30 c.example"]},
        "a.example": {"A": ["192.0.2.1"]},
    }
    found = await addresses(MxTransport(outlet(zone)))
    assert [endpoint.host for endpoint in found] == ["a.example"]


UNREACHABLE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1",
    "localhost", "", "1.2.3",
]  # fmt: skip


@pytest.mark.parametrize("address", UNREACHABLE)
def test_not_on_the_public_internet(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_on_the_public_internet(address):
    assert is_public(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9"])
async def test_strangers_dns_never_leads_to_this_machine(outlet, mx_job, remote, address):
    server = await remote(host=address)
    zone = {"customer.example": {"MX": ["10 mx.customer.example"]}, "mx.customer.example": {"A": [address]}}
    outcome = await MxTransport(outlet(zone, port=server.port, allow_private=False)).deliver(mx_job())
    assert isinstance(outcome, Deferred)
    assert server.dialogues == []


# Trying one after the other


@pytest.fixture
async def farm(remote):
    """Remotes at one port and several loopback addresses, and the zone that leads to them in order."""

    async def make(*scripts):
        first = await remote(host="127.0.0.2", **scripts[0])
        servers = [first]
        for number, script in enumerate(scripts[1:], 3):
            servers.append(await remote(host=f"127.0.0.{number}", port=first.port, **script))
        hosts = [f"mx{number}.example" for number in range(2, 2 + len(scripts))]
        zone = {"customer.example": {"MX": [f"{number} {host}" for number, host in enumerate(hosts)]}}
        zone |= {host: {"A": [f"127.0.0.{number}"]} for number, host in enumerate(hosts, 2)}
        return SimpleNamespace(servers=servers, zone=zone, port=first.port)

    return make


@pytest.mark.parametrize(
    ("scripts", "kind", "connections"),
    [
        ([{}, {}], Delivered, [1, 0]),
        ([{"greeting": "554 no"}, {}], Delivered, [1, 1]),
        ([{"greeting": "DROP"}, {"MAIL": "421 busy"}, {}], Delivered, [1, 1, 1]),
        ([{"RCPT": "450 greylisted"}, {}], Delivered, [1, 1]),
        ([{"RCPT": "550 no such user"}, {}], Failed, [1, 0]),
        ([{"RCPT": "450 a"}, {"RCPT": "450 b"}, {}], Deferred, [1, 1, 0]),  # at most two sessions
        ([{"greeting": "554 no"}, {"greeting": "554 no"}], Failed, [1, 1]),
        ([{"greeting": "554 no"}, {"greeting": "DROP"}], Deferred, [1, 1]),
        ([{"greeting": "DROP"}] * 5 + [{}], Deferred, [1, 1, 1, 1, 1, 0]),  # at most five addresses
        ([{"dot": "DROP"}, {}], Deferred, [1, 0]),  # in doubt: a second server would make it a duplicate
    ],
)
async def test_one_after_the_other(farm, outlet, mx_job, fault, scripts, kind, connections):
    scripts = [{stage: getattr(fault, does, does) for stage, does in script.items()} for script in scripts]
    made = await farm(*scripts)
    outcome = await MxTransport(outlet(made.zone, port=made.port)).deliver(mx_job())
    assert isinstance(outcome, kind), outcome
    assert [len(server.dialogues) for server in made.servers] == connections


async def test_a_dead_address_is_passed_by(remote, outlet, mx_job):
    server = await remote(host="127.0.0.3")
    zone = {
        "customer.example": {"MX": ["10 dead.example", "20 mx.example"]},
        "dead.example": {"A": ["127.0.0.2"]},
        "mx.example": {"A": ["127.0.0.3"]},
    }
    outcome = await MxTransport(outlet(zone, port=server.port)).deliver(mx_job())
    assert isinstance(outcome, Delivered)
    assert outcome.answer.remote == f"mx.example[127.0.0.3]:{server.port}"


# Sessions that are kept


async def test_one_connection_for_many_messages(remote, outlet, host_job):
    server = await remote("PIPELINING")
    transport = SmarthostTransport(outlet())
    for _ in range(5):
        assert isinstance(await transport.deliver(host_job(server)), Delivered)
    assert len(server.dialogues) == 1
    assert len(server.messages) == 5


async def test_dns_is_not_asked_while_a_session_is_open(remote, outlet, mx_job):
    server = await remote("PIPELINING")
    zone = {"customer.example": {"A": ["127.0.0.1"]}, "other.example": {"A": ["127.0.0.1"]}}
    out = outlet(zone, port=server.port)
    for domain in ("customer.example", "customer.example", "other.example"):
        assert isinstance(await MxTransport(out).deliver(mx_job(domain)), Delivered)
    assert len(server.dialogues) == 2  # a domain's sessions are its own
    assert out.resolver.asked.count(("customer.example", "MX")) == 1


async def test_no_more_connections_than_deliveries_at_once(remote, outlet, host_job):
    server = await remote("PIPELINING")
    transport = SmarthostTransport(outlet())
    for _ in range(3):
        await asyncio.gather(*(transport.deliver(host_job(server)) for _ in range(4)))
    assert server.most_open == len(server.dialogues) == 4


async def test_a_session_ends_after_its_share(remote, outlet, host_job):
    server = await remote()
    transport = SmarthostTransport(outlet(transactions=2))
    for _ in range(4):
        await transport.deliver(host_job(server))
    assert [len(dialogue.messages) for dialogue in server.dialogues] == [2, 2]


async def test_idle_sessions_of_all_destinations_are_counted(remote, outlet, mx_job):
    server = await remote()
    domains = [f"d{number}.example" for number in range(8)]
    out = outlet({domain: {"A": ["127.0.0.1"]} for domain in domains}, port=server.port, most_idle=3)
    for domain in domains:
        await MxTransport(out).deliver(mx_job(domain))
    async with asyncio.timeout(5):
        while server.open > 3:  # noqa: ASYNC110 - it happens on the other side of a socket
            await asyncio.sleep(0.01)
    for domain in domains[-3:]:
        await MxTransport(out).deliver(mx_job(domain))
    assert len(server.dialogues) == 8  # the three used last were kept


async def test_an_idle_session_ends_with_quit(remote, outlet, host_job):
    server = await remote()
    transport = SmarthostTransport(outlet(idle_for=0.05))
    await transport.deliver(host_job(server))
    async with asyncio.timeout(5):
        while not server.dialogues[0].closed:  # noqa: ASYNC110 - it happens on the other side of a socket
            await asyncio.sleep(0.01)
    assert server.dialogues[0].verbs[-1] == "QUIT"


@pytest.mark.parametrize("pipelining", [[], ["PIPELINING"]])
@pytest.mark.parametrize("farewell", ["DROP", "421 4.4.2 idle for too long"])
async def test_a_session_that_died_meanwhile_is_replaced_at_once(remote, outlet, host_job, fault, farewell, pipelining):
    server = await remote(*pipelining)
    transport = SmarthostTransport(outlet())
    await transport.deliver(host_job(server))
    server.script["MAIL"] = [getattr(fault, farewell, farewell), "250 ok"]
    assert isinstance(await transport.deliver(host_job(server)), Delivered)
    assert len(server.dialogues) == 2
    assert len(server.messages) == 2


async def test_a_session_that_breaks_with_the_message_is_not_replaced(remote, outlet, host_job, fault):
    server = await remote()
    transport = SmarthostTransport(outlet())
    await transport.deliver(host_job(server))
    server.script["dot"] = fault.DROP
    outcome = await transport.deliver(host_job(server))
    assert isinstance(outcome, Deferred)
    assert "in doubt" in outcome.answer.text
    assert len(server.messages) == 2


async def test_a_refusal_leaves_the_session_usable(remote, outlet, host_job):
    server = await remote(RCPT=["550 5.1.1 no", "250 ok"])
    transport = SmarthostTransport(outlet())
    assert isinstance(await transport.deliver(host_job(server)), Failed)
    assert isinstance(await transport.deliver(host_job(server)), Delivered)
    assert len(server.dialogues) == 1


async def test_the_smarthost_may_be_a_name_of_the_systems(remote, outlet, transaction):
    server = await remote()
    job = Job(SmarthostRoute((Smarthost("localhost", server.port, TlsMode.NONE),)), "customer.example", transaction())
    outcome = await SmarthostTransport(outlet()).deliver(job)
    assert isinstance(outcome, Delivered)
    assert outcome.answer.remote.startswith("localhost[127.0.0.1]:")


async def test_capture_takes_everything(outlet, transaction):
    transports = open_transports(outlet())
    outcome = await transports[CaptureRoute].deliver(Job(CaptureRoute(), "customer.example", transaction()))
    assert isinstance(outcome, Delivered)
    assert outcome.answer.text == "captured"


def test_every_route_has_a_transport():
    assert TRANSPORTS.keys() == {MxRoute, SmarthostRoute, OwnRoute, CaptureRoute}
    settings = Delivery(port=2525, allow_private=True, ca_file="/ca.pem")
    out = open_outlet(settings, Zone({}), "relay.example")
    assert (out.port, out.allow_private, out.client.ca_file, out.client.hostname) == (
        2525, True, "/ca.pem", "relay.example",
    )  # fmt: skip

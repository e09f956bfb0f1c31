"""MTA-STS policies of recipients' domains: when they are fetched, how long they count."""

from __future__ import annotations

import asyncio
import logging

import pytest

from relay.mail.mta_sts import Mode
from relay.mail.tls_report import TlsFault
from relay.net.https import HttpsClient
from relay.net.zone import Zone
from relay.server.transports.policy_sts import StsPolicies
from relay.store.group import CommitGroup

DOMAIN = "customer.example"
START = 1_800_000_000.0
HOUR, DAY, WEEK = 3600.0, 86400.0, 604800


def policy(mode: str = "enforce", max_age: int = WEEK, mx: str = "mx.customer.example") -> bytes:
    return f"version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {max_age}\n".encode()


class World:
    """A domain with its record and its web server, a clock, and relays that share a store."""

    def __init__(self, web, group) -> None:
        self.web, self.group, self.at = web, group, START
        web.certificate(f"mta-sts.{DOMAIN}")
        web.file(policy())
        self.zone = Zone({f"mta-sts.{DOMAIN}": {"A": ["127.0.0.1"]}})
        self.record("v=STSv1; id=1;")
        self.restart()

    def record(self, *texts: str) -> None:
        self.zone.names[f"_mta-sts.{DOMAIN}"] = {"TXT": list(texts)}

    def restart(self) -> None:
        client = HttpsClient(self.web.port, self.web.ca_file, private=True, seconds=2)
        self.sts = StsPolicies(self.group, self.zone, client, lambda: self.at)

    async def mode(self, domain: str = DOMAIN) -> Mode | None:
        found = (await self.sts.of(domain)).policy(self.at)
        return found.policy.mode if found else None

    @property
    def fetches(self) -> int:
        return len(self.web.requests)


@pytest.fixture
async def world(web, tmp_path):
    group = CommitGroup(f"sqlite:///{tmp_path / 'relay.db'}")
    await group.start()
    yield World(web, group)
    await group.close()


async def test_the_first_mail_finds_it_and_the_next_ones_know_it(world):
    assert await asyncio.gather(*(world.mode() for _ in range(5))) == [Mode.ENFORCE] * 5
    assert await world.mode() is Mode.ENFORCE
    assert world.fetches == 1
    assert len(world.zone.asked) == 3  # the record once, the web server's two kinds of address


async def test_another_process_reads_it_from_the_store(world):
    await world.mode()
    world.restart()
    assert await world.mode() is Mode.ENFORCE
    assert world.fetches == 1


async def test_without_a_record_there_is_no_policy_and_nothing_is_fetched(world):
    world.record("v=spf1 -all")
    assert await world.mode() is None
    assert world.fetches == 0


@pytest.mark.parametrize(
    "texts", [("v=STSv1; id=1;", "v=STSv1; id=2;"), ("v=STSv1",), ("v=STSv1; id=;",), ("v=STSv1; id=a b;",)]
)
async def test_a_record_that_is_none(world, texts):
    world.record(*texts)
    assert await world.mode() is None


async def test_another_id_brings_another_policy(world):
    await world.mode()
    world.web.file(policy("testing"))
    world.record("v=STSv1; id=2;")
    assert await world.mode() is Mode.ENFORCE  # within the hour nobody asks
    world.at += HOUR
    assert await world.mode() is Mode.TESTING
    assert world.fetches == 2


async def test_the_same_id_is_fetched_again_once_a_day(world):
    await world.mode()
    for _ in range(23):
        world.at += HOUR
        await world.mode()
    assert world.fetches == 1
    world.at += HOUR
    await world.mode()
    assert world.fetches == 2


async def test_a_short_life_is_renewed_when_it_is_over(world):
    world.web.file(policy(max_age=int(HOUR)))
    await world.mode()
    world.at += HOUR
    assert await world.mode() is Mode.ENFORCE
    assert world.fetches == 2


@pytest.mark.parametrize("trouble", ["record gone", "record unknown", "404", "certificate", "no policy", "wrong type"])
async def test_trouble_does_not_end_a_policy_that_is_kept(world, trouble):
    await world.mode()
    world.record("v=STSv1; id=2;")
    break_it(world, trouble)
    world.at += 2 * DAY
    assert await world.mode() is Mode.ENFORCE
    world.restart()
    assert await world.mode() is Mode.ENFORCE
    world.at = START + WEEK
    assert await world.mode() is None  # its own life is over


def break_it(world, trouble) -> None:
    match trouble:
        case "record gone":
            del world.zone.names[f"_mta-sts.{DOMAIN}"]
        case "record unknown":
            world.zone.names[f"_mta-sts.{DOMAIN}"] = "SERVFAIL"
        case "404":
            world.web.answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        case "certificate":
            world.web.certificate("other.example")
        case "no policy":
            world.web.file(b"<html>hello</html>")
        case "wrong type":
            world.web.file(policy("none"), "text/html")


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        ("404", TlsFault.STS_FETCH),
        ("certificate", TlsFault.STS_WEBPKI),
        ("no policy", TlsFault.STS_INVALID),
        ("wrong type", TlsFault.STS_INVALID),
    ],
)
async def test_what_cannot_be_fetched_is_no_policy_and_a_fault(world, trouble, fault, caplog):
    caplog.set_level(logging.WARNING)
    break_it(world, trouble)
    known = await world.sts.of(DOMAIN)
    assert known.policy(world.at) is None
    assert known.fault is fault
    assert DOMAIN in caplog.text
    world.web.certificate(f"mta-sts.{DOMAIN}")
    world.web.file(policy())
    assert await world.mode() is None  # not asked again at once
    world.at += 5 * 60
    assert await world.mode() is Mode.ENFORCE


async def test_mode_none_ends_a_policy(world):
    await world.mode()
    world.web.file(b"version: STSv1\nmode: none\nmax_age: 86400\n")
    world.record("v=STSv1; id=2;")
    world.at += HOUR
    assert await world.mode() is None


async def test_a_web_server_that_hangs_holds_mail_up_for_a_moment_only(world):
    world.web.answer, world.web.holds = b"", True
    world.sts.https = HttpsClient(world.web.port, world.web.ca_file, private=True, seconds=0.1)
    assert await world.mode() is None
    assert (await world.sts.of(DOMAIN)).fault is TlsFault.STS_FETCH


async def test_policies_whose_life_is_over_are_forgotten(world):
    await world.mode()
    assert await world.group.write(lambda store: store.purge_sts_policies(START + WEEK)) == 0
    assert await world.group.write(lambda store: store.purge_sts_policies(START + WEEK + 1)) == 1


async def test_memory_is_bounded(world):
    world.sts.most_known = 3
    for number in range(10):
        await world.mode(f"d{number}.example")
    assert list(world.sts.known) == ["d7.example", "d8.example", "d9.example"]

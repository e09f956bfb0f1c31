"""Destinations that are down and tenants that send much: what is tried when, and in which order. Time is a value."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import pytest

from relay.config import Delivery as DeliveryConfig
from relay.mail.delivery import DAY, HOUR, MINUTE, Answer, Deferred, Delivered, Delivery, State, Unreachable
from relay.mail.ids import make_id
from relay.mail.route import MxRoute, Smarthost, SmarthostRoute, TlsMode
from relay.mail.tenant import Tenant
from relay.net.zone import Zone
from relay.server.own_route import NoTokens, OwnRoutes
from relay.server.worker import LONGEST_LINE, Worker
from relay.store.group import CommitGroup
from relay.store.model import Queued

START = 1_800_000_000.0
TAKEN = Delivered(Answer("taken", 250, "2.0.0"))
REFUSED = Unreachable(Answer("Connection refused", 0, "4.4.1", "mx.dead.example[192.0.2.1]:25"))
BUSY = Deferred(Answer("too many connections", 421, "4.7.0"))


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at


class Internet:
    """Takes everything but what goes to domains that are ``down``; ``tries`` are (seconds since the start, recipient)
    in the order in which they were begun."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.down: dict[str, Deferred] = {}
        self.tries: list[tuple[float, str]] = []
        self.taken: list[str] = []
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def deliver(self, job):
        recipient = job.transaction.forward_paths[0]
        self.tries.append((self.clock() - START, recipient))
        self.running[job.domain] += 1
        self.most[job.domain] = max(self.most[job.domain], self.running[job.domain])
        await asyncio.sleep(0)
        self.running[job.domain] -= 1
        if outcome := self.down.get(job.domain):
            return outcome
        self.taken.append(recipient)
        return TAKEN

    def tried(self, domain: str) -> list[float]:
        return [at for at, recipient in self.tries if recipient.endswith(f"@{domain}")]


async def nothing(work, settlement):
    return False


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def internet(clock):
    return Internet(clock)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'relay.db'}"


@pytest.fixture
async def group(url):
    group = CommitGroup(url)
    await group.start()
    yield group
    await group.close()


@pytest.fixture
def worker(clock, internet, group):
    """A worker that does nothing by itself."""

    def make(*, route=None, node="node-a", connections=10, group=group) -> Worker:
        made = Worker(
            group=group,
            route=route or MxRoute(),
            delivery=DeliveryConfig(connections=connections),
            resolver=Zone({}),
            node=node,
            hostname="relay.example",
            verp_key=bytes(32),
            bounce_domain="bounce.platform.example",
            own_routes=OwnRoutes(group, [], NoTokens(), allowed=False),
            after_own=nothing,
            now=clock,
        )
        made.transports.update(dict.fromkeys(made.transports, internet))
        return made

    return make


async def work(*workers: Worker) -> None:
    """Everything that can be done at this moment."""
    for worker in workers:
        again = True
        while again:
            again = await worker.lease()
            worker.dispatch()
            while worker.deliveries:
                await asyncio.wait(worker.deliveries)
                again = True


@pytest.fixture
async def tenants(group):
    """Two tenants: one that sends much, one that sends an invoice."""
    made = [Tenant(make_id(START, n), f"Tenant {n}", f"t{n}@platform.example", "nl", START) for n in (1, 2)]
    for each in made:
        await group.write(lambda store, each=each: store.add_tenant(each))
    return made


@pytest.fixture
def put(group):
    async def put(queued: Queued) -> list[str]:
        await group.write(lambda store: store.enqueue(queued))
        return [each.id for each in queued.deliveries]

    return put


@pytest.fixture
def found(group):
    async def find(delivery_id: str) -> Delivery:
        return await group.read(lambda store: store.delivery(delivery_id))

    return find


def people(count: int, domain: str) -> list[str]:
    return [f"p{number}@{domain}" for number in range(count)]


# A destination is down


async def test_a_day_without_a_destination_costs_one_try_an_interval(
    worker, internet, put, queued, clock, group, found
):
    ids = await put(queued(*people(1000, "dead.example")))
    internet.down["dead.example"] = REFUSED
    running = worker()
    await work(running)
    first = len(internet.tries)
    assert first <= 10  # what ran at once when it broke
    for minute in range(1, 24 * 60):
        clock.at = START + minute * MINUTE + 10
        if minute % 60 == 0:
            await put(queued(f"hour{minute // 60}@alive.example"))
        await work(running)
    probes = internet.tried("dead.example")[first:]
    assert len(probes) == 13  # 1, 2, 5, 5, 10, 20, 40, 80, 160 minutes, then four hours
    assert len(internet.tried("alive.example")) == 23
    attempts = [(await found(each)).attempt for each in ids]
    assert sum(attempts) == first + len(probes)
    assert max(attempts) <= 3  # it is somebody else's turn each time
    del internet.down["dead.example"]
    clock.at += 4 * HOUR
    await work(running)
    dead = Counter(recipient for recipient in internet.taken if recipient.endswith("dead.example"))
    assert len(dead) == 1000
    assert set(dead.values()) == {1}
    assert {(await found(each)).state for each in ids} == {State.DELIVERED}
    await work(running)
    assert await group.read(lambda store: store.destinations()) == []


async def test_when_it_is_back_it_gets_one_connection_first(worker, internet, put, queued, clock):
    await put(queued(*people(100, "dead.example")))
    internet.down["dead.example"] = REFUSED
    running = worker(connections=10)
    await work(running)
    internet.down.clear()
    internet.most.clear()
    clock.at += MINUTE + 1
    widths = []
    again = True
    while again:
        again = await running.lease()
        running.dispatch()
        while running.deliveries:
            widths.append(running.lines.windows.get("dead.example", 10))
            await asyncio.wait(running.deliveries, return_when=asyncio.FIRST_COMPLETED)
            again = True
    assert widths[0] == 1
    assert widths == sorted(widths)
    assert widths[-1] == 10
    assert internet.most["dead.example"] == 10


async def test_new_mail_for_it_waits_without_a_try_and_goes_first_after_a_while(
    worker, internet, put, queued, clock, tenants, found
):
    internet.down["dead.example"] = REFUSED
    running = worker()
    await put(queued("first@dead.example"))
    await work(running)
    fresh = queued("second@dead.example", tenant_id=tenants[0].id)
    await running.enqueue(fresh, tenants[0])
    await work(running)
    waiting = await found(fresh.deliveries[0].id)
    assert (waiting.state, waiting.attempt, waiting.leased_by) == (State.QUEUED, 0, None)
    assert len(internet.tries) == 1
    for number, minutes in enumerate((1, 3, 8, 13, 23, 43), 1):
        clock.at = START + minutes * MINUTE + 10 * number
        await work(running)
    seen = len(internet.tries)
    assert seen == 7
    clock.at += 15 * MINUTE  # the next try is due in 25
    internet.down.clear()
    late = queued("third@dead.example", tenant_id=tenants[0].id)
    await running.enqueue(late, tenants[0])
    await work(running)
    assert internet.taken[0] == "third@dead.example"
    assert sorted(internet.taken) == ["first@dead.example", "second@dead.example", "third@dead.example"]


async def test_what_is_known_of_it_outlives_the_process(worker, internet, put, queued, clock, url):
    internet.down["dead.example"] = REFUSED
    await put(queued(*people(50, "dead.example")))
    await work(worker())  # and is killed: nothing is given back
    seen = len(internet.tries)
    clock.at += 30
    other = CommitGroup(url)
    await other.start()
    second = worker(node="node-b", group=other)
    await second.release_the_dead()
    await work(second)
    assert len(internet.tries) == seen
    clock.at += 31
    await work(second)
    assert len(internet.tries) == seen + 1
    await other.close()


async def test_of_two_processes_one_tries_it(worker, internet, put, queued, clock):
    internet.down["dead.example"] = REFUSED
    await put(queued(*people(50, "dead.example")))
    one, two = worker(), worker(node="node-b")
    await work(one, two)
    seen = len(internet.tries)
    clock.at += MINUTE + 1
    await asyncio.gather(one.lease(), two.lease())
    one.dispatch()
    two.dispatch()
    await asyncio.wait(one.deliveries | two.deliveries)
    assert len(internet.tries) == seen + 1


async def test_a_process_that_died_while_it_tried_leaves_the_try_to_others(worker, internet, put, queued, clock, group):
    internet.down["dead.example"] = REFUSED
    await put(queued(*people(5, "dead.example")))
    await work(worker())
    seen = len(internet.tries)
    clock.at += MINUTE + 1
    gone = worker(node="gone")
    await gone.lease()  # and nothing more is heard of it
    await group.write(lambda store: store.release_node("gone"))
    await work(worker(node="node-b"))
    assert len(internet.tries) == seen + 1


async def test_after_five_days_what_waits_fails_with_the_words_of_the_last_try(
    worker, internet, put, queued, clock, found, group
):
    internet.down["dead.example"] = REFUSED
    ids = await put(queued(*people(300, "dead.example")))
    running = worker()
    young = []
    for hour in range(5 * 24 + 5):
        clock.at = START + hour * HOUR
        if hour == 100:
            young = await put(queued("young@dead.example"))
        await work(running)
    old = [await found(each) for each in ids]
    assert {each.state for each in old} == {State.FAILED}
    assert {each.last_reply for each in old} == {"4.4.1 Connection refused"}
    assert min(each.attempt for each in old) == 1
    assert len(internet.tries) < 60
    (attempt, *_) = await group.read(lambda store: store.attempts(ids[299]))
    assert attempt.answer == REFUSED.answer
    assert (await found(young[0])).state is State.QUEUED


@pytest.mark.parametrize("jump", [10 * DAY, -10 * DAY])
async def test_a_clock_that_jumps_fails_nothing_and_stops_nothing(worker, internet, put, queued, clock, found, jump):
    internet.down["dead.example"] = REFUSED
    ids = await put(queued(*people(30, "dead.example")))
    running = worker()
    await work(running)
    clock.at += jump
    await work(running)
    assert {(await found(each)).state for each in ids} == {State.QUEUED}
    internet.down.clear()
    clock.at += MINUTE * 3
    await work(running)
    assert {(await found(each)).state for each in ids} == {State.DELIVERED}


async def test_some_connections_refused_is_not_down(worker, internet, put, queued, clock):
    """A server that has enough of our connections while others get through."""
    calls = itertools.count(1)

    async def deliver(job):
        number = next(calls)
        await asyncio.sleep(0.001 * (number % 10 == 0))
        return BUSY if number % 10 == 0 else TAKEN

    internet.deliver = deliver
    await put(queued(*people(60, "full.example")))
    running = worker()
    await work(running)
    assert next(calls) > 60  # nobody waited for those that were turned away
    assert running.outages.known == {}


async def test_a_session_that_breaks_says_nothing_of_the_destination(worker, internet, put, queued, clock):
    internet.down["odd.example"] = Deferred(Answer("the connection was lost", 0, "4.4.2"))
    await put(queued(*people(20, "odd.example")))
    running = worker()
    await work(running)
    assert len(internet.tries) == 20
    assert running.outages.known == {}


async def test_the_smarthosts_are_one_destination(worker, internet, put, queued, clock):
    domains = [f"d{number}.example" for number in range(50)]
    internet.down = dict.fromkeys(domains, REFUSED)
    await put(queued(*(f"ann@{domain}" for domain in domains)))
    running = worker(route=SmarthostRoute((Smarthost("127.0.0.1", 25, TlsMode.NONE),)), connections=4)
    await work(running)
    assert len(internet.tries) <= 4
    internet.down.clear()
    clock.at += MINUTE + 1
    await work(running)
    assert len(set(internet.taken)) == len(internet.taken) == 50


async def test_whoever_retries_by_hand_need_not_wait(worker, internet, put, queued, clock, group):
    internet.down["dead.example"] = REFUSED
    ids = await put(queued(*people(20, "dead.example")))
    running = worker()
    await work(running)
    internet.down.clear()
    clock.at += 10
    await group.write(lambda store: store.retry([ids[-1]], clock()))
    await work(running)
    assert len(internet.taken) == 20


async def test_what_is_held_and_released_meanwhile_is_not_forgotten(worker, internet, put, queued, clock, group):
    internet.down["dead.example"] = REFUSED
    ids = await put(queued(*people(20, "dead.example")))
    running = worker()
    await work(running)
    await group.write(lambda store: store.hold(ids, clock()))
    clock.at += HOUR
    await work(running)
    assert await group.read(lambda store: store.destinations()) == []
    await group.write(lambda store: store.release_held(ids, clock()))
    internet.down.clear()
    await work(running)
    assert len(internet.taken) == 20


# Fair shares


@pytest.mark.parametrize("to", ["busy.example", "other.example"])
async def test_a_tenants_flood_does_not_hold_up_anothers_invoice(worker, internet, put, queued, clock, tenants, to):
    flood, careful = tenants
    await put(queued(*people(3000, "busy.example"), tenant_id=flood.id))
    running = worker()
    running.lines.total = 10
    task = asyncio.create_task(work(running))
    while len(internet.taken) < 500:  # noqa: ASYNC110 - it happens in another task
        await asyncio.sleep(0)
    seen = len(internet.tries)
    await put(queued(f"invoice@{to}", tenant_id=careful.id))
    await task
    position = [recipient for _, recipient in internet.tries].index(f"invoice@{to}")
    assert position - seen < 3 * LONGEST_LINE
    assert len(internet.taken) == 3001


async def test_tenants_take_turns_in_a_line(worker, internet, put, queued, tenants):
    flood, careful = tenants
    await put(queued(*people(90, "busy.example"), tenant_id=flood.id))
    await put(queued(*(f"q{number}@busy.example" for number in range(5)), tenant_id=careful.id))
    running = worker(connections=1)
    await work(running)
    order = [recipient[0] for _, recipient in internet.tries[:10]]
    assert order == ["p", "q"] * 5


async def test_a_tenant_with_slow_destinations_leaves_connections_to_others(worker, internet, put, queued, tenants):
    flood, careful = tenants
    gate = asyncio.Event()
    reached = asyncio.Event()

    async def deliver(job):
        if job.domain == "quick.example":
            reached.set()
        else:
            await gate.wait()
        return TAKEN

    internet.deliver = deliver
    await put(queued(*(f"p{n}@slow{n % 40}.example" for n in range(2000)), tenant_id=flood.id))
    running = worker()
    await running.lease()
    for _ in range(30):
        await running.lease()
        running.dispatch()
    assert 100 < running.lines.running[flood.id] <= 150
    await put(queued("invoice@quick.example", tenant_id=careful.id))
    await running.lease()
    running.dispatch()
    await asyncio.wait_for(reached.wait(), 5)
    gate.set()
    while running.deliveries:
        await asyncio.wait(running.deliveries)


async def test_many_tenants_are_leased_in_turn(group, put, queued):
    made = [Tenant(make_id(START, n), f"Tenant {n}", f"t{n}@platform.example", "nl", START) for n in range(30)]
    for each in made:
        await group.write(lambda store, each=each: store.add_tenant(each))
        await put(queued(*people(20, "a.example"), tenant_id=each.id))
    works = await group.write(lambda store: store.lease("n", START, START + 60, 90))
    assert Counter(work.message.tenant_id for work in works) == {each.id: 3 for each in made}

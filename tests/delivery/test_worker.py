"""The worker over a real store: leases, results, retries, stopping. Its transport and its clock are fakes."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from relay.config import Delivery as DeliveryConfig
from relay.mail.delivery import HOUR, Answer, Deferred, Delivered, Delivery, Failed, State
from relay.mail.route import CaptureRoute, MxRoute, Smarthost, SmarthostRoute, TlsMode
from relay.mail.tenant import Tenant
from relay.mail.verp import read_verp
from relay.net.zone import Zone
from relay.server.attempt import LEASE_FOR
from relay.server.housekeeping import Retention, tidy
from relay.server.lines import Lines
from relay.server.own_route import NoTokens, OwnRoutes
from relay.server.worker import HANDED_OVER, LONGEST_LINE, Worker
from relay.store.database import StoreError
from relay.store.group import CommitGroup
from relay.store.model import Queued, Work
from relay.store.node import node_name

KEY = b"0123456789abcdef0123456789abcdef"
START = 1_800_000_000.0
TAKEN = Delivered(Answer("taken", 250, "2.0.0", "mx.example[192.0.2.1]:25"))
LATER = Deferred(Answer("later", 450, "4.2.0", "mx.example[192.0.2.1]:25"))
NEVER = Failed(Answer("no such user", 550, "5.1.1", "mx.example[192.0.2.1]:25"))


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> float:
        return self.at


class ScriptedTransport:
    """Answers with the next of ``outcomes`` (the last one stays). While ``gate`` is closed nobody gets an answer."""

    def __init__(self) -> None:
        self.outcomes = [TAKEN]
        self.jobs = []
        self.bodies = []
        self.gates: dict[str, asyncio.Event] = {}
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}

    async def deliver(self, job):
        self.jobs.append(job)
        domain = job.domain
        self.running[domain] = self.running.get(domain, 0) + 1
        self.most[domain] = max(self.most.get(domain, 0), self.running[domain])
        try:
            if domain in self.gates:
                await self.gates[domain].wait()
            outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
            if isinstance(outcome, Exception):
                raise outcome
            self.bodies.append([chunk async for chunk in job.transaction.body()])
            return outcome
        finally:
            self.running[domain] -= 1


async def nothing(work, settlement):
    """There are no own servers: tests/delivery/test_own_server.py."""
    return False


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def group(tmp_path):
    group = CommitGroup(f"sqlite:///{tmp_path / 'relay.db'}")
    await group.start()
    yield group
    await group.close()


@pytest.fixture
def transport():
    return ScriptedTransport()


@pytest.fixture
async def worker(group, clock, transport):
    """Makes workers with the scripted transport; they are stopped at the end."""
    made = []

    async def make(*, route=None, node="node-a", start=True, connections=10) -> Worker:
        each = Worker(
            group=group,
            route=route or MxRoute(),
            delivery=DeliveryConfig(connections=connections),
            resolver=Zone({}),
            node=node,
            hostname="relay.example",
            verp_key=KEY,
            bounce_domain="bounce.platform.example",
            own_routes=OwnRoutes(group, [], NoTokens(), allowed=False),
            after_own=nothing,
            now=clock,
        )
        for kind in each.transports:
            each.transports[kind] = transport
        made.append(each)
        if start:
            await each.start()
        return each

    yield make
    for each in made:
        await each.stop(within=0)


@pytest.fixture
def enqueue(group):
    async def put(queued: Queued) -> str:
        await group.write(lambda store: store.enqueue(queued))
        return queued.deliveries[0].id

    return put


@pytest.fixture
def delivery(group):
    async def find(delivery_id: str) -> Delivery:
        return await group.read(lambda store: store.delivery(delivery_id))

    return find


async def until(true, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - it happens in other tasks and threads
            await asyncio.sleep(0.005)


@pytest.fixture
def settled(delivery):
    """Wait until a delivery has been tried so often and is at rest again."""

    async def wait(delivery_id: str, attempts: int) -> Delivery:
        async with asyncio.timeout(5):
            while True:
                found = await delivery(delivery_id)
                if found.attempt == attempts and found.leased_by is None:
                    return found
                await asyncio.sleep(0.005)

    return wait


async def test_a_message_is_delivered_and_the_attempt_recorded(worker, enqueue, queued, settled, transport, group):
    delivery_id = await enqueue(queued(body=b"one\r\ntwo\r\n"))
    await worker()
    assert (await settled(delivery_id, 1)).state is State.DELIVERED
    (job,) = transport.jobs
    assert job.transaction.forward_paths == ("ann@customer.example",)
    assert job.transaction.header == b"From: Bakkerij <mail@customers.platform.example>\r\n"
    assert transport.bodies == [[b"one\r\ntwo\r\n"]]
    assert job.transaction.size == len(job.transaction.header) + 2 + 10
    (attempt,) = await group.read(lambda store: store.attempts(delivery_id))
    assert (attempt.number, attempt.started_at, attempt.outcome, attempt.answer) == (
        1,
        START,
        "delivered",
        TAKEN.answer,
    )


async def test_a_large_body_is_read_chunk_by_chunk(worker, group, queued, settled, transport):
    body = b"x" * 1000 + b"\r\n"
    large = queued(body=body * 3)

    def put(store) -> None:
        for number in range(3):
            store.put_chunk(large.message.id, number, body)
        store.enqueue(replace(large, body=None))

    await group.write(put)
    await worker()
    assert (await settled(large.deliveries[0].id, 1)).state is State.DELIVERED
    assert transport.bodies == [[body] * 3]


async def test_the_reverse_path_names_the_delivery(worker, enqueue, queued, settled, transport, clock):
    delivery_id = await enqueue(queued())
    own = await enqueue(queued("bob@customer.example", reverse_path="null"))
    await worker()
    await settled(delivery_id, 1)
    await settled(own, 1)
    paths = {job.transaction.forward_paths[0]: job.transaction.reverse_path for job in transport.jobs}
    local, _, domain = paths["ann@customer.example"].partition("@")
    assert domain == "bounce.platform.example"
    assert read_verp(local, KEY, clock() + 10 * 24 * HOUR - 1) == delivery_id
    assert read_verp(local, KEY, clock() + 11 * 24 * HOUR) is None
    assert paths["bob@customer.example"] is None


async def test_it_is_woken_by_what_is_queued_here(worker, enqueue, queued, settled):
    running = await worker()
    await asyncio.sleep(0.05)
    delivery_id = await enqueue(queued())
    running.wake()
    async with asyncio.timeout(0.8):  # sooner than it would have looked by itself
        await settled(delivery_id, 1)


async def test_it_notices_what_other_processes_queue(worker, enqueue, queued, settled):
    await worker()
    await asyncio.sleep(0.05)
    delivery_id = await enqueue(queued())
    assert (await settled(delivery_id, 1)).state is State.DELIVERED


async def test_deferrals_are_tried_again_when_they_fall_due(worker, enqueue, queued, settled, transport, clock, group):
    transport.outcomes = [LATER, LATER, TAKEN]
    delivery_id = await enqueue(queued())
    running = await worker()
    first = await settled(delivery_id, 1)
    assert (first.state, first.due_at, first.last_reply) == (State.QUEUED, START + 60, "450 4.2.0 later")
    clock.at += 59
    running.wake()
    await asyncio.sleep(0.1)
    assert len(transport.jobs) == 1
    clock.at += 1
    running.wake()
    second = await settled(delivery_id, 2)
    assert second.due_at == START + 60 + 120
    clock.at += 120
    running.wake()
    assert (await settled(delivery_id, 3)).state is State.DELIVERED
    attempts = await group.read(lambda store: store.attempts(delivery_id))
    assert [attempt.outcome for attempt in attempts] == ["deferred", "deferred", "delivered"]


async def test_a_defect_in_a_transport_is_temporary(worker, enqueue, queued, settled, transport, caplog):
    transport.outcomes = [RuntimeError("secret detail"), TAKEN]
    delivery_id = await enqueue(queued())
    await worker()
    found = await settled(delivery_id, 1)
    assert found.state is State.QUEUED
    assert found.last_reply.startswith("4.3.0 internal error, reference ")
    assert "secret" not in found.last_reply
    assert found.last_reply.rpartition(" ")[2] in caplog.text


@pytest.mark.parametrize("damage", [b"Hallo\r\n", None])
async def test_a_body_that_changed_on_disk_is_not_sent(worker, group, queued, settled, transport, damage):
    damaged = replace(queued(), body=damage)
    await group.write(lambda store: store.enqueue(damaged))
    await worker()
    found = await settled(damaged.deliveries[0].id, 1)
    assert found.state is State.QUEUED
    assert found.last_reply.startswith("4.3.0")
    assert transport.bodies == []


async def test_one_line_an_attempt(worker, enqueue, queued, settled, transport, caplog):
    caplog.set_level(logging.INFO, "relay.worker")
    transport.outcomes = [Failed(Answer("a\r\nb\x1b[31m", 550, "5.0.0", "mx[192.0.2.1]:25", "TLSv1.3 X"))]
    delivery_id = await enqueue(queued())
    await worker()
    await settled(delivery_id, 1)
    await until(lambda: "attempt id=" in caplog.text)
    (line,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("attempt ")]
    assert line.isprintable()
    for key in ("id", "message", "tenant", "to", "number", "outcome", "state", "remote", "tls", "took", "reply"):
        assert f" {key}=" in line


# Several at once


async def test_a_slow_destination_has_its_connections_and_no_more(worker, enqueue, queued, transport, group):
    transport.gates["slow.example"] = asyncio.Event()
    people = [f"p{number}@slow.example" for number in range(3 * LONGEST_LINE)]
    await enqueue(queued(*people))
    running = await worker(connections=3)
    await until(lambda: transport.running.get("slow.example") == 3)
    await enqueue(queued(*(f"q{number}@quick.example" for number in range(40))))
    running.wake()
    await until(lambda: sum(job.domain == "quick.example" for job in transport.jobs) == 40)
    assert transport.most == {"slow.example": 3, "quick.example": 3}
    assert running.lines.held <= 2 * LONGEST_LINE + 3  # the rest stays in the queue for other processes
    transport.gates["slow.example"].set()
    await until(lambda: len(transport.jobs) == len(people) + 40)
    assert transport.most["slow.example"] == 3


async def test_to_a_smarthost_the_limit_is_for_all(worker, enqueue, queued, transport):
    domains = [f"d{number}.example" for number in range(200)]
    await enqueue(queued(*(f"ann@{domain}" for domain in domains)))
    for domain in domains:
        transport.gates[domain] = gate = transport.gates.get("d0.example", asyncio.Event())
    running = await worker(route=SmarthostRoute((Smarthost("127.0.0.1", 25, TlsMode.NONE),)), connections=4)
    await until(lambda: len(transport.jobs) == 4)
    await asyncio.sleep(0.05)
    assert len(transport.jobs) == 4
    assert running.lines.held <= LONGEST_LINE + 4
    gate.set()
    await until(lambda: len(transport.jobs) == 200)
    assert running.lines.running.total() <= 4


async def test_two_workers_share_the_queue(worker, enqueue, queued, transport):
    await enqueue(queued(*(f"p{number}@d{number}.example" for number in range(150))))
    first, second = await worker(node="node-a", start=False), await worker(node="node-b", start=False)
    await asyncio.gather(first.start(), second.start())
    await until(lambda: len(transport.jobs) >= 150)
    await asyncio.sleep(0.05)
    recipients = [job.transaction.forward_paths[0] for job in transport.jobs]
    assert len(set(recipients)) == len(recipients) == 150


def work_for(queued: Queued) -> Work:
    return Work(queued.deliveries[0], queued.message, None)


def test_lines_let_others_pass(queued):
    lines = Lines(total=4, each=2, places=100)
    for domain in ("a", "a", "a", "b", "b", "c"):
        lines.join(domain, work_for(queued()))
    steps = [lines.step_forward() for _ in range(3)]
    assert [domain for domain, _ in steps] == ["a", "b", "c"]  # by turns
    assert lines.step_forward() is None  # a place is kept free for other tenants
    for step in steps:
        lines.leave(*step)
    steps = [lines.step_forward() for _ in range(3)]
    assert [domain for domain, _ in steps] == ["a", "b", "a"]
    assert (lines.held, lines.running.total(), lines.waiting.total()) == (3, 3, 0)


# Handed over in memory


OWNER = Tenant("t1", "Bakkerij", "owner@bakkerij.example", "nl", START)


async def test_what_comes_in_here_is_sent_without_being_read_back(worker, queued, settled, transport, group):
    fresh = queued("ann@customer.example", "bob@other.example", body=b"one\r\n")
    running = await worker()
    await running.enqueue(fresh, OWNER)
    # a body that was lost on disk meanwhile is not missed: nobody reads it
    await group.write(lambda store: store.database.run("purge_body", message_id=fresh.message.id))
    for each in fresh.deliveries:
        found = await settled(each.id, 1)
        assert (found.state, found.leased_by) == (State.DELIVERED, None)
        (attempt,) = await group.read(lambda store, each=each: store.attempts(each.id))
        assert (attempt.number, attempt.outcome) == (1, "delivered")
    assert transport.bodies == [[b"one\r\n"]] * 2
    assert len(transport.jobs) == 2


async def test_while_it_is_sent_nobody_else_may(worker, queued, settled, transport, delivery):
    gate = transport.gates["customer.example"] = asyncio.Event()
    fresh = queued()
    running, other = await worker(), await worker(node="node-b")
    await running.enqueue(fresh, OWNER)
    found = await delivery(fresh.deliveries[0].id)
    assert (found.attempt, found.leased_by, found.leased_until) == (1, "node-a", START + LEASE_FOR)
    other.wake()
    await until(lambda: len(transport.jobs) == 1)
    await asyncio.sleep(0.05)
    gate.set()
    assert (await settled(found.id, 1)).state is State.DELIVERED
    assert len(transport.jobs) == 1


async def test_a_deferral_of_it_goes_the_way_of_all_others(worker, queued, settled, transport, clock):
    transport.outcomes = [LATER, TAKEN]
    fresh = queued(body=b"one\r\n")
    running = await worker()
    await running.enqueue(fresh, OWNER)
    assert (await settled(fresh.deliveries[0].id, 1)).due_at == START + 60
    clock.at += 60
    running.wake()
    assert (await settled(fresh.deliveries[0].id, 2)).state is State.DELIVERED
    assert transport.bodies == [[b"one\r\n"]] * 2  # the second time from the store


async def test_no_more_than_a_bounded_number_is_kept_in_memory(worker, queued, transport, delivery, group):
    transport.gates["slow.example"] = asyncio.Event()
    running = await worker(connections=1)
    fresh = [queued(f"p{number}@slow.example") for number in range(HANDED_OVER + 20)]
    await asyncio.gather(*(running.enqueue(each, OWNER) for each in fresh))
    await until(lambda: len(transport.jobs) == 1)
    works = [work for line in running.lines.lines.values() for queue in line.waiting.values() for work in queue]
    assert sum(work.body is not None for work in works) <= HANDED_OVER
    transport.gates["slow.example"].set()
    await until(lambda: len(transport.jobs) == len(fresh))
    recipients = [job.transaction.forward_paths[0] for job in transport.jobs]
    assert len(set(recipients)) == len(recipients)


async def test_it_does_not_pass_what_waits_already(worker, enqueue, queued, transport):
    gate = transport.gates["slow.example"] = asyncio.Event()
    await enqueue(queued(*(f"p{number}@slow.example" for number in range(2 * LONGEST_LINE))))
    running = await worker(connections=1)
    await until(lambda: len(transport.jobs) == 1 and (running.more or running.left))
    await running.enqueue(queued("late@slow.example"), OWNER)
    gate.set()
    await until(lambda: len(transport.jobs) == 2 * LONGEST_LINE + 1)
    assert transport.jobs[-1].transaction.forward_paths == ("late@slow.example",)


async def test_a_large_body_goes_by_the_store(worker, group, queued, settled, transport):
    large = replace(queued(body=b"x\r\n"), body=None)
    await group.write(lambda store: store.put_chunk(large.message.id, 0, b"x\r\n"))
    running = await worker()
    await running.enqueue(large, OWNER)
    assert (await settled(large.deliveries[0].id, 1)).state is State.DELIVERED
    assert transport.bodies == [[b"x\r\n"]]


async def test_what_could_not_be_written_is_not_sent(worker, queued, transport, tmp_path):
    running = await worker()
    with closing(sqlite3.connect(tmp_path / "relay.db")) as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON delivery BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        with pytest.raises(StoreError, match="disk full"):
            await running.enqueue(queued(), OWNER)
        database.execute("DROP TRIGGER full")
    await asyncio.sleep(0.05)
    assert transport.jobs == []
    assert running.arriving == 0


async def test_what_is_written_while_it_stops_is_left_to_others(worker, queued, transport, delivery, group):
    fresh = queued()
    running = await worker()
    await running.stop()
    await running.enqueue(fresh, OWNER)
    found = await delivery(fresh.deliveries[0].id)
    assert (found.state, found.attempt, found.leased_by) == (State.QUEUED, 0, None)
    assert transport.jobs == []


# Leases


async def test_the_result_of_a_lease_that_ran_out_does_not_count(
    worker, enqueue, queued, transport, clock, delivery, settled, caplog
):
    """A process that was frozen in the middle of an attempt comes back after somebody else has tried."""
    transport.gates["customer.example"] = asyncio.Event()
    delivery_id = await enqueue(queued())
    await worker(node="frozen")
    await until(lambda: len(transport.jobs) == 1)
    clock.at += LEASE_FOR + 1
    gate = transport.gates.pop("customer.example")
    await worker(node="second")
    assert (await settled(delivery_id, 2)).state is State.DELIVERED
    transport.outcomes = [NEVER]
    gate.set()
    await until(lambda: "possible duplicate" in caplog.text)
    assert (await delivery(delivery_id)).state is State.DELIVERED


async def test_what_waited_for_too_much_of_its_lease_is_not_tried(worker, enqueue, queued, transport, clock, delivery):
    transport.gates["slow.example"] = asyncio.Event()
    await enqueue(queued("first@slow.example"))
    running = await worker(connections=1)
    await until(lambda: len(transport.jobs) == 1)
    late = await enqueue(queued("late@slow.example"))
    running.wake()
    await until(lambda: running.lines.waiting.total() == 1)
    clock.at += LEASE_FOR * 0.75
    transport.gates["slow.example"].set()
    await until(lambda: len(transport.jobs) == 2)
    found = await delivery(late)
    assert found.attempt == 1  # given back, which does not count, and leased anew
    assert found.leased_until is None or found.leased_until > clock()


async def test_stopping_gives_back_what_waits_and_lets_the_rest_end(
    worker, enqueue, queued, transport, delivery, group
):
    gate = transport.gates["slow.example"] = asyncio.Event()
    sent = queued(*(f"p{number}@slow.example" for number in range(10)))
    await enqueue(sent)
    running = await worker(connections=2)
    await until(lambda: len(transport.jobs) == 2)
    stopping = asyncio.create_task(running.stop(within=5))
    await asyncio.sleep(0.05)
    assert not stopping.done()
    gate.set()
    await stopping
    states = [await delivery(each.id) for each in sent.deliveries]
    assert sorted((each.state, each.attempt) for each in states) == [(State.DELIVERED, 1)] * 2 + [(State.QUEUED, 0)] * 8
    assert await group.read(lambda store: store.lease_nodes()) == set()
    assert len(transport.jobs) == 2


async def test_stopping_breaks_off_what_does_not_end(worker, enqueue, queued, transport, delivery, group):
    transport.gates["slow.example"] = asyncio.Event()
    delivery_id = await enqueue(queued("ann@slow.example"))
    running = await worker()
    await until(lambda: len(transport.jobs) == 1)
    async with asyncio.timeout(3):
        await running.stop(within=0.05)
    found = await delivery(delivery_id)
    assert (found.state, found.attempt, found.leased_by) == (State.QUEUED, 1, None)
    assert found.due_at <= START  # another process may try at once


async def test_leases_of_a_process_that_is_gone_return_at_the_start(worker, enqueue, queued, settled, group, clock):
    gone = ":".join([*node_name().split(":")[:4], "4194304", "1"])  # a pid that cannot be
    delivery_id = await enqueue(queued())
    await group.write(lambda store: store.lease(gone, clock(), clock() + LEASE_FOR, 10))
    await worker()
    assert (await settled(delivery_id, 2)).state is State.DELIVERED  # its attempt counts: it may have sent something


async def test_what_a_dead_process_left_is_finished_before_the_start_returns(worker, enqueue, queued, group, clock):
    rest = queued()
    await enqueue(rest)
    gone = node_name().rpartition(":")[0] + ":1"
    await group.write(lambda store: store.lease(gone, clock(), clock() + 3600, 10))
    await worker()
    [delivery] = await group.read(lambda store: store.deliveries(rest.message.id))
    assert delivery.state is State.DELIVERED


async def test_a_result_is_written_however_long_it_takes(worker, enqueue, queued, settled, transport, tmp_path, caplog):
    """The disk is full for a moment after the remote has taken the message: it must not be sent again."""
    delivery_id = await enqueue(queued())
    with closing(sqlite3.connect(tmp_path / "relay.db")) as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON attempt BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        await worker()
        await until(lambda: caplog.text.count("result not written") >= 1)
        database.execute("DROP TRIGGER full")
    assert (await settled(delivery_id, 1)).state is State.DELIVERED
    assert len(transport.jobs) == 1


async def test_capture_needs_no_transport_of_the_network(group, clock, enqueue, queued, settled):
    worker = Worker(
        group=group, route=CaptureRoute(), delivery=DeliveryConfig(via="capture"), resolver=Zone({}), node="n",
        hostname="relay.example", verp_key=KEY, bounce_domain="b.example", now=clock,
        own_routes=OwnRoutes(group, [], NoTokens(), allowed=False), after_own=nothing,
    )  # fmt: skip
    delivery_id = await enqueue(queued())
    await worker.start()
    found = await settled(delivery_id, 1)
    await worker.stop()
    assert (found.state, found.last_reply) == (State.DELIVERED, "captured")


async def test_housekeeping_forgets_what_is_over(worker, group, enqueue, queued, settled, clock):
    first = queued()
    delivery_id = await enqueue(first)
    running = await worker()
    await settled(delivery_id, 1)
    await running.stop()
    retention = Retention(bodies_for=HOUR, messages_for=10 * HOUR)
    message_id = first.message.id
    for hours, body, message in ((0.9, True, True), (1.1, False, True), (10.1, False, False)):
        await tidy(group, retention, START + hours * HOUR)
        assert (await group.read(lambda store: store.read_chunk(message_id, 0)) is not None) is body
        assert (await group.read(lambda store: store.message(message_id)) is not None) is message

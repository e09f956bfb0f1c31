"""One writer: what concurrent writers share, and what they do not."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from relay.mail.tenant import Tenant
from relay.store.database import StoreError
from relay.store.group import BATCH, COMPANY, CommitGroup
from relay.store.sqlite import SqliteDatabase, path_of
from relay.store.store import Store, open_store


class Watched(SqliteDatabase):
    """The real database, with its commits of writes counted and, on demand, delayed or broken."""

    def __init__(self, url: str, group: Opened) -> None:
        super().__init__(url)
        self.group = group
        self.writing = False

    def begin(self, *, write: bool) -> None:
        self.writing = write
        if write and getattr(self, "group", None):
            self.group.writers.add(id(self))
        super().begin(write=write)

    def commit(self) -> None:
        if self.writing and getattr(self, "group", None):
            self.group.free.wait(10)
            if self.group.broken:
                self.group.broken -= 1
                raise StoreError("disk I/O error")
            self.group.commits += 1
        super().commit()


class Opened:
    """A commit group on a watched database."""

    def __init__(self, url: str) -> None:
        self.commits = 0
        self.broken = 0
        self.writers: set[int] = set()
        self.databases: list[Watched] = []  # kept, so that no identity comes again
        self.free = threading.Event()
        self.free.set()
        self.url = url
        self.group = CommitGroup(self.open)

    def open(self) -> Store:
        self.databases.append(Watched(self.url, self))
        return Store(self.databases[-1])


@pytest.fixture
async def watched(url):
    """A started group; commits can be counted, kept waiting and broken."""
    opened = Opened(url)
    await opened.group.start()
    opened.commits = 0
    yield opened
    opened.free.set()
    await opened.group.close()


def add(number: int):
    return lambda store: store.add_tenant(Tenant(f"{number:016}", "x", "x@y.example", "en", 1.0))


def count(store: Store) -> int:
    return len(store.tenants())


async def test_a_write_that_has_returned_is_in_the_file(watched, url):
    await watched.group.write(add(1))
    other = open_store(url)
    assert count(other) == 1
    other.close()


async def test_a_read_sees_what_was_written_before(watched):
    for number in range(20):
        await watched.group.write(add(number))
        assert await watched.group.read(count) == number + 1


async def test_concurrent_writers_share_a_commit(watched):
    watched.free.clear()
    first = asyncio.create_task(watched.group.write(add(0)))
    await asyncio.sleep(0.05)  # its commit waits
    rest = [asyncio.create_task(watched.group.write(add(number))) for number in range(1, 101)]
    await asyncio.sleep(0.05)
    watched.free.set()
    await asyncio.gather(first, *rest)
    assert watched.commits == 2
    assert await watched.group.read(count) == 101


async def test_a_batch_is_bounded(watched):
    watched.free.clear()
    writes = [asyncio.create_task(watched.group.write(add(number))) for number in range(2 * BATCH + 2)]
    await asyncio.sleep(0.05)
    watched.free.set()
    await asyncio.gather(*writes)
    assert 3 <= watched.commits <= 4


async def test_a_failure_is_its_callers_alone(watched):
    def fails(store: Store) -> None:
        add(50)(store)
        raise RuntimeError("mine")

    watched.free.clear()
    blocker = asyncio.create_task(watched.group.write(add(0)))
    await asyncio.sleep(0.05)
    works = [add(1), fails, add(2), add(1), add(3)]
    writes = [asyncio.create_task(watched.group.write(work)) for work in works]
    await asyncio.sleep(0.05)
    watched.free.set()
    await blocker
    results = await asyncio.gather(*writes, return_exceptions=True)

    assert [type(result) for result in results] == [type(None), RuntimeError, type(None), StoreError, type(None)]
    tenants = await watched.group.read(lambda store: [int(each.id) for each in store.tenants()])
    assert tenants == [0, 1, 2, 3]  # and not 50, which came before its failure


async def test_cancelling_the_caller_does_not_cancel_the_commit(watched):
    watched.free.clear()
    blocker = asyncio.create_task(watched.group.write(add(0)))
    await asyncio.sleep(0.05)
    waiting = asyncio.create_task(watched.group.write(add(1)))
    await asyncio.sleep(0.05)
    for task in (blocker, waiting):
        task.cancel()
    assert await asyncio.gather(blocker, waiting, return_exceptions=True) != [None, None]
    watched.free.set()
    await watched.group.write(lambda _: None)
    assert await watched.group.read(count) == 2


async def test_a_commit_that_fails_is_told_to_all_and_the_file_is_opened_anew(watched):
    watched.free.clear()
    blocker = asyncio.create_task(watched.group.write(add(0)))
    await asyncio.sleep(0.05)
    writes = [asyncio.create_task(watched.group.write(add(number))) for number in (1, 2, 3)]
    await asyncio.sleep(0.05)
    watched.broken = 2
    watched.free.set()
    results = await asyncio.gather(blocker, *writes, return_exceptions=True)

    assert [str(result) for result in results] == ["disk I/O error"] * 4
    assert await watched.group.read(count) == 0
    await watched.group.write(add(9))
    assert await watched.group.read(count) == 1
    assert len(watched.writers) == 3  # one that failed, one that failed again, one that works


async def test_closing_finishes_what_waits_and_then_refuses(url):
    opened = Opened(url)
    await opened.group.start()
    opened.free.clear()
    writes = [asyncio.create_task(opened.group.write(add(number))) for number in range(300)]
    await asyncio.sleep(0.05)
    closing = asyncio.create_task(opened.group.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    opened.free.set()
    await closing
    assert await asyncio.gather(*writes) == [None] * 300
    for use in (opened.group.write, opened.group.read):
        with pytest.raises(StoreError, match="closed"):
            await use(count)
    assert not any(thread.name.startswith("store-") for thread in threading.enumerate())


async def test_a_database_that_cannot_be_opened_is_said_at_the_start(tmp_path):
    group = CommitGroup(f"sqlite:///{tmp_path}/no/relay.db")
    with pytest.raises(StoreError, match="does not exist"):
        await group.start()


async def test_a_full_disk_fails_what_does_not_fit_and_nothing_else(url):
    def small() -> Store:
        store = open_store(url)
        pages = store.database.connection.execute("PRAGMA page_count").fetchone()[0]
        store.database.connection.execute(f"PRAGMA max_page_count = {pages + 50}")
        return store

    group = CommitGroup(small)
    await group.start()

    def chunk(number: int, size: int):
        return group.write(lambda store: store.put_chunk("m", number, bytes(size)))

    results = await asyncio.gather(
        chunk(0, 1000), chunk(1, 1_000_000), chunk(2, 1000), chunk(3, 1_000_000), return_exceptions=True
    )
    assert [type(result) for result in results] == [type(None), StoreError, type(None), StoreError]
    assert "full; free some space" in str(results[1])
    kept = await group.read(lambda store: [store.read_chunk("m", number) is not None for number in range(4)])
    assert kept == [True, False, True, False]
    await chunk(4, 1000)
    await group.close()


async def test_while_another_process_writes_the_loop_goes_on_and_the_callers_hear_of_it(url):
    def impatient() -> Store:
        store = open_store(url)
        store.database.connection.execute("PRAGMA busy_timeout = 300")
        return store

    group = CommitGroup(impatient)
    await group.start()
    other = sqlite3.connect(path_of(url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(group.write(add(1)))
    turns = 0
    while not write.done():  # which takes 0.3 s; a loop that waited with it would not turn at all
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 2
    assert await group.read(count) == 0
    with pytest.raises(StoreError, match="locked; another process has been writing"):
        await write
    other.execute("ROLLBACK")
    await group.write(add(2))
    assert await group.read(count) == 1
    other.close()
    await group.close()


async def test_a_slow_read_does_not_keep_the_others_waiting(watched):
    going = threading.Event()
    slow = asyncio.create_task(watched.group.read(lambda _: going.wait(10)))
    await asyncio.sleep(0.05)
    for _ in range(20):
        assert await watched.group.read(count) == 0
    assert not slow.done()
    going.set()
    assert await slow


async def test_what_is_written_soon_rides_along_with_the_next_write(watched):
    soon = [asyncio.create_task(watched.group.write_soon(add(number))) for number in range(3)]
    await asyncio.sleep(0)  # they wait for company now
    await watched.group.write(add(10))
    await asyncio.gather(*soon)
    assert watched.commits <= 2  # the writer may have begun before the others were handed to it
    assert await watched.group.read(count) == 4


async def test_without_company_it_is_written_all_the_same(watched):
    async with asyncio.timeout(5):
        await watched.group.write_soon(add(1))
    assert await watched.group.read(count) == 1


async def test_company_enough_does_not_wait_for_more(watched):
    soon = [asyncio.create_task(watched.group.write_soon(add(number))) for number in range(10 * COMPANY)]
    async with asyncio.timeout(5):
        await asyncio.gather(*soon)
    assert await watched.group.read(count) == 10 * COMPANY


async def test_a_failure_of_what_is_written_soon_is_its_callers_alone(watched):
    def fails(_: Store) -> None:
        raise RuntimeError("mine")

    soon = [asyncio.create_task(watched.group.write_soon(work)) for work in (fails, add(1))]
    await asyncio.sleep(0)
    await watched.group.write(add(2))
    assert [type(each) for each in await asyncio.gather(*soon, return_exceptions=True)] == [RuntimeError, type(None)]
    assert await watched.group.read(count) == 2


async def test_closing_finishes_what_was_to_be_written_soon(url):
    group = CommitGroup(url)
    await group.start()
    soon = asyncio.create_task(group.write_soon(add(1)))
    await asyncio.sleep(0)
    await group.close()
    await soon
    with pytest.raises(StoreError, match="closed"):
        await group.write_soon(add(2))
    other = open_store(url)
    assert count(other) == 1
    other.close()

"""Messages, bodies, and what housekeeping takes away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay.mail.delivery import Answer, Attempt, Delivered, State
from relay.mail.search import Search
from relay.store.database import StoreError
from relay.store.messages import CHUNK_SIZE
from relay.store.model import Settlement


def body_of(store, message_id: str) -> bytes:
    chunks = iter(range(10_000))
    return b"".join(iter(lambda: store.read_chunk(message_id, next(chunks)), None))


def finish(store, delivery, at: float) -> None:
    answer = Answer("2.0.0 taken", 250)
    after = delivery.after(Delivered(answer), at)
    attempt = Attempt(delivery.attempt, at, 0.0, "delivered", answer)
    assert store.settle(Settlement(delivery, after, attempt))


def test_a_message_comes_back_as_it_went_in(store, tenant, make):
    queued = make(tenant.id, "a@x.example", "b@y.example")
    store.enqueue(queued)
    assert store.message(queued.message.id) == queued.message
    assert store.deliveries(queued.message.id) == list(queued.deliveries)
    assert store.delivery(queued.deliveries[1].id) == queued.deliveries[1]
    assert store.message(queued.deliveries[0].id) is None
    assert store.delivery(queued.message.id) is None


def test_a_delivery_may_be_leased_at_birth(store, tenant, make, now):
    queued = make(tenant.id)
    leased = replace(queued.deliveries[0], attempt=1, leased_until=now + 60, leased_by="me")
    store.enqueue(replace(queued, deliveries=(leased,)))
    assert store.delivery(leased.id) == leased
    assert store.lease("other", now, now + 60, 10) == []
    assert [work.delivery.attempt for work in store.lease("other", now + 60, now + 90, 10)] == [2]


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE])
def test_a_body_comes_back_whole_from_chunks_of_bounded_size(store, tenant, make, size):
    body = bytes(range(256)) * (size // 256 + 1)
    queued = make(tenant.id, body=body[:size])
    store.enqueue(queued)
    assert body_of(store, queued.message.id) == body[:size]
    assert len(store.read_chunk(queued.message.id, 0) or b"") == min(size, CHUNK_SIZE)


def test_a_body_may_be_written_before_its_message(store, tenant, make):
    queued = make(tenant.id, body=None)
    store.put_chunk(queued.message.id, 0, b"first ")
    store.put_chunk(queued.message.id, 1, b"second")
    store.enqueue(queued)
    assert body_of(store, queued.message.id) == b"first second"


def test_messages_come_newest_first_a_page_at_a_time(store, tenant, make, now):
    made = [make(tenant.id, at=now + number).message for number in range(5)]
    for number, message in enumerate(made):
        store.enqueue(replace(make(tenant.id, at=now + number), message=message, deliveries=()))
    assert store.messages(2) == [made[4], made[3]]
    assert store.messages(2, made[3].id) == [made[2], made[1]]
    assert store.messages(5, made[0].id) == []


@pytest.mark.parametrize(
    ("search", "found"),
    [("FACTUUR", True), ("bakker", True), ("inkoop@", True), ("100%", True), ("1_0", False), ("nothing", False)],
)
def test_messages_are_found_by_subject_author_and_recipient(store, tenant, make, search, found):
    store.enqueue(make(tenant.id, "Inkoop@delinde.example", subject="Factuur 100%"))
    assert bool(store.messages(10, search=Search(words=search))) is found


def test_a_message_of_an_unknown_tenant_is_an_error(store, make):
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.enqueue(make("nobody"))


def test_bodies_go_when_the_last_delivery_is_over_for_long_enough(store, tenant, make, now):
    done, half, waiting = make(tenant.id, "a@x.example"), make(tenant.id, "a@x.example", "b@x.example"), make(tenant.id)
    for queued in (done, half, waiting):
        store.enqueue(queued)
    works = {work.delivery.id: work.delivery for work in store.lease("me", now, now + 60, 10)}
    finish(store, works[done.deliveries[0].id], now + 10)
    finish(store, works[half.deliveries[0].id], now + 10)
    assert store.purge_bodies(now + 10) == 0
    assert store.purge_bodies(now + 11) == 1
    assert store.purge_bodies(now + 11) == 0
    assert body_of(store, done.message.id) == b""
    assert body_of(store, half.message.id) == body_of(store, waiting.message.id) == b"Hello\r\n"
    assert store.message(done.message.id) == done.message

    finish(store, works[half.deliveries[1].id], now + 20)
    assert store.purge_bodies(now + 21) == 1
    assert body_of(store, half.message.id) == b""


def test_large_bodies_go_one_at_a_time(store, tenant, make, now):
    made = [make(tenant.id, body=bytes(size)) for size in (100, 3_000_000, 3_000_000, 100)]
    for queued in made:
        store.enqueue(queued)
    store.cancel([queued.deliveries[0].id for queued in made], now)
    counts = []
    while count := store.purge_bodies(now + 1):
        counts.append(count)
    assert sum(counts) == 4
    assert max(counts) < 4


def test_a_cancelled_message_loses_its_body_too(store, tenant, make, now):
    queued = make(tenant.id)
    store.enqueue(queued)
    store.cancel([queued.deliveries[0].id], now)
    assert store.purge_bodies(now + 1) == 1


def test_old_messages_go_with_all_that_is_known_of_them(store, tenant, make, now):
    old, waiting, young = make(tenant.id, at=now - 100), make(tenant.id, at=now - 100), make(tenant.id, at=now)
    for queued in (old, young, waiting):
        store.enqueue(queued)
    works = {work.delivery.id: work.delivery for work in store.lease("me", now, now + 60, 10)}
    finish(store, works[old.deliveries[0].id], now - 50)
    finish(store, works[young.deliveries[0].id], now)
    assert store.purge_messages(now - 50) == 0
    assert store.purge_messages(now - 40) == 1
    assert store.message(old.message.id) is None
    assert store.deliveries(old.message.id) == store.attempts(old.deliveries[0].id) == []
    assert body_of(store, old.message.id) == b""
    assert store.message(young.message.id) is not None
    assert store.message(waiting.message.id) is not None


def test_chunks_without_a_message_go_once_they_are_old(store, tenant, make, now):
    kept, lost, recent = make(tenant.id, at=now - 100), make(tenant.id, at=now - 100), make(tenant.id, at=now)
    store.enqueue(kept)
    store.put_chunk(lost.message.id, 0, b"lost")
    store.put_chunk(recent.message.id, 0, b"coming")
    assert store.purge_orphan_chunks(now - 10) == 1
    assert store.read_chunk(lost.message.id, 0) is None
    assert store.read_chunk(recent.message.id, 0) == b"coming"
    assert body_of(store, kept.message.id) == b"Hello\r\n"
    assert store.delivery(kept.deliveries[0].id).state is State.QUEUED

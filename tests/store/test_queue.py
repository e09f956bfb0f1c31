"""Leases, results, and what people do with deliveries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay.mail.delivery import Answer, Attempt, Deferred, Delivered, Failed, State
from relay.store.model import QueueRow, Settlement

ANSWER = Answer("4.2.1 greylisted", 450, "4.2.1", "mx.x.example[192.0.2.1]:25", "TLSv1.3")
NAMES = {Delivered: "delivered", Deferred: "deferred", Failed: "failed"}


def result(delivery, outcome, at: float) -> Settlement:
    attempt = Attempt(delivery.attempt, at, 0.5, NAMES[type(outcome)], outcome.answer)
    return Settlement(delivery, delivery.after(outcome, at), attempt)


@pytest.fixture
def leased(store, tenant, make, now):
    """A delivery that is being sent."""
    store.enqueue(make(tenant.id))
    return store.lease("me", now, now + 60, 10)[0].delivery


def test_a_lease_takes_the_longest_due_first_and_carries_message_and_tenant(store, tenant, make, now):
    late, early, later = (make(tenant.id, due_at=now - age) for age in (1, 3, -1))
    for queued in (late, early, later):
        store.enqueue(queued)
    works = store.lease("me", now, now + 60, 10)
    assert [work.message for work in works] == [early.message, late.message]
    assert [work.tenant for work in works] == [tenant, tenant]
    expected = replace(early.deliveries[0], attempt=1, leased_by="me", leased_until=now + 60)
    assert works[0].delivery == expected == store.delivery(expected.id)


def test_a_lease_is_bounded_and_leaves_the_rest_to_others(store, tenant, make, now):
    store.enqueue(make(tenant.id, *(f"r{number}@x.example" for number in range(5))))
    first, second = store.lease("a", now, now + 60, 3), store.lease("b", now, now + 60, 3)
    assert (len(first), len(second)) == (3, 2)
    assert store.lease_nodes() == {"a", "b"}
    assert not {work.delivery.id for work in first} & {work.delivery.id for work in second}


def test_mail_of_our_own_has_no_tenant(store, make, now):
    store.enqueue(make(None))
    assert [work.tenant for work in store.lease("me", now, now + 60, 1)] == [None]


def test_a_lease_that_runs_out_returns_the_work(store, leased, now):
    assert store.lease("other", now + 59.9, now + 120, 10) == []
    assert [work.delivery.attempt for work in store.lease("other", now + 60, now + 120, 10)] == [2]


def test_a_delivered_result_ends_it_and_is_recorded(store, leased, now):
    settlement = result(leased, Delivered(ANSWER), now + 1)
    assert store.settle(settlement)
    assert store.delivery(leased.id) == settlement.after
    assert store.attempts(leased.id) == [settlement.attempt]
    assert store.lease_nodes() == set()
    assert store.lease("me", now + 1000, now + 2000, 10) == []


def test_a_deferral_makes_it_due_again_later(store, leased, now):
    assert store.settle(result(leased, Deferred(ANSWER), now))
    waiting = store.delivery(leased.id)
    assert (waiting.state, waiting.last_reply) == (State.QUEUED, str(ANSWER))
    assert waiting.due_at > now
    assert store.lease("me", waiting.due_at - 0.1, now + 999, 10) == []
    assert len(store.lease("me", waiting.due_at, now + 999, 10)) == 1


def test_a_late_result_is_not_written(store, leased, now):
    [again] = store.lease("other", now + 60, now + 120, 10)
    assert not store.settle(result(leased, Delivered(ANSWER), now + 61))
    assert store.delivery(leased.id) == again.delivery
    assert store.attempts(leased.id) == []
    assert store.settle(result(again.delivery, Failed(ANSWER), now + 62))
    assert not store.settle(result(leased, Delivered(ANSWER), now + 63))
    assert store.delivery(leased.id).state is State.FAILED


@pytest.mark.parametrize("outcome", [Delivered(ANSWER), Deferred(ANSWER)])
def test_a_result_counts_once(store, leased, now, outcome):
    assert store.settle(result(leased, outcome, now))
    kept = store.delivery(leased.id)
    assert not store.settle(result(leased, outcome, now + 5))
    assert store.delivery(leased.id) == kept
    assert len(store.attempts(leased.id)) == 1


def test_a_lease_given_back_unused_does_not_count_as_an_attempt(store, leased, now):
    assert store.release([leased.id], "somebody else") == 0
    assert store.release([leased.id], "me") == 1
    assert [work.delivery.attempt for work in store.lease("b", now, now + 60, 10)] == [1]


def test_the_work_of_a_dead_process_returns_at_once_and_counts(store, leased, now):
    assert store.release_node("somebody else") == 0
    assert store.release_node("me") == 1
    assert [work.delivery.attempt for work in store.lease("b", now, now + 60, 10)] == [2]


def test_hold_release_and_retry(store, tenant, make, now):
    queued = make(tenant.id, due_at=now + 1000)
    store.enqueue(queued)
    ids = [queued.deliveries[0].id]
    assert store.release_held(ids, now) == 0
    assert store.hold([*ids, "unknown"], now) == 1
    assert store.hold(ids, now) == store.retry(ids, now) == 0
    assert store.lease("me", now + 2000, now + 3000, 10) == []
    assert store.release_held(ids, now) == 1
    assert store.delivery(ids[0]).due_at == now
    assert len(store.lease("me", now, now + 60, 10)) == 1


def test_retry_makes_it_due_now(store, tenant, make, now):
    queued = make(tenant.id, due_at=now + 1000)
    store.enqueue(queued)
    assert store.retry([queued.deliveries[0].id], now) == 1
    assert len(store.lease("me", now, now + 60, 10)) == 1


@pytest.mark.parametrize(("action", "kept"), [("hold", State.HELD), ("cancel", State.CANCELLED)])
def test_a_decision_during_an_attempt_outlives_a_deferral_but_not_a_fact(store, tenant, make, now, action, kept):
    store.enqueue(make(tenant.id, "a@x.example", "b@x.example"))
    first, second = (work.delivery for work in store.lease("me", now, now + 60, 10))
    assert getattr(store, action)([first.id, second.id], now) == 2
    assert store.settle(result(first, Deferred(ANSWER), now))
    assert store.settle(result(second, Delivered(ANSWER), now))
    assert store.delivery(first.id).state is kept
    assert store.delivery(second.id).state is State.DELIVERED


def test_what_is_final_stays(store, leased, now):
    store.settle(result(leased, Failed(ANSWER), now))
    for action in (store.hold, store.cancel, store.retry, store.release_held):
        assert action([leased.id], now) == 0
    assert store.delivery(leased.id).state is State.FAILED


def test_the_queue_shows_what_waits_and_can_be_filtered(store, tenant, make, now):
    first = make(tenant.id, "a@x.example", at=now - 100)
    second = make(None, "b@y.example", at=now)
    done = make(tenant.id, "c@x.example", at=now - 50)
    for queued in (second, first, done):
        store.enqueue(queued)
    store.hold([second.deliveries[0].id], now)
    store.cancel([done.deliveries[0].id], now)
    assert store.queue()[0] == QueueRow(
        id=first.deliveries[0].id,
        message_id=first.message.id,
        tenant=tenant.id,
        author="info@bakker.example",
        recipient="a@x.example",
        document="invoice",
        subject="Factuur 12",
        state="queued",
        attempts=0,
        due_at=now - 100,
        created_at=now - 100,
        last_reply="",
    )
    assert recipients(store.queue()) == ["a@x.example", "b@y.example"]
    assert recipients(store.queue(limit=1)) == ["a@x.example"]
    assert recipients(store.queue(tenant_id=tenant.id)) == ["a@x.example"]
    assert recipients(store.queue(domain="y.example")) == ["b@y.example"]
    assert recipients(store.queue(state=State.HELD)) == ["b@y.example"]
    assert recipients(store.queue(state=State.CANCELLED)) == ["c@x.example"]
    assert recipients(store.queue(state=State.CANCELLED, domain="y.example")) == []
    assert recipients(store.queue(created_before=now - 60)) == ["a@x.example"]


def recipients(rows: list[QueueRow]) -> list[str]:
    return [row.recipient for row in rows]


def test_a_lease_looks_at_no_more_rows_than_it_takes(store, tenant, make, now):
    """The plan, not the clock: what is due is found by its index, whatever else is in the table."""
    for name in ("tenants_ready", "ready", "too_late", "forget_destination"):
        sql = store.database.queries[name]
        values = dict.fromkeys(("now", "limit", "start", "waits_for", "tenant_id", "before", "least", "name"))
        plan = [row[3] for row in store.database.connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert any("INDEX delivery_ready" in step for step in plan)
        assert not any((step.startswith("SCAN") and step != "SCAN step") or "TEMP B-TREE" in step for step in plan)

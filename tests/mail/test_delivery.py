"""The life of a delivery: whatever comes of its attempts, and whatever the clock does."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.delivery import (
    DAY,
    HOUR,
    LIFETIME,
    LONGEST_RETRY,
    MINUTE,
    Answer,
    Deferred,
    Delivered,
    Delivery,
    Failed,
    LoginRefused,
    State,
    Unreachable,
    retry_after,
    spread,
)
from relay.mail.destination import SPARED_FOR, Destination, reached

START = 1_800_000_000.0
WORDS = Answer("words", 450)
OUTCOMES = [Delivered(WORDS), Deferred(WORDS), Failed(WORDS), Unreachable(WORDS), LoginRefused(WORDS)]


def fresh(**fields) -> Delivery:
    values = {
        "id": "0123456789abcdef", "message_id": "m", "recipient": "ann@a.example", "domain": "a.example",
        "state": State.QUEUED, "attempt": 0, "created_at": START, "due_at": START,
    }  # fmt: skip
    return Delivery(**(values | fields))


def test_the_schedule_is_quick_at_first_then_doubles_to_four_hours():
    waits = [retry_after(attempt) / MINUTE for attempt in range(1, 14)]
    assert waits == [1, 2, 5, 5, 10, 20, 40, 80, 160, 240, 240, 240, 240]


def test_in_five_days_a_delivery_is_tried_some_forty_times():
    tries = list(accumulate(retry_after(attempt) for attempt in range(1, 60)))
    assert sum(at < LIFETIME for at in tries) == 37


@given(st.integers(1, 2000), st.text(max_size=20))
def test_waits_are_spread_but_not_the_quick_ones(attempt, whose):
    wait = retry_after(attempt)
    apart = spread(wait, whose, attempt)
    assert 0.9 * wait <= apart <= wait
    assert attempt > 4 or apart == wait
    assert apart == spread(wait, whose, attempt)


def test_what_failed_together_does_not_come_back_together():
    due = [fresh(id=f"{number:016}", attempt=12).after(Deferred(WORDS), START).due_at for number in range(1000)]
    sixths = [sum(part <= (at - START - 0.9 * LONGEST_RETRY) / (LONGEST_RETRY / 60) < part + 1 for at in due)
              for part in range(6)]  # fmt: skip
    assert min(sixths) > 100


times = st.floats(-50 * DAY, 50 * DAY, allow_nan=False)


@given(
    st.sampled_from(list(State)), st.integers(1, 100), st.integers(0, 100), times, st.lists(st.sampled_from(OUTCOMES))
)
def test_after_never_leaves_a_final_state_and_never_waits_longer_than_it_may(state, attempt, shared, age, outcomes):
    delivery, now = fresh(state=state, attempt=attempt, shared=shared), START + age
    for outcome in outcomes:
        after = delivery.after(outcome, now)
        if delivery.state.final:
            assert after == delivery
        elif after.state is State.QUEUED:
            assert now < after.due_at <= now + LONGEST_RETRY
            assert isinstance(outcome, Deferred)
        else:
            assert after.leased_by is after.leased_until is None
        delivery = after


@given(times, st.integers(1, 11))
def test_a_clock_that_jumps_ends_nothing_that_was_not_tried_often(age, attempt):
    assert fresh(attempt=attempt).after(Deferred(WORDS), START + age).state is State.QUEUED


@pytest.mark.parametrize(
    ("age", "attempt", "shared", "over"),
    [(5 * DAY, 12, 0, True), (5 * DAY, 1, 11, True), (5 * DAY, 0, 40, False), (5 * DAY, 1, 10, False),
     (5 * DAY - 1, 40, 40, False)],
)  # fmt: skip
def test_its_time_is_up_after_five_days_and_enough_tries_of_its_own_or_at_its_destination(age, attempt, shared, over):
    assert fresh(attempt=attempt, shared=shared).expired(START + age) is over


# Destinations


def test_a_destination_is_tried_on_the_schedule_of_a_delivery():
    known, now, waits = Destination("a.example"), START, []
    for _ in range(12):
        known = known.failed(now, "words")
        waits.append((known.next_at - now) / MINUTE)
        now = known.next_at
    assert waits[:4] == [1, 2, 5, 5]
    later = zip(waits[4:], (10, 20, 40, 80, 160, 240, 240, 240), strict=True)
    assert all(0.9 * due <= wait <= due for wait, due in later)
    assert (known.failures, known.since, known.down) == (12, START, True)


def test_tries_that_were_under_way_beside_the_first_do_not_count():
    first = Destination("a.example").failed(START, "words")
    beside = first.failed(START + 5, "other words")
    assert (beside.failures, beside.next_at) == (1, first.next_at)


def test_new_mail_tries_it_out_of_turn_but_not_at_once():
    known = Destination("a.example", failures=12, next_at=START + 4 * HOUR, tried_at=START)
    assert known.spared(START + SPARED_FOR - 1)
    assert not known.spared(START + SPARED_FOR)
    assert not Destination("a.example").spared(START)


@pytest.mark.parametrize("jump", [-10 * DAY, -DAY, 10 * DAY])
def test_a_clock_that_was_set_does_not_make_it_wait(jump):
    known = Destination("a.example", failures=12, next_at=START + 4 * HOUR, tried_at=START)
    assert known.due(START + jump)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Delivered(Answer("captured")), True),
        (Failed(Answer("no such user", 550)), True),
        (Deferred(Answer("greylisted", 450)), True),
        (LoginRefused(Answer("wrong", 535)), True),
        (Deferred(Answer("too many connections", 421)), False),
        (Unreachable(Answer("Connection refused", 0, "4.4.1")), False),
        (Unreachable(Answer("not today", 450)), False),
        (Deferred(Answer("the connection was lost", 0, "4.4.2")), None),
        (Deferred(Answer("internal error", 0, "4.3.0")), None),
    ],
)
def test_what_an_outcome_says_of_the_destination(outcome, expected):
    assert reached(outcome) is expected

"""What suppresses an address, for how long, and what a report means for the delivery to which it came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.delivery import DAY, Answer, Delivery, State
from relay.mail.report import AutoReply, Bounce, BounceRecipient, Complaint, Unreadable
from relay.mail.returned import Meaning, after_return, meaning_of
from relay.mail.suppression import Reason, Suppression, after_bounce, after_complaint, means_no_mailbox

NOW = 1_800_000_000.0
ADDRESS = "weg@klant.example"


@pytest.mark.parametrize(
    ("status", "suppresses"),
    [
        ("5.1.1", True),
        ("5.1.6", True),
        ("5.2.1", True),
        ("5.1.2", False),
        ("5.1.10", False),
        ("5.2.2", False),
        ("5.7.1", False),
        ("5.7.26", False),
        ("5.0.0", False),
        ("4.1.1", False),
        ("", False),
    ],
)
def test_only_a_mailbox_that_is_not_there(status: str, suppresses: bool) -> None:
    assert means_no_mailbox(status) is suppresses


def test_each_time_lasts_twice_as_long_and_never_more_than_a_year() -> None:
    found, days, now = None, [], NOW
    for _ in range(6):
        found = after_bounce(found, "t", ADDRESS, "550", now)
        assert found.until is not None
        days.append((found.until - now) / DAY)
        now = found.until
    assert days == [30, 60, 120, 240, 360, 360]


def test_what_was_under_way_changes_nothing() -> None:
    first = after_bounce(None, "t", ADDRESS, "550", NOW)
    assert after_bounce(first, "t", ADDRESS, "550 again", NOW + DAY) is first
    person = Suppression("t", ADDRESS, Reason.MANUAL, "asked", NOW, None)
    assert after_bounce(person, "t", ADDRESS, "550", NOW) is person
    assert after_complaint(person, "t", ADDRESS, "abuse", NOW) is person


def test_a_complaint_has_no_end() -> None:
    bounced = after_bounce(None, "t", ADDRESS, "550", NOW)
    found = after_complaint(bounced, "t", ADDRESS, "abuse", NOW)
    assert (found.reason, found.until) == (Reason.COMPLAINT, None)
    assert found.in_force(NOW + 10_000 * DAY)


def group(
    final: str, action: str = "failed", status: str = "5.1.1", original: str = "", said: str = ""
) -> BounceRecipient:
    return BounceRecipient(final, original, action, status, said, "mx.klant.example")  # type: ignore[arg-type]


def test_the_group_of_our_recipient_counts() -> None:
    other = group("x@elders.example")
    late = group("WEG@klant.example", "delayed", "4.4.1")
    found = meaning_of(Bounce((other, late)), ADDRESS)
    assert (found.meaning, found.names_recipient) == (Meaning.DELAYED, True)
    found = meaning_of(Bounce((other,)), ADDRESS)  # passed on to there
    assert (found.meaning, found.names_recipient) == (Meaning.FAILED, False)
    found = meaning_of(Bounce((group("x@elders.example", original="weg@klant.example"),)), ADDRESS)
    assert found.names_recipient
    assert meaning_of(Bounce((group(""),)), ADDRESS).names_recipient


def test_the_words_become_an_answer() -> None:
    found = meaning_of(Bounce((group(ADDRESS, said="550 5.1.1 <weg@klant.example> unknown"),)), ADDRESS)
    assert found.answer == Answer("<weg@klant.example> unknown", 550, "5.1.1", "mx.klant.example")
    found = meaning_of(Bounce((group(ADDRESS, said="unknown user"),)), ADDRESS)
    assert (found.answer.code, str(found.answer)) == (0, "5.1.1 unknown user")


def test_what_is_no_bounce() -> None:
    assert meaning_of(Complaint("abuse"), ADDRESS).meaning is Meaning.COMPLAINT
    assert meaning_of(Complaint("not-spam"), ADDRESS).meaning is Meaning.NOTHING
    assert meaning_of(AutoReply("away"), ADDRESS).meaning is Meaning.NOTHING
    assert meaning_of(Unreadable(is_report=True), ADDRESS).meaning is Meaning.NOTHING


@pytest.mark.parametrize("state", list(State))
def test_a_delivery_that_came_back_has_failed_once(state: State) -> None:
    delivery = Delivery("d", "m", ADDRESS, "klant.example", state, 3, NOW, NOW)
    after = after_return(delivery, Answer("gone", 550, "5.1.1"))
    if state in {State.FAILED, State.CANCELLED}:
        assert after is delivery
    else:
        assert (after.state, after.attempt, after.last_reply) == (State.FAILED, 4, "550 5.1.1 gone")
        assert after_return(after, Answer("again")) is after


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=200))
def test_nothing_in_a_report_breaks_it(final: str, original: str, said: str) -> None:
    assert meaning_of(Bounce((group(final, original=original, said=said),)), ADDRESS).meaning is Meaning.FAILED

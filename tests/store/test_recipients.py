"""What is remembered of recipients: mailboxes that do not exist, and those that took mail."""

from __future__ import annotations

import pytest

from relay.mail.address import parse_address
from relay.mail.delivery import Answer, Attempt, Delivered, Failed
from relay.store.model import Settlement


@pytest.fixture
def settled(store, tenant, make, now):
    """Mail to a recipient comes to an end, so many seconds from now."""

    def settle(recipient: str, enhanced: str, after: float = 1.0) -> None:
        store.enqueue(make(tenant.id, recipient))
        delivery = store.lease("me", now, now + 60, 1)[0].delivery
        answer = Answer("no such user", 550 if enhanced[0] == "5" else 250, enhanced)
        outcome = Delivered(answer) if enhanced[0] == "2" else Failed(answer)
        name = "delivered" if enhanced[0] == "2" else "failed"
        at = now + after
        assert store.settle(Settlement(delivery, delivery.after(outcome, at), Attempt(1, at, 0.0, name, answer)))

    return settle


def test_a_mailbox_that_does_not_exist_is_remembered_by_its_key(store, settled, now):
    settled("Gone@x.example", "5.1.1")
    settled("null@y.example", "5.1.10")
    settled("full@x.example", "5.2.2")
    settled("spam@x.example", "5.7.1")
    keys = {parse_address(text).key: now + 1 for text in ("gone@x.example", "null@y.example")}
    assert store.bounced(now) == keys
    assert store.bounced(now + 2) == {}


def test_the_last_time_counts_and_mail_that_arrived_later_clears_it(store, settled, now):
    settled("gone@x.example", "5.1.1", 1)
    settled("gone@x.example", "5.1.1", 5)
    assert list(store.bounced(now).values()) == [now + 5]
    settled("gone@x.example", "2.0.0", 4)
    assert len(store.bounced(now)) == 1
    settled("gone@x.example", "2.0.0", 6)
    assert store.bounced(now) == {}


def test_a_tenant_knows_where_its_own_mail_arrived(store, tenant, settled):
    settled("Jan@x.example", "2.0.0")
    settled("piet@x.example", "5.1.1")
    jan, piet = parse_address("jan@x.example"), parse_address("piet@x.example")
    assert store.has_delivered(tenant.id, jan)
    assert not store.has_delivered(tenant.id, piet)
    assert not store.has_delivered("another", jan)

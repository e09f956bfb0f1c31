"""Asking the owner of an address: when a mail goes out, and when it does not (rules D2 and D5), on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.config import Config
from relay.mail.address import Address
from relay.mail.sender import SenderState
from relay.mail.tenant import Tenant
from relay.server.office import Office
from relay.server.signer import Signer
from relay.server.verification import Asked, request_confirmation
from relay.store.store import Store, open_store

HOUR, DAY = 3600.0, 86400.0
NOW = 1_800_000_000.0
JAN = Address("jan", "bakker.example")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/relay.db")
    yield opened
    opened.close()


def tenant(store: Store, name: str) -> Tenant:
    made = Tenant(id=name, name=name, email=f"info@{name}.example", locale="nl", created_at=NOW)
    with store.transaction():
        store.add_tenant(made)
    return made


def ask(store: Store, of: Tenant, address: Address, now: float) -> Asked:
    office = Office(Config(), Signer([]), "relay.platform.example")
    with store.transaction():
        return request_confirmation(store, office, of, address, now)


def mails(store: Store) -> int:
    with store.transaction(write=False):
        return len(store.messages(1000))


def decide(store: Store, of: Tenant, address: Address, state: SenderState) -> None:
    with store.transaction():
        store.put_sender(of.id, address, state, NOW)


def test_the_first_time_a_mail_goes_out_and_the_sender_is_pending(store: Store) -> None:
    bakker = tenant(store, "bakker")
    assert ask(store, bakker, JAN, NOW) is Asked.SENT
    assert mails(store) == 1
    with store.transaction(write=False):
        found = store.sender(bakker.id, JAN)
    assert found is not None
    assert found.state is SenderState.PENDING


def test_within_a_quarter_of_an_hour_no_second_mail(store: Store) -> None:
    bakker = tenant(store, "bakker")
    ask(store, bakker, JAN, NOW)
    assert ask(store, bakker, JAN, NOW + 15 * 60 - 1) is Asked.WAITING
    assert ask(store, bakker, JAN, NOW + 15 * 60) is Asked.SENT
    assert mails(store) == 2


def test_an_address_gets_three_a_day_whoever_asks(store: Store) -> None:
    asked = [ask(store, tenant(store, f"tenant{number}"), JAN, NOW + number) for number in range(5)]
    assert asked == [Asked.SENT] * 3 + [Asked.LIMITED] * 2
    assert mails(store) == 3
    assert ask(store, tenant(store, "later"), JAN, NOW + DAY + 1) is Asked.SENT


def test_a_tenant_asks_twenty_a_day(store: Store) -> None:
    bakker = tenant(store, "bakker")
    asked = [ask(store, bakker, Address(f"a{number}", "x.example"), NOW + number) for number in range(25)]
    assert asked == [Asked.SENT] * 20 + [Asked.LIMITED] * 5
    assert mails(store) == 20


@pytest.mark.parametrize(
    ("state", "asked"), [(SenderState.BLOCKED, Asked.BLOCKED), (SenderState.VERIFIED, Asked.VERIFIED)]
)
def test_what_is_decided_is_not_asked_again(store: Store, state: SenderState, asked: Asked) -> None:
    bakker = tenant(store, "bakker")
    decide(store, bakker, JAN, state)
    assert ask(store, bakker, JAN, NOW) is asked
    assert mails(store) == 0


def test_a_no_to_one_tenant_is_not_a_no_to_another(store: Store) -> None:
    decide(store, tenant(store, "bakker"), JAN, SenderState.BLOCKED)
    assert ask(store, tenant(store, "slager"), JAN, NOW) is Asked.SENT


def test_what_was_withdrawn_may_be_asked_again_but_stays_withdrawn_until_somebody_says_yes(store: Store) -> None:
    bakker = tenant(store, "bakker")
    with store.transaction():
        store.put_sender_domain(bakker.id, JAN.domain, NOW)
    decide(store, bakker, JAN, SenderState.REVOKED)
    assert ask(store, bakker, JAN, NOW) is Asked.SENT
    with store.transaction(write=False):
        assert JAN not in store.verified(bakker.id, [JAN])
        assert Address("piet", JAN.domain) in store.verified(bakker.id, [Address("piet", JAN.domain)])

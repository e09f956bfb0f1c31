"""Who may send as what, and the links that ask."""

from __future__ import annotations

from relay.mail.address import parse_address
from relay.mail.sender import Sender, SenderState
from relay.mail.tenant import Tenant
from relay.store.model import Confirmation

JAN = parse_address("Jan@bakker.example")


def test_a_sender_keeps_its_first_spelling_and_its_first_day(store, tenant, now):
    store.put_sender(tenant.id, JAN, SenderState.PENDING, now)
    assert store.sender(tenant.id, JAN) == Sender(tenant.id, "Jan@bakker.example", SenderState.PENDING, now)
    store.put_sender(tenant.id, parse_address("JAN@BAKKER.example"), SenderState.VERIFIED, now + 5)
    assert store.senders() == [Sender(tenant.id, "Jan@bakker.example", SenderState.VERIFIED, now, now + 5)]


def test_senders_can_be_listed_by_tenant_and_by_state(store, tenant, now):
    other = Tenant("0" * 16, "Other", "x@other.example", "en", now)
    store.add_tenant(other)
    store.put_sender(tenant.id, JAN, SenderState.VERIFIED, now)
    store.put_sender(other.id, JAN, SenderState.BLOCKED, now)
    assert [each.tenant_id for each in store.senders()] == [other.id, tenant.id]
    assert [each.state for each in store.senders(tenant.id)] == [SenderState.VERIFIED]
    assert [each.tenant_id for each in store.senders(state=SenderState.BLOCKED)] == [other.id]
    assert store.senders(tenant.id, SenderState.BLOCKED) == []


def test_an_address_counts_only_for_its_tenant_and_only_verified(store, tenant, now):
    other = Tenant("0" * 16, "Other", "x@other.example", "en", now)
    store.add_tenant(other)
    for state in SenderState:
        store.put_sender(tenant.id, JAN, state, now)
        assert (JAN in store.verified(tenant.id, [JAN])) == (state is SenderState.VERIFIED)
    store.put_sender(tenant.id, JAN, SenderState.VERIFIED, now)
    assert JAN not in store.verified(other.id, [JAN])
    assert parse_address("jan+x@bakker.example") not in store.verified(tenant.id, [JAN])


def test_a_verified_domain_covers_its_addresses_but_not_its_sub_domains(store, tenant, now):
    store.put_sender_domain(tenant.id, "bakker.example", now)
    sub = parse_address("jan@mail.bakker.example")
    known = store.verified(tenant.id, [JAN, sub])
    assert JAN in known
    assert parse_address("anybody@bakker.example") in known
    assert sub not in known


def test_an_owner_who_refused_is_not_overruled_by_the_domain(store, tenant, now):
    store.put_sender_domain(tenant.id, "bakker.example", now)
    piet = parse_address("piet@bakker.example")
    store.put_sender(tenant.id, JAN, SenderState.BLOCKED, now)
    known = store.verified(tenant.id, [JAN, piet])
    assert JAN not in known
    assert piet in known


def test_a_confirmation_is_used_once_and_in_time(store, tenant, now):
    link = Confirmation(b"t" * 32, b"w" * 32, tenant.id, str(JAN), now, now + 60)
    late = Confirmation(b"u" * 32, b"x" * 32, tenant.id, str(JAN), now, now + 1)
    store.add_confirmation(link)
    store.add_confirmation(late)
    assert store.confirmation(b"t" * 32) == link
    assert store.confirmation_by_withdraw(b"w" * 32) == link
    assert store.confirmation(b"w" * 32) is None
    assert store.use_confirmation(b"t" * 32, now + 59)
    assert not store.use_confirmation(b"t" * 32, now + 59)
    assert not store.use_confirmation(b"u" * 32, now + 1)
    assert not store.use_confirmation(b"?" * 32, now)
    used = store.confirmation(b"t" * 32)
    assert used is not None
    assert used.used_at == now + 59


def test_confirmations_are_counted_by_address_over_all_tenants_and_by_tenant(store, tenant, now):
    other = Tenant("0" * 16, "Other", "x@other.example", "en", now)
    store.add_tenant(other)
    for number, (owner, address, age) in enumerate(
        [(tenant.id, "jan@bakker.example", 0), (other.id, "JAN@bakker.example", 10), (tenant.id, "piet@x.example", 20)]
    ):
        token = bytes([number]) * 32
        store.add_confirmation(Confirmation(token, token, owner, address, now - age, now + 60))
    assert store.confirmations_since(JAN, now - 15) == 2
    assert store.confirmations_since(JAN, now - 5) == 1
    assert store.tenant_confirmations_since(tenant.id, now - 20) == 2
    assert store.last_confirmation_at(other.id, JAN) == now - 10
    assert store.last_confirmation_at(other.id, parse_address("piet@x.example")) is None

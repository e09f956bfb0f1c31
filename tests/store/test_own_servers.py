"""Own servers in the store, and the mail that waits for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay.mail.address import Address
from relay.mail.delivery import Answer, Attempt, Deferred, State
from relay.mail.own_server import OnFailure, OwnServer, SignInBy
from relay.mail.rewrite import Change
from relay.mail.route import RouteKind, TlsMode
from relay.mail.tenant import Login, Tenant
from relay.store.database import StoreError
from relay.store.model import Settlement


@pytest.fixture
def server(store, tenant, now):
    made = OwnServer(
        tenant.id, "mail.bakker.example", 587, TlsMode.REQUIRE, SignInBy.PASSWORD, "info@bakker.example", b"\1sealed",
        OnFailure.HOLD, "v1", now,
    )  # fmt: skip
    store.put_own_server(made)
    return made


@pytest.fixture
def own(store, tenant, make):
    """Queues a message by the own server; its delivery's identifier."""

    def put(tenant_id=tenant.id, route=RouteKind.OWN, **settings):
        queued = make(tenant_id, **settings)
        store.enqueue(replace(queued, message=replace(queued.message, route=route, reverse_path="author")))
        return queued.deliveries[0].id

    return put


@pytest.fixture
def state(store):
    return lambda delivery_id: store.delivery(delivery_id).state


def test_settings_come_back_and_go_with_the_tenant(store, tenant, server, now):
    assert store.own_server(tenant.id) == server
    assert store.own_servers() == [server]
    store.refuse_login(tenant.id, "v1", "535 no", now)
    store.put_own_server(replace(server, port=465, tls=TlsMode.IMPLICIT, version="v2"))
    assert store.own_server(tenant.id) == replace(server, port=465, tls=TlsMode.IMPLICIT, version="v2")
    store.erase_tenant(tenant.id)
    assert store.own_servers() == []


def test_no_tenant_no_server(store, server):
    with pytest.raises(StoreError):
        store.put_own_server(replace(server, tenant_id="nobody"))


def test_whether_it_sends_is_known_with_the_other_choices(store, tenant, now):
    assert store.handling(tenant.id).own_server is False
    store.put_own_server(
        OwnServer(tenant.id, "h.example", 25, TlsMode.NONE, SignInBy.NOTHING, "", b"", OnFailure.HOLD, "v", now)
    )
    store.add_login(Login("plain", tenant.id, bytes(32), now))
    store.add_login(Login("platform", tenant.id, bytes(32), now, own_server=False))
    assert [store.handling(tenant.id, (), login).own_server for login in ("", "plain", "platform")] == [
        True,
        True,
        False,
    ]
    assert [each.own_server for each in store.logins(tenant.id)] == [True, False]
    assert store.login("platform")[0].own_server is False
    assert store.drop_own_server(tenant.id)
    assert not store.drop_own_server(tenant.id)
    assert store.handling(tenant.id, (Address("a", "b.example"),), "plain").own_server is False


def test_a_refused_login_holds_what_goes_by_these_settings_and_says_so_once(store, tenant, server, own, state, now):
    other = Tenant("other", "De Linde", "x@delinde.example", "nl", now)
    store.add_tenant(other)
    mine, by_platform = own(), own(route=RouteKind.PLATFORM)
    theirs = own(other.id)
    assert not store.refuse_login(tenant.id, "old version", "535 no", now)
    assert state(mine) is State.QUEUED
    assert store.refuse_login(tenant.id, "v1", "535 5.7.8 no", now)
    assert [state(each) for each in (mine, by_platform, theirs)] == [State.HELD, State.QUEUED, State.QUEUED]
    assert store.delivery(mine).last_reply == "535 5.7.8 no"
    found = store.own_server(tenant.id)
    assert (found.refused_at, found.refused_reply) == (now, "535 5.7.8 no")
    later = own()
    assert not store.refuse_login(tenant.id, "v1", "535 5.7.8 no", now + 9)
    assert state(later) is State.HELD
    assert store.own_server(tenant.id).refused_at == now
    assert store.own_mail_waiting(tenant.id) == (0, 2)


def test_only_what_was_held_for_the_server_is_released(store, tenant, server, own, state, now):
    by_hand, waiting, held = own(), own(), own()
    store.hold([by_hand], now)
    store.refuse_login(tenant.id, "v1", "535 no", now)
    store.add_awaiting(store.delivery(waiting).message_id, tenant.id, Address("a", "b.example"), now + 1)
    again = own()
    assert store.release_own_mail(tenant.id, now + 5) == 3
    assert [state(each) for each in (by_hand, held, again)] == [State.HELD, State.QUEUED, State.QUEUED]
    assert store.delivery(held).due_at == now + 5
    store.hold([held], now)  # by hand, after it was held for the server
    assert store.release_own_mail(tenant.id, now + 6) == 2
    assert state(held) is State.HELD


def test_failing_is_noted_once_and_told_once(store, tenant, server, now):
    assert store.own_server_fails(tenant.id, "old", now) is None
    assert store.own_server_fails(tenant.id, "v1", now).failing_since == now
    assert store.own_server_fails(tenant.id, "v1", now + 60).failing_since == now
    assert store.own_server_told(tenant.id, "v1", now + 61)
    assert not store.own_server_told(tenant.id, "v1", now + 62)
    assert not store.own_server_works(tenant.id, "old")
    assert store.own_server_works(tenant.id, "v1")
    assert not store.own_server_works(tenant.id, "v1")
    assert store.own_server(tenant.id) == server


def test_mended_is_another_version(store, tenant, server, now):
    store.refuse_login(tenant.id, "v1", "535 no", now)
    assert not store.own_server_mended(tenant.id, "old", "v2", now)
    assert store.own_server_mended(tenant.id, "v1", "v2", now + 1)
    assert store.own_server(tenant.id) == replace(server, version="v2", changed_at=now + 1)
    assert not store.refuse_login(tenant.id, "v1", "535 no", now)
    assert store.own_server(tenant.id).refused_at is None


def test_another_key_does_not_overwrite_another_password(store, tenant, server):
    assert not store.seal_own_server(tenant.id, "old", b"x")
    assert store.seal_own_server(tenant.id, "v1", b"x")
    assert store.own_server(tenant.id).sealed == b"x"


def test_a_message_goes_by_the_platform_instead(store, tenant, server, own, state, now):
    delivery_id = own()
    message_id = store.delivery(delivery_id).message_id
    store.refuse_login(tenant.id, "v1", "535 no", now)
    change = Change("From", "From: a", "From: b", "from")
    assert store.reroute(message_id, b"From: b\r\n", (change,), ("diverted",), now + 3)
    found = store.message(message_id)
    assert (found.route, found.reverse_path, found.header) == (RouteKind.PLATFORM, "verp", b"From: b\r\n")
    assert (found.changes, found.events) == ((change,), ("diverted",))
    assert (state(delivery_id), store.delivery(delivery_id).due_at) == (State.QUEUED, now + 3)
    assert not store.reroute(message_id, b"From: c\r\n", (), (), now)
    assert store.message(message_id).header == b"From: b\r\n"


@pytest.mark.parametrize("meanwhile", ["nothing", "hold", "cancel"])
def test_what_ran_out_of_time_is_held_unless_people_decided(store, tenant, server, own, state, now, meanwhile):
    delivery_id = own()
    [work] = store.lease("n", now, now + 60, 1)
    if meanwhile != "nothing":
        getattr(store, meanwhile)([delivery_id], now)
    before = replace(work.delivery, created_at=now - 10 * 86400, attempt=work.delivery.attempt)
    after = replace(before, attempt=20).after(Deferred(Answer("no")), now, State.HELD)
    assert after.state is State.HELD
    assert store.settle(Settlement(before, after, Attempt(1, now, 0.1, "deferred", Answer("no"))))
    assert state(delivery_id) is (State.CANCELLED if meanwhile == "cancel" else State.HELD)
    assert store.release_own_mail(tenant.id, now) == (1 if meanwhile == "nothing" else 0)

"""Tenants, logins and secrets."""

from __future__ import annotations

import pytest

from relay.mail.address import parse_address
from relay.mail.sender import SenderState
from relay.mail.tenant import Login, Tenant
from relay.store.database import StoreError


def test_a_tenant_is_found_by_identifier_and_by_name_in_any_case(store, tenant):
    assert store.tenant(tenant.id) == tenant
    assert store.find_tenant(tenant.id) == tenant
    assert store.find_tenant("bakker b.v.") == tenant
    assert store.find_tenant("Bakker") is None
    assert store.tenants() == [tenant]


def test_a_name_that_two_tenants_have_is_ambiguous_but_not_their_identifiers(store, tenant):
    twin = Tenant("0" * 16, tenant.name, "x@twin.example", "en", 1.0)
    store.add_tenant(twin)
    with pytest.raises(StoreError, match=f"2 tenants are called Bakker B.V..*{tenant.id}"):
        store.find_tenant(tenant.name)
    assert store.find_tenant(twin.id) == twin


def test_only_what_is_given_of_a_tenant_is_changed(store, tenant):
    changed = store.set_tenant(tenant.id, name="Bakker & Zonen")
    assert (
        changed == store.tenant(tenant.id) == Tenant(tenant.id, "Bakker & Zonen", tenant.email, "nl", tenant.created_at)
    )
    assert store.set_tenant("nobody", name="x") is None


def test_a_login_is_found_with_its_tenant_until_it_is_revoked(store, tenant, now):
    login = Login("bakker", tenant.id, b"\x00\xff" * 16, now)
    store.add_login(login)
    assert store.login("bakker") == (login, tenant)
    assert store.revoke_login("bakker", now + 1)
    assert store.login("bakker") is None
    assert store.logins(tenant.id) == [Login("bakker", tenant.id, login.secret_sha256, now, now + 1)]
    assert not store.revoke_login("bakker", now + 2)


def test_a_login_of_nobody_is_an_error(store, now):
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.add_login(Login("x", "nobody", bytes(32), now))


def test_the_first_secret_stays(store):
    assert store.secret("verp", b"first") == b"first"
    assert store.secret("verp", b"second") == b"first"
    assert store.secret("forms", b"third") == b"third"


def test_erasing_a_tenant_leaves_no_trace_in_the_files(store, tenant, make, tmp_path, now):
    store.add_login(Login("bakker", tenant.id, bytes(32), now))
    store.put_sender(tenant.id, parse_address("geheim@bakker.example"), SenderState.VERIFIED, now)
    queued = make(tenant.id, "ontvanger@geheim.example", body=b"GEHEIM-LICHAAM" * 2000, subject="GEHEIM-ONDERWERP")
    with store.transaction():
        store.enqueue(queued)
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"GEHEIM-LICHAAM" in written

    with store.transaction():
        assert store.erase_tenant(tenant.id)
    store.scrub()

    assert store.tenant(tenant.id) is None
    assert store.login("bakker") is None
    assert store.message(queued.message.id) is None
    assert store.read_chunk(queued.message.id, 0) is None
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for trace in (b"GEHEIM-LICHAAM", b"GEHEIM-ONDERWERP", b"ontvanger@", b"geheim@bakker", tenant.id.encode()):
        assert trace not in left
    assert not store.erase_tenant(tenant.id)

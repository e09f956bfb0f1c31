"""``relay login``."""

from __future__ import annotations

import hashlib

import pytest

from relay.cli.login import slug


def test_a_further_login_is_in_force_until_it_is_revoked(shell, store, tenant):
    added = shell.json("login", "add", "bakker b.v.")
    assert added["tenant"] == tenant
    login, _ = store.login(added["username"])
    assert login.secret_sha256 == hashlib.sha256(added["password"].encode()).digest()
    assert len(shell.json("login", "list", tenant)) == 2

    assert shell.json("login", "revoke", added["username"]) == {"username": added["username"], "revoked": True}
    assert store.login(added["username"]) is None
    states = {row["username"]: row["revoked_at"] is not None for row in shell.json("login", "list")}
    assert states[added["username"]] is True
    assert sum(states.values()) == 1


def test_people_read_a_table(shell, tenant):
    shown = shell.run("login", "add", tenant).stdout
    assert shown.startswith("username  bakker-b-v-")
    header, first, _ = shell.run("login", "list").stdout.splitlines()
    assert header.split() == ["USERNAME", "TENANT", "CREATED", "REVOKED", "FROM"]
    assert first.index("Bakker B.V.") == header.index("TENANT")


def test_what_does_not_exist_is_exit_code_1(shell, tenant):
    assert "no login" in shell.run("login", "revoke", "nobody", code=1).stderr
    assert "no tenant" in shell.run("login", "add", "nobody", code=1).stderr
    [login] = shell.json("login", "list", tenant)
    shell.run("login", "revoke", login["username"])
    assert "in force" in shell.run("login", "revoke", login["username"], code=1).stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Bakker B.V.", "bakker-b-v"),
        ("Évil & Çie", "evil-cie"),
        ("Здравствуйте", "tenant"),
        ("x" * 40, "x" * 24),
        ("a" * 23 + " b", "a" * 23),
    ],
)
def test_a_login_tells_whose_it_is(name, expected):
    assert slug(name) == expected


def test_a_login_may_be_for_some_networks_only(shell, tenant):
    made = shell.json("login", "add", tenant, "--network", "192.0.2.0/28", "--network", "2001:db8::7")
    [login] = [each for each in shell.json("login", "list", tenant) if each["username"] == made["username"]]
    assert login["networks"] == ["192.0.2.0/28", "2001:db8::7/128"]
    refused = shell.run("login", "add", tenant, "--network", "192.0.2.1/28", code=2)
    assert "has host bits set" in refused.output

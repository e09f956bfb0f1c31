"""``relay tenant``."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest


def test_a_new_tenant_can_sign_in_and_send_as_its_verified_address(shell, store):
    added = shell.json("tenant", "add", "Bakker B.V.", "--email", "Info@Bakker.example", "--verified", "--locale", "nl")
    assert set(added) == {"id", "name", "login"}
    assert set(added["login"]) == {"username", "password"}
    login, tenant = store.login(added["login"]["username"])
    assert login.secret_sha256 == hashlib.sha256(added["login"]["password"].encode()).digest()
    assert len(added["login"]["password"]) == 32  # 160 bits in base32
    assert (tenant.id, tenant.name, tenant.email, tenant.locale) == (
        added["id"],
        "Bakker B.V.",
        "Info@bakker.example",
        "nl",
    )
    assert [(each.address, each.state) for each in store.senders(tenant.id)] == [("Info@bakker.example", "verified")]


def test_without_verified_no_address_counts_yet(shell, store):
    added = shell.json("tenant", "add", "Bakker", "--email", "info@bakker.example")
    assert store.senders(added["id"]) == []
    assert store.queue() == []


def test_the_password_is_shown_once(shell, tmp_path):
    shown = shell.run("tenant", "add", "Bakker", "--email", "info@bakker.example").stdout
    password = next(line.split()[1] for line in shown.splitlines() if line.startswith("password"))
    assert "cannot be shown again" in shown
    assert password not in shell.run("tenant", "show", "Bakker").stdout + shell.run("login", "list").stdout
    assert not any(password.encode() in file.read_bytes() for file in tmp_path.iterdir())


def test_no_two_logins_are_alike(shell):
    logins = [shell.json("tenant", "add", "Bakker", "--email", "a@b.example")["login"] for _ in range(3)]
    assert len({login["username"] for login in logins}) == len({login["password"] for login in logins}) == 3
    assert all(login["username"].startswith("bakker-") for login in logins)


def test_tenants_are_listed_and_shown(shell, tenant):
    [row] = shell.json("tenant", "list")
    assert (row["id"], row["name"], row["email"], row["locale"]) == (tenant, "Bakker B.V.", "info@bakker.example", "en")
    assert shell.run("tenant", "list").stdout.splitlines()[1].startswith(f"{tenant}  Bakker B.V.")
    shown = shell.json("tenant", "show", "BAKKER b.v.")
    assert shown["senders"] == [{"address": "info@bakker.example", "state": "verified"}]
    assert [login["revoked_at"] for login in shown["logins"]] == [None]
    assert "info@bakker.example (verified)" in shell.run("tenant", "show", tenant).stdout


def test_what_is_set_changes_and_the_rest_stays(shell, tenant):
    assert shell.json("tenant", "set", tenant, "--name", "Bakker & Zn", "--locale", "fr")["name"] == "Bakker & Zn"
    shown = shell.json("tenant", "show", tenant)
    assert (shown["name"], shown["email"], shown["locale"]) == ("Bakker & Zn", "info@bakker.example", "fr")


def test_erase_asks_and_takes_everything(shell, store, tenant, queue):
    queue("a@x.example", "b@x.example")
    refused = shell.run("tenant", "erase", tenant, input="n\n", code=1)
    assert "2 deliveries in the queue included" in refused.output
    assert store.tenant(tenant) is not None
    shell.run("tenant", "erase", tenant, input="y\n")
    assert store.tenants() == store.senders() == store.queue() == store.messages(10) == []


def test_erase_does_not_ask_with_yes(shell, store, tenant):
    assert shell.json("tenant", "erase", "Bakker B.V.", "--yes") == {"id": tenant, "erased": True}
    assert store.tenants() == []


@pytest.mark.parametrize("command", [("show",), ("set", "--name", "x"), ("erase", "--yes")])
def test_an_unknown_tenant_is_said_with_exit_code_1(shell, command):
    name, *rest = command
    result = shell.run("tenant", name, "nobody", *rest, code=1)
    assert result.stderr == 'relay: there is no tenant "nobody"; "relay tenant list" shows all\n'


def test_an_ambiguous_name_is_said_with_both_identifiers(shell):
    ids = [shell.json("tenant", "add", "Twin", "--email", "a@b.example")["id"] for _ in range(2)]
    said = shell.run("tenant", "show", "twin", code=2).stderr
    assert all(each in said for each in ids)


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "Bakker", "--email", "nonsense"),
        ("add", "Bakker"),
        ("add", "  ", "--email", "a@b.example"),
        ("add", "Bad\x1b[31m", "--email", "a@b.example"),
        ("add", "x" * 129, "--email", "a@b.example"),
        ("add", "Bakker", "--email", "a@b.example", "--locale", "xx"),
        ("set", "Bakker"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_changes_nothing(shell, store, arguments):
    shell.run("tenant", *arguments, code=2)
    assert store.tenants() == []


def test_a_database_that_cannot_be_used_is_said_in_one_line(shell, tmp_path):
    shell.config.write_text(f'[database]\nurl = "sqlite:///{tmp_path}/no/relay.db"\n')
    said = shell.run("tenant", "list", code=2).stderr
    assert said == f"relay: {tmp_path}/no/relay.db: the directory {tmp_path}/no does not exist; make it first\n"


def test_a_command_that_needs_no_dns_or_crypto_imports_none(shell):
    code = (
        "import sys\nfrom relay.cli import main\n"
        f"main(['--config', {str(shell.config)!r}, 'tenant', 'list'], standalone_mode=False)\n"
        "print(sorted(name for name in ('cryptography', 'dns', 'starlette', 'dkim', 'spf') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr

"""``relay route``: what is refused with a reason, what is probed before it is kept, what is never shown."""

from __future__ import annotations

import json
import socket

import pytest

from relay.mail.own_server import OnFailure, SignInBy
from relay.mail.route import TlsMode
from relay.server.own_route import PURPOSE
from relay.store.vault import fresh_key, open_vault

USER = "info@bakker.example"
PASSWORD = "geheim-CANARY-1"


@pytest.fixture
def place(shell, own_smtp):
    """The server's place, for a platform that allows loopback and trusts its authority."""
    own_smtp.write_authority(shell.config.parent / "ca.pem")
    with shell.config.open("a") as file:
        file.write('[delivery]\nallow_private = true\nca_file = "ca.pem"\n')
    return f"127.0.0.1:{own_smtp.port}"


@pytest.fixture
def nowhere():
    """A place where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def login(shell, tenant: str, place: str, *options: str, password: str = PASSWORD, code: int = 0):
    arguments = ("route", "set", tenant, "own", place, "--username", USER, "--password-stdin", *options)
    return shell.run(*arguments, input=f"{password}\n", code=code)


def kept(shell, store, tenant: str):
    """What is kept, with the password opened."""
    server = store.own_server(tenant)
    vault = open_vault([shell.config.parent / "relay-secrets"])
    return server, vault.open(server.sealed, tenant_id=tenant, purpose=PURPOSE)


def test_a_login_that_works_is_kept(shell, store, tenant, place, own_smtp):
    said = login(shell, tenant, place, "--on-failure", "platform").stdout
    assert said.startswith("Works: 127.0.0.1")
    assert said.rstrip().endswith("Bakker B.V.: Saved. 0 deliveries are let go.")
    server, password = kept(shell, store, tenant)
    assert (server.host, server.port, server.tls) == ("127.0.0.1", own_smtp.port, TlsMode.REQUIRE)
    assert (server.username, server.sign_in_by, server.on_failure) == (USER, SignInBy.PASSWORD, OnFailure.PLATFORM)
    assert password == PASSWORD
    assert own_smtp.received == []


def test_a_login_that_fails_is_not_kept_unless_forced(shell, store, tenant, place):
    failed = login(shell, tenant, place, password="wrong", code=1)
    assert "auth.535.password" in failed.stdout
    assert "Not saved: mend this first, or add --force." in failed.stdout
    assert store.own_server(tenant) is None
    forced = login(shell, tenant, place, "--force", password="wrong")
    assert "Saved." in forced.stdout
    assert kept(shell, store, tenant)[1] == "wrong"


def test_a_server_that_is_not_there_is_not_kept(shell, store, tenant, place, nowhere):
    failed = login(shell, tenant, nowhere, code=1)
    assert "net.refused" in failed.stdout
    assert store.own_server(tenant) is None


def test_another_tls_than_the_server_has_is_not_kept(shell, store, tenant, place):
    failed = login(shell, tenant, place, "--tls", "implicit", "--json", code=1)
    assert json.loads(failed.stdout)["saved"] is False
    assert store.own_server(tenant) is None


def test_oauth_is_kept_without_a_password(shell, store, tenant, place, own_smtp):
    options = ("route", "set", tenant, "own", place, "--username", USER, "--auth", "xoauth2")
    assert "no application is configured" in shell.run(*options, code=2).stderr
    with shell.config.open("a") as file:
        file.write('[[oauth]]\nname = "ms"\nprovider = "microsoft"\nclient_id = "app-1"\n')
    shell.run(*options, code=1)  # it offers PLAIN only
    own_smtp.signs_in = "PLAIN XOAUTH2"
    assert "until then mail is held" in shell.run(*options).stdout
    server = store.own_server(tenant)
    assert (server.sign_in_by, server.sealed) == (SignInBy.XOAUTH2, b"")
    assert own_smtp.logins == []


REFUSED = [
    (["mail.example.nl:25"], "this way is unprotected"),
    (["mail.example.nl", "--tls", "none"], "this way is unprotected"),
    (["mail.example.nl:587"], "ports 587 and 465 take mail from whoever signs in"),
    (["mail.example.nl:465"], "ports 587 and 465 take mail from whoever signs in"),
    (["mail.example.nl"], "ports 587 and 465 take mail from whoever signs in"),
    (["mail.example.nl:25", "--tls", "none", "--username", USER], "never sent without TLS"),
    (["mail.example.nl:25", "--tls", "none", "--insecure", "--username", USER], "never sent without TLS"),
    (["mail.example.nl:587", "--username", USER, "--insecure"], "belongs to --tls none"),
    (["mail.example.nl:587", "--username", USER], "--password-stdin"),
    (["mail.example.nl:587", "--username", USER, "--auth", "xoauth2", "--password-stdin"], "there is no password"),
    ([], "name the server"),
    (["no server!"], "is no server"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_refused_with_a_reason(shell, store, tenant, options, said):
    refused = shell.run("route", "set", tenant, "own", *options, code=2)
    assert said in refused.stderr
    assert "25" not in refused.stderr or "port 587 (STARTTLS) or 465" in refused.stderr or "25" in " ".join(options)
    assert store.own_servers() == []


def test_an_empty_password_is_none(shell, tenant, place):
    assert "the password is empty" in login(shell, tenant, place, password="", code=2).stderr


def test_a_private_network_is_not_probed(shell, store, tenant, own_smtp):
    refused = login(shell, tenant, f"127.0.0.1:{own_smtp.port}", "--force", code=1)
    assert "private addresses only (127.0.0.1)" in refused.stderr
    assert store.own_servers() == []


def test_a_platform_may_forbid_own_servers(shell, store, tenant, place):
    with shell.config.open("a") as file:
        file.write("[policy]\nown_servers = false\n")
    assert "policy.own_servers is false" in login(shell, tenant, place, code=1).stderr


@pytest.fixture
def plain_server(shell):
    """A server without TLS or logins, which never says more than its greeting and its extensions."""
    import socketserver
    import threading

    class Plain(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 printer\r\n")
            while line := self.rfile.readline():
                self.wfile.write(b"250 printer\r\n" if line[:4].upper() in {b"EHLO", b"HELO"} else b"500 what\r\n")

    with shell.config.open("a") as file:
        file.write("[delivery]\nallow_private = true\n")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Plain) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_without_tls_it_takes_a_word_more(shell, store, tenant, plain_server):
    shell.run("route", "set", tenant, "own", plain_server, "--tls", "none", "--insecure")
    server = store.own_server(tenant)
    assert (server.tls, server.sign_in_by, server.username) == (TlsMode.NONE, SignInBy.NOTHING, "")


def test_show_tells_all_but_the_secret(shell, store, tenant, place, queue):
    assert shell.json("route", "show", tenant)["kind"] == "platform"
    login(shell, tenant, place)
    shown = shell.json("route", "show", tenant)
    assert (shown["tls"], shown["auth"], shown["state"], shown["waiting"], shown["held"]) == (
        "starttls",
        "password",
        "ok",
        0,
        0,
    )
    assert store.refuse_login(tenant, store.own_server(tenant).version, "535 \x1b[31mno", 1_700_000_000.0)
    said = shell.run("route", "show", tenant).stdout
    assert "refused at      2023-11-14 22:13:20" in said
    assert "\x1b" not in said
    assert PASSWORD not in said + json.dumps(shown)
    assert "sealed" not in shown


def test_a_probe_that_works_mends(shell, store, tenant, place, own_smtp):
    login(shell, tenant, place)
    version = store.own_server(tenant).version
    store.refuse_login(tenant, version, "535 no", 1.0)
    own_smtp.password = "other"
    assert shell.json("route", "probe", tenant, code=1)["fits"] is False
    assert store.own_server(tenant).refused_at == 1.0
    own_smtp.password = PASSWORD
    assert shell.json("route", "probe", tenant)["released"] == 0
    assert store.own_server(tenant).refused_at is None
    assert store.own_server(tenant).version != version


def test_a_probe_asks_whether_the_tenants_address_may_send(shell, store, tenant, place, own_smtp):
    login(shell, tenant, place)
    assert own_smtp.asked == []
    version = store.own_server(tenant).version
    store.refuse_login(tenant, version, "535 no", 1.0)
    own_smtp.denied = {"info@bakker.example"}
    answer = shell.json("route", "probe", tenant, code=1)
    assert (answer["fits"], answer["from_reply"]) == (False, "553 5.7.1 not owned by user")
    assert "auth.from.denied" in {each["id"] for each in answer["findings"]}
    assert store.own_server(tenant).refused_at == 1.0
    own_smtp.denied = set()
    answer = shell.json("route", "probe", tenant)
    assert (answer["fits"], answer["to_reply"]) == (True, "250 2.0.0 ok")
    assert own_smtp.asked == ["info@bakker.example"] * 2
    assert own_smtp.received == []


def test_without_an_own_server_there_is_nothing_to_probe(shell, tenant):
    assert "has no own server" in shell.run("route", "probe", tenant, code=1).stderr


def test_back_to_the_platform(shell, store, tenant, place):
    login(shell, tenant, place)
    assert "leaves by the platform" in shell.run("route", "set", tenant, "platform").stdout
    assert store.own_server(tenant) is None
    assert "no server is named" in shell.run("route", "set", tenant, "platform", "a.example", code=2).stderr


def test_keys_rotate(shell, store, tenant, place):
    login(shell, tenant, place)
    webhook = shell.json("webhook", "add", "http://127.0.0.1:1/")
    file = shell.config.parent / "relay-secrets"
    old = file.read_text()
    file.write_text(f"{fresh_key()}\n{old}")
    assert shell.json("route", "rekey") == {"rekeyed": 2}
    assert shell.json("route", "rekey") == {"rekeyed": 0}
    file.write_text(file.read_text().partition("\n")[0])
    assert kept(shell, store, tenant)[1] == PASSWORD
    assert "no answer" in shell.run("webhook", "test", webhook["id"], code=1).stdout  # nobody listens, but it signs
    file.write_text(old)
    assert "no key here opens" in shell.run("route", "probe", tenant, code=2).stderr


def test_a_key_that_all_can_read_is_refused(shell, tenant, place):
    login(shell, tenant, place)
    (shell.config.parent / "relay-secrets").chmod(0o644)
    assert "chmod 600" in login(shell, tenant, place, code=2).stderr


def test_what_the_service_manager_hands_over_opens_too(shell, store, tenant, place, tmp_path, monkeypatch):
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "relay-secrets").write_text(f"{fresh_key()}\n")
    (folder / "relay-secrets").chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    login(shell, tenant, place)
    assert not (shell.config.parent / "relay-secrets").exists()
    server = store.own_server(tenant)
    opened = open_vault([folder / "relay-secrets"]).open(server.sealed, tenant_id=tenant, purpose=PURPOSE)
    assert opened == PASSWORD


def test_the_key_file_can_be_named(shell, store, tenant, place):
    with shell.config.open("a") as file:
        file.write('[secrets]\nkey_file = "elsewhere.key"\n')
    login(shell, tenant, place)
    assert (shell.config.parent / "elsewhere.key").exists()
    assert not (shell.config.parent / "relay-secrets").exists()


def test_a_login_may_be_kept_from_it(shell, store, tenant):
    made = shell.json("login", "add", tenant, "--no-own-server")
    assert store.login(made["username"])[0].own_server is False
    assert [each["own_server"] for each in shell.json("login", "list", tenant)] == [True, False]

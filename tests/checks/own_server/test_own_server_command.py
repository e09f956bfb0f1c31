"""``relay check smtp`` as its user meets it: over a nameserver and a server on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from relay.cli import main

HOST = "mail.example.nl"
NAMES = {
    "reachable": bool,
    "greeting": int,
    "esmtp": bool,
    "starttls": bool,
    "starttls_works": bool,
    "implicit_tls": bool,
    "tls_version": str,
    "cert_ok": bool,
    "cert_problem": type(None),
    "cert_expires_at": str,
    "auth": list,
    "auth_before_tls": bool,
    "login_reply": str,
    "findings": list,
    "advice": list,
    "summary": str,
    "elapsed_ms": int,
    "queries": int,
}


@pytest.fixture
def target(nameserver: Any) -> Callable[[Any], str]:
    """A server as it is named on the command line, known to the nameserver."""
    nameserver.zone = {HOST: {"A": ["127.0.0.1"]}}
    return lambda server: f"{HOST}:{server.port}"


def test_json_has_the_names_that_others_read(
    serve: Any, script: Any, certificates: Any, target: Any, ca_file: str, nameserver: Any
) -> None:
    server = serve(script(context=certificates.good()))
    arguments = ["check", "smtp", target(server), "--cafile", ca_file, "--nameserver", nameserver.address, "--json"]
    result = CliRunner().invoke(
        main, [*arguments, "--username", "ann@example.nl", "--password-stdin"], input="Secret-9word\n"
    )
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert {name: type(answer[name]) for name in NAMES} == NAMES
    assert (answer["greeting"], answer["starttls_works"], answer["cert_ok"]) == (220, True, True)
    assert (answer["auth"], answer["login_reply"]) == (["PLAIN", "LOGIN"], "235 2.7.0 welcome")
    assert "Secret" not in result.output


def test_a_server_that_works(
    serve: Any, script: Any, certificates: Any, target: Any, ca_file: str, nameserver: Any, checks: Any
) -> None:
    server = serve(script(context=certificates.good(), implicit=True))
    result = checks.run("smtp", target(server), "--cafile", ca_file, servers=(nameserver,))
    assert result.exit_code == 0
    assert result.output.startswith(f"Works: {HOST}, port {server.port}; mail can be handed in over verified TLS.\n")
    assert f"1. Set server {HOST}, port {server.port}, TLS from the start: seen to work." in result.output
    assert max(len(line) for line in result.output.splitlines()) <= 80


def test_problems_with_a_certificate_in_one_word(
    serve: Any, script: Any, certificates: Any, target: Any, ca_file: str, nameserver: Any, checks: Any
) -> None:
    kinds = {"expired": "expired", "self_signed": "untrusted", "without_intermediate": "untrusted"}
    for kind, problem in kinds.items():
        server = serve(script(context=getattr(certificates, kind)()))
        answer = checks.json("smtp", target(server), "--cafile", ca_file, servers=(nameserver,))
        assert (answer["cert_ok"], answer["cert_problem"]) == (False, problem)
        assert answer["starttls_works"] is True
    server = serve(script(context=certificates.good("www.example.nl"), implicit=True))
    answer = checks.json("smtp", target(server), "--cafile", ca_file, servers=(nameserver,))
    assert (answer["cert_problem"], answer["cert_names"]) == ("hostname", ["www.example.nl"])
    server = serve(script(context=certificates.good()))
    answer = checks.json("smtp", target(server), servers=(nameserver,))
    assert (answer["cert_ok"], answer["cert_problem"]) == (False, "untrusted")


def test_the_first_lines_say_what_to_do(
    serve: Any, script: Any, certificates: Any, target: Any, nameserver: Any, checks: Any
) -> None:
    server = serve(script(context=certificates.self_signed()))
    result = checks.run("smtp", target(server), servers=(nameserver,))
    assert result.exit_code == 1
    first, _, second, third, *_ = result.output.splitlines()
    assert (first, second) == ("Does not work.", "ERROR  tls.cert.self")
    assert third.startswith("  The certificate of mail.example.nl was issued by the server itself")
    dutch = checks.run("smtp", target(server), "--lang", "nl", servers=(nameserver,))
    assert dutch.output.startswith("Werkt niet.\n\nFOUT  tls.cert.self\n")


def test_nothing_of_a_server_reaches_the_terminal_as_it_is(
    serve: Any, script: Any, target: Any, nameserver: Any, checks: Any
) -> None:
    for raw in (b"\x1b[31m\x07 red\r\n", b"554 \x1b[31m\xe2\x80\xae red\r\n", b"220 \x1b]0;x\x07\r\n"):
        server = serve(script(raw=raw, clear=("\x1b[31mX", "AUTH \x1b[5m PLAIN")))
        result = checks.run("smtp", target(server), servers=(nameserver,))
        assert all(char.isprintable() or char == "\n" for char in result.output)
        checks.json("smtp", target(server), servers=(nameserver,))


def test_what_could_not_be_determined(nameserver: Any, checks: Any) -> None:
    nameserver.zone = {HOST: "SERVFAIL"}
    result = checks.run("smtp", HOST, servers=(nameserver,))
    assert result.exit_code == 75
    assert result.output.startswith("Could not be determined.\n\nUNKNOWN  net.dns.unknown\n")
    nameserver.zone = {"other.example": {"A": ["192.0.2.1"]}}
    assert checks.run("smtp", HOST, servers=(nameserver,)).exit_code == 1


def test_the_size_that_is_wanted(
    serve: Any, script: Any, certificates: Any, target: Any, ca_file: str, nameserver: Any, checks: Any
) -> None:
    server = serve(script(context=certificates.good()))
    options = (target(server), "--cafile", ca_file, "--size", "40 MB")
    result = checks.run("smtp", *options, servers=(nameserver,))
    assert "send.size" in result.output
    assert result.exit_code == 0


@pytest.mark.parametrize("host", ["", ":587", "mail.example.nl:0", "mail.example.nl:99999", "a..b", "a b", "x:smtp"])
def test_what_is_no_server(host: str, checks: Any) -> None:
    result = checks.run("smtp", host)
    assert result.exit_code == 2
    assert "is no server" in result.output


def test_wrong_usage(checks: Any, certificates: Any, tmp_path: Any) -> None:
    assert checks.run("smtp", HOST, "--password-stdin").exit_code == 2
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    result = checks.run("smtp", HOST, "--cafile", str(empty))
    assert result.exit_code == 2
    assert "no certificates can be read there" in result.output
    assert checks.run("smtp", HOST, "--size", "big").exit_code == 2


def test_addresses_of_both_families(checks: Any, closed: int, nameserver: Any) -> None:
    for host in (f"127.0.0.1:{closed}", f"[::1]:{closed}"):
        answer = checks.json("smtp", host, "--timeout", "5", servers=(nameserver,))
        assert answer["reachable"] is False
        assert answer["port"] == closed

"""Where a host is, how far a connection comes, and which port works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relay.checks.own_server.check import Answer

HOST = "mail.example.nl"
NAMES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no such name": ({"example.nl": {"A": ["192.0.2.1"]}}, {"net.dns"}),
    "no address": ({HOST: {"TXT": ["here"]}}, {"net.dns.address"}),
    "servfail": ({HOST: "SERVFAIL"}, {"net.dns.unknown"}),
    "half known": ({HOST: {"AAAA": "timeout"}}, {"net.dns.unknown"}),
}


def ids(answer: Answer) -> set[str]:
    return {finding.id for finding in answer.part.findings}


@pytest.mark.parametrize("name", NAMES)
async def test_names_without_an_address(name: str, ask: Callable[..., Any]) -> None:
    zone, expected = NAMES[name]
    answer = await ask(587, zone)
    assert ids(answer) == expected
    assert answer.part.facts["reachable"] is False


async def test_filtered_and_closed_differ(ask: Callable[..., Any], filtered: int, closed: int) -> None:
    assert ids(await ask(filtered, seconds=2)) == {"net.timeout"}
    assert ids(await ask(closed)) == {"net.refused"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_addresses_and_the_system_s_own_name(
    host: str, serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=certificates.good(host)))
    answer = await ask(server.port, {}, host=host)
    assert answer.part.facts["cert_ok"] is True
    assert ids(answer) == set()
    assert answer.works is not None


async def test_the_port_that_works_is_named(
    serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any, closed: int
) -> None:
    implicit = serve(script(context=certificates.good(), implicit=True))
    answer = await ask(closed, usual_ports=(implicit.port,))
    assert ids(answer) == {"net.refused", "port.found.implicit"}
    assert [(each.key, each.facts["port"]) for each in answer.advice] == [("use.implicit", str(implicit.port))]
    starttls = serve(script(context=certificates.good()))
    assert ids(await ask(closed, usual_ports=(starttls.port,))) == {"net.refused", "port.found.starttls"}


async def test_no_port_answers(ask: Callable[..., Any], closed: int, filtered: int) -> None:
    answer = await ask(closed, usual_ports=(filtered,), seconds=2)
    assert ids(answer) == {"port.none", "net.refused"}


async def test_without_a_port_the_first_that_works_is_taken_and_signed_in_to(
    serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any, closed: int
) -> None:
    plain = serve(script(clear=("8BITMIME", "AUTH PLAIN")))
    good, spare = serve(script(context=certificates.good())), serve(script(context=certificates.good()))
    ports = (closed, plain.port, good.port, spare.port)
    answer = await ask(None, usual_ports=ports, username="ann@example.nl", password="x y")
    assert answer.part.facts["port"] == good.port
    assert answer.part.facts["login_reply"] == "235 2.7.0 welcome"
    assert ids(answer) == set()
    assert [place["works"] for place in answer.part.facts["places"]] == [False, False, True, True]
    assert "AUTH" not in plain.commands + spare.commands


async def test_a_host_that_only_the_second_family_serves(
    serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=certificates.good()))
    zone = {HOST: {"A": ["127.0.0.1"], "AAAA": ["::1"]}}
    answer = await ask(server.port, zone)  # which listens on 127.0.0.1 only
    assert ids(answer) <= {"net.refused", "net.unreachable"}
    assert {str(finding.severity) for finding in answer.part.findings} == {"warning"}
    assert answer.part.facts["address"] == "127.0.0.1"

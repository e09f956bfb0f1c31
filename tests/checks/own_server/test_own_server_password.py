"""The password goes out only inside TLS whose certificate was verified; shown by the octets that arrive."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

USERNAME, PASSWORD = "ann@example.nl", "Secret-9word"
SECRETS = [
    PASSWORD.encode(),
    base64.b64encode(PASSWORD.encode()),
    base64.b64encode(f"\0{USERNAME}\0{PASSWORD}".encode()),
    base64.b64encode(USERNAME.encode()),
    b"AUTH",
]
WITH_AUTH = ("8BITMIME", "SMTPUTF8", "STARTTLS", "AUTH PLAIN LOGIN")

UNSAFE: dict[str, dict[str, Any]] = {
    "no TLS at all": {"clear": ("8BITMIME", "AUTH PLAIN LOGIN")},
    "helo only": {"ehlo": "502 what"},
    "STARTTLS masked": {"clear": ("XXXXXXXA", "AUTH PLAIN LOGIN")},
    "STARTTLS refused for now": {"clear": WITH_AUTH, "starttls": "454 4.7.0 not available"},
    "STARTTLS refused": {"clear": WITH_AUTH, "starttls": "502 5.5.1 what"},
    "STARTTLS without TLS": {"clear": WITH_AUTH, "starttls": "220 go", "seconds": 1.8},
    "expired": {"clear": WITH_AUTH, "context": "expired"},
    "expired at once": {"implicit": True, "context": "expired"},
    "not yet valid": {"clear": WITH_AUTH, "context": "not_yet"},
    "self-signed": {"clear": WITH_AUTH, "context": "self_signed"},
    "self-signed at once": {"implicit": True, "context": "self_signed"},
    "unknown authority": {"clear": WITH_AUTH, "context": "of_another_authority"},
    "no intermediate": {"clear": WITH_AUTH, "context": "without_intermediate"},
    "other name": {"clear": WITH_AUTH, "context": ("good", "www.example.nl")},
    "old TLS": {"clear": WITH_AUTH, "context": "old_tls"},
    "old cipher": {"clear": WITH_AUTH, "context": "old_cipher"},
    "AUTH only in the clear": {"clear": WITH_AUTH, "context": "good", "inside": ("8BITMIME",)},
    "reply that goes on in the clear": {"clear": WITH_AUTH, "greeting": "554 5.7.1 AUTH first"},
}


def prepared(behaviour: dict[str, Any], certificates: Any) -> dict[str, Any]:
    if "context" not in behaviour:
        return behaviour
    made = behaviour["context"]
    kind, *arguments = (made,) if isinstance(made, str) else made
    return behaviour | {"context": getattr(certificates, kind)(*arguments)}


@pytest.mark.parametrize("name", UNSAFE)
async def test_no_secret_leaves(
    name: str, serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    behaviour = dict(UNSAFE[name])
    seconds = behaviour.pop("seconds", 6)
    server = serve(script(**prepared(behaviour, certificates)))
    answer = await ask(server.port, username=USERNAME, password=PASSWORD, seconds=seconds)
    assert server.connections
    assert [secret for secret in SECRETS if secret in server.octets] == []
    assert answer.part.facts["login_reply"] is None
    assert answer.works is None


@pytest.mark.parametrize("implicit", [False, True])
async def test_it_leaves_once_inside_verified_tls(
    implicit: bool, serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=certificates.good(), implicit=implicit, clear=WITH_AUTH))
    answer = await ask(server.port, username=USERNAME, password=PASSWORD)
    assert answer.part.facts["login_reply"] == "235 2.7.0 welcome"
    clear = b"".join(bytes(each.clear) for each in server.connections)
    inside = b"".join(bytes(each.inside) for each in server.connections)
    assert [secret for secret in SECRETS if secret in clear] == []
    assert inside.count(SECRETS[2]) == 1


async def test_without_a_password_nobody_signs_in(
    serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=certificates.good()))
    await ask(server.port, username=USERNAME)
    assert "AUTH" not in server.commands


async def test_the_password_stands_in_no_finding(
    serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=certificates.good(), login="535 5.7.8 no"))
    answer = await ask(server.port, username="ann", password=" Secret 9word")
    assert "9word" not in repr(answer)

"""The OAuth client against a provider on loopback, which says what Microsoft and Google say."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from relay.net.oauth import Application, DeviceCode, Endpoints, NoToken, OAuthClient, Token, Why

NOW = 1_795_521_600.0
REVOKED = {
    "error": "invalid_grant",
    "error_description": "AADSTS50173: The provided grant has expired due to it being revoked,\r\n sign in again.",
}


@dataclass
class Provider:
    """A token endpoint. ``answers`` are given in turn, the last one for ever: status and document (or octets)."""

    base: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append((path, {key: values[0] for key, values in parse_qs(body.decode()).items()}))
        status, document = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return status, document if isinstance(document, bytes) else json.dumps(document).encode()


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = found.answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", found.base + "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.base = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def client(provider: Provider, secret: str = "s3cret") -> OAuthClient:
    endpoints = Endpoints(
        f"{provider.base}/authorize",
        f"{provider.base}/token",
        f"{provider.base}/devicecode",
        scope="SMTP.Send offline_access",
        application_scope="https://outlook.office365.com/.default",
        consent={"prompt": "consent"},
    )
    return OAuthClient(endpoints, Application("app-1", secret), now=lambda: NOW)


def test_the_page_where_a_person_agrees(provider) -> None:
    verifier = "v" * 43
    url = client(provider).consent_url("https://relay.example/oauth", "state-1", verifier, "info@bakker.example")
    asked = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert asked == {
        "client_id": "app-1",
        "response_type": "code",
        "redirect_uri": "https://relay.example/oauth",
        "scope": "SMTP.Send offline_access",
        "state": "state-1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_hint": "info@bakker.example",
        "prompt": "consent",
    }
    assert verifier not in url


async def test_a_code_becomes_a_token(provider) -> None:
    provider.answers = [
        (200, {"access_token": "a1", "refresh_token": "r1", "expires_in": 3599, "token_type": "Bearer"})
    ]
    token = await client(provider).redeem("code-1", "https://relay.example/oauth", "v" * 43)
    assert token == Token("a1", NOW + 3599, "r1", "")
    [(path, form)] = provider.asked
    assert path == "/token"
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": "https://relay.example/oauth",
        "code_verifier": "v" * 43,
        "client_id": "app-1",
        "client_secret": "s3cret",
    }


async def test_renewal_with_and_without_rotation(provider) -> None:
    provider.answers = [
        (200, {"access_token": "a2", "refresh_token": "r2", "expires_in": "3600"}),
        (200, {"access_token": "a3"}),
    ]
    asker = client(provider, secret="")
    assert await asker.renew("r1") == Token("a2", NOW + 3600, "r2")
    assert await asker.renew("r2") == Token("a3", NOW + 3600, "")
    assert [form for _, form in provider.asked] == [
        {"grant_type": "refresh_token", "refresh_token": old, "client_id": "app-1"} for old in ("r1", "r2")
    ]


async def test_an_application_of_its_own(provider) -> None:
    provider.answers = [(200, {"access_token": "a", "expires_in": 3599})]
    assert await client(provider).as_application() == Token("a", NOW + 3599)
    assert provider.asked[0][1]["scope"] == "https://outlook.office365.com/.default"


@pytest.mark.parametrize("address", ["verification_uri", "verification_url"])
async def test_consent_on_another_device(provider, address) -> None:
    provider.answers = [
        (200, {"device_code": "d", "user_code": "ABCD", address: "https://x.example/device", "expires_in": 900}),
        (400, {"error": "authorization_pending"}),
        (400, {"error": "slow_down"}),
        (428, {"error": "authorization_pending"}),
        (200, {"access_token": "a", "refresh_token": "r", "expires_in": 60}),
    ]
    asker = client(provider)
    code = await asker.device_start()
    assert code == DeviceCode("d", "ABCD", "https://x.example/device", 5.0, NOW + 900)
    found = [await asker.device_poll(code) for _ in range(4)]
    assert [each.why for each in found[:3]] == [Why.PENDING, Why.SLOW_DOWN, Why.PENDING]
    assert found[3] == Token("a", NOW + 60, "r")


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (400, REVOKED, Why.RECONNECT),
        (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, Why.RECONNECT),
        (400, {"error": "interaction_required", "suberror": "basic_action"}, Why.RECONNECT),
        (400, {"error": "expired_token"}, Why.RECONNECT),
        (400, {"error": "access_denied"}, Why.DENIED),
        (401, {"error": "invalid_client", "error_description": "AADSTS7000222: expired keys"}, Why.MISCONFIGURED),
        (401, {"error": "invalid_client"}, Why.MISCONFIGURED),
        (400, {"error": "invalid_scope"}, Why.MISCONFIGURED),
        (400, {"error": "temporarily_unavailable"}, Why.TEMPORARY),
        (503, {"error": "invalid_grant"}, Why.TEMPORARY),
        (429, {"error": "invalid_request"}, Why.TEMPORARY),
        (500, b"<html>oops</html>", Why.TEMPORARY),
        (200, b"not json", Why.TEMPORARY),
        (200, b"[" * 100_000, Why.TEMPORARY),
        (200, [], Why.TEMPORARY),
        (200, {}, Why.TEMPORARY),
        (200, {"access_token": 7}, Why.TEMPORARY),
        (200, {"access_token": "a", "error": "invalid_grant"}, Why.RECONNECT),
        (302, b"", Why.TEMPORARY),
        (200, b'{"access_token": "' + b"x" * 70_000 + b'"}', Why.TEMPORARY),
    ],
)
async def test_what_goes_wrong(provider, status, answer, why) -> None:
    provider.answers = [(status, answer)]
    found = await client(provider).renew("r1")
    assert isinstance(found, NoToken)
    assert found.why is why
    assert found.words.isprintable()
    assert len(provider.asked) == 1


async def test_the_providers_words_reach_people(provider) -> None:
    provider.answers = [(400, REVOKED)]
    found = await client(provider).renew("r1")
    assert found.words.startswith("invalid_grant: AADSTS50173: The provided grant has expired")


async def test_nobody_there_is_temporary() -> None:
    endpoints = Endpoints("http://127.0.0.1:9/a", "http://127.0.0.1:9/t")
    found = await OAuthClient(endpoints, Application("a")).renew("r")
    assert found.why is Why.TEMPORARY


@pytest.mark.parametrize("url", ["http://login.example/token", "ftp://127.0.0.1/x", ""])
async def test_secrets_go_nowhere_in_the_clear(url) -> None:
    found = await OAuthClient(Endpoints("", url), Application("a", "s")).renew("r")
    assert found == NoToken(Why.MISCONFIGURED, "the endpoint is not reached by https")


def test_secrets_are_not_printed() -> None:
    assert "s3cret" not in repr(Application("a", "s3cret"))
    assert "s3cret" not in repr(Token("s3cret", 0.0, "s3cret"))
    assert "s3cret" not in repr(DeviceCode("s3cret", "AB", "", 5.0, 0.0))

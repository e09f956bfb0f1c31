"""OAuth 2.0 as a client that sends mail for somebody: how to be let in, and how to stay in.

1. `consent_url` is where a person says yes (RFC 6749 4.1.1, PKCE by RFC 7636); `redeem` turns the code into a token.
2. `device_start` and `device_poll` are the same for who has no browser at hand (RFC 8628).
3. `as_application` needs no person, only an administrator's permission (RFC 6749 4.4).
4. `renew` gets the next access token (RFC 6749 6). Its answer may hold a new refresh token, and the old one may be
   worth nothing from then on: whoever calls keeps the new one before using what came with it.

Endpoints are data (`Endpoints`), so that other providers can be added and tests bring their own. What an endpoint says
is a `Token` or a `NoToken`, never an exception. httpx2 is imported when the first question is asked.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode, urlsplit

from relay.net.client import tls_context

SECONDS = 20.0
LARGEST = 64 * 1024  # octets of an answer
USUAL_LIFETIME = 3600.0  # seconds, where an answer does not say (RFC 6749 5.1 leaves it open)
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked, and for what. ``scope`` is for a person's consent, ``application_scope`` for an
    application's own; ``consent`` are further parameters of the page where a person agrees."""

    authorize: str
    token: str
    device: str = ""
    scope: str = ""
    application_scope: str = ""
    consent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Application:
    """Who we are at a provider. The secret is never printed."""

    client_id: str
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """What lets us in until ``expires_at`` (seconds since 1970). ``refresh_token`` is empty where none was given: the
    one that is known stays good. ``names`` are those of the account, where the provider tells them (an ID token)."""

    access_token: str = field(repr=False)
    expires_at: float
    refresh_token: str = field(default="", repr=False)
    scope: str = ""
    names: tuple[str, ...] = ()


class Why(StrEnum):
    """PENDING: the person has not answered yet. SLOW_DOWN: nor that, and we ask too often. RECONNECT: a person has to
    agree anew. DENIED: somebody said no. MISCONFIGURED: the provider does not know us. TEMPORARY: try again later."""

    PENDING = "pending"
    SLOW_DOWN = "slow_down"
    RECONNECT = "reconnect"
    DENIED = "denied"
    MISCONFIGURED = "misconfigured"
    TEMPORARY = "temporary"


ERRORS = {  # RFC 6749 4.1.2.1 and 5.2, RFC 8628 3.5; what is not here is temporary
    "authorization_pending": Why.PENDING,
    "slow_down": Why.SLOW_DOWN,
    "invalid_grant": Why.RECONNECT,
    "expired_token": Why.RECONNECT,
    "interaction_required": Why.RECONNECT,  # this and the next two: OpenID Connect Core 3.1.2.6
    "login_required": Why.RECONNECT,
    "consent_required": Why.RECONNECT,
    "access_denied": Why.DENIED,
    "admin_policy_enforced": Why.DENIED,  # Google, as are the next two
    "disabled_client": Why.MISCONFIGURED,
    "deleted_client": Why.MISCONFIGURED,
    "invalid_client": Why.MISCONFIGURED,
    "unauthorized_client": Why.MISCONFIGURED,
    "unsupported_grant_type": Why.MISCONFIGURED,
    "invalid_scope": Why.MISCONFIGURED,
    "invalid_request": Why.MISCONFIGURED,
}


@dataclass(frozen=True, slots=True)
class NoToken:
    """Why there is none, in a word for us and in the provider's own words for people."""

    why: Why
    words: str = ""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a person types (``user_code``) at ``address``; we ask again every ``interval`` seconds."""

    device_code: str = field(repr=False)
    user_code: str
    address: str
    interval: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """One application at one provider. ``ca_file`` holds further authorities; ``now`` tells seconds since 1970."""

    endpoints: Endpoints
    application: Application
    ca_file: str = ""
    now: Callable[[], float] = time.time

    def consent_url(self, redirect_uri: str, state: str, verifier: str, login_hint: str = "") -> str:
        """The page where a person agrees; ``verifier`` is a secret of 43 to 128 characters, kept until `redeem`."""
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        parameters = {
            "client_id": self.application.client_id,
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "scope": self.endpoints.scope,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **({"login_hint": login_hint} if login_hint else {}),
            **self.endpoints.consent,
        }
        return f"{self.endpoints.authorize}?{urlencode(parameters)}"

    async def redeem(self, code: str, redirect_uri: str, verifier: str) -> Token | NoToken:
        """The token for the code that the person's browser brought back."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self.token({**form, "code_verifier": verifier})

    async def renew(self, refresh_token: str) -> Token | NoToken:
        """The next token."""
        return await self.token({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def as_application(self) -> Token | NoToken:
        """A token for the application itself."""
        return await self.token({"grant_type": "client_credentials", "scope": self.endpoints.application_scope})

    async def device_start(self) -> DeviceCode | NoToken:
        """Begin a consent on another device."""
        form = {"client_id": self.application.client_id, "scope": self.endpoints.scope}
        answer = await self.post(self.endpoints.device, form)
        if isinstance(answer, NoToken):
            return answer
        try:
            return DeviceCode(
                str(answer["device_code"]),
                str(answer["user_code"]),
                str(answer.get("verification_uri") or answer["verification_url"]),  # Google has it the second way
                float(answer.get("interval", 5)),  # RFC 8628 3.2
                self.now() + float(answer["expires_in"]),
            )
        except (KeyError, TypeError, ValueError):
            return NoToken(Why.TEMPORARY, "the answer lacks what a device code needs")

    async def device_poll(self, code: DeviceCode) -> Token | NoToken:
        """The token, once the person has agreed."""
        return await self.token({"grant_type": DEVICE_GRANT, "device_code": code.device_code})

    async def token(self, form: Mapping[str, str]) -> Token | NoToken:
        """Ask the token endpoint (RFC 6749 3.2)."""
        ours = {"client_id": self.application.client_id}
        if self.application.client_secret:
            ours["client_secret"] = self.application.client_secret
        answer = await self.post(self.endpoints.token, {**form, **ours})
        return answer if isinstance(answer, NoToken) else self.token_of(answer)

    def token_of(self, answer: Mapping[str, Any]) -> Token | NoToken:
        """A successful answer as a token (RFC 6749 5.1)."""
        access_token, refresh_token = answer.get("access_token"), answer.get("refresh_token", "")
        if not isinstance(access_token, str) or not access_token or not isinstance(refresh_token, str):
            return NoToken(Why.TEMPORARY, "the answer holds no token")
        try:
            lifetime = max(float(answer.get("expires_in", USUAL_LIFETIME)), 0.0)
        except (TypeError, ValueError):
            lifetime = USUAL_LIFETIME
        names = account_names(answer.get("id_token"))
        return Token(access_token, self.now() + lifetime, refresh_token, str(answer.get("scope", "")), names)

    async def post(self, url: str, form: Mapping[str, str]) -> dict[str, Any] | NoToken:
        """Send a form; the JSON object that comes back, or what went wrong. Raises OSError when ``ca_file`` cannot be
        read."""
        import httpx2  # noqa: PLC0415

        if not is_secure(url):
            return NoToken(Why.MISCONFIGURED, "the endpoint is not reached by https")
        context = tls_context(True, self.ca_file)
        try:
            async with (
                asyncio.timeout(SECONDS),
                httpx2.AsyncClient(verify=context, trust_env=False, follow_redirects=False, timeout=SECONDS) as client,
                client.stream("POST", url, data=dict(form), headers={"Accept": "application/json"}) as response,
            ):
                body = b""
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST:
                        return NoToken(Why.TEMPORARY, "the answer is too large")
                return answer_of(response.status_code, body)
        except TimeoutError:
            return NoToken(Why.TEMPORARY, f"{urlsplit(url).hostname}: no answer within {SECONDS:g} s")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return NoToken(Why.TEMPORARY, f"{urlsplit(url).hostname}: {error or type(error).__name__}")


def account_names(id_token: object) -> tuple[str, ...]:
    """The names of an account in an ID token. It came straight from the token endpoint over TLS, so that its signature
    need not be looked at (OpenID Connect Core 3.1.3.7, step 6)."""
    found = claims(id_token)
    names = (found.get(name) for name in ("email", "preferred_username", "upn"))
    return tuple(dict.fromkeys(one_line(name) for name in names if isinstance(name, str) and name))


def claims(token: object) -> dict[str, Any]:
    """What a JSON Web Token says (RFC 7519 3), unverified; nothing where it is none."""
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_secure(url: str) -> bool:
    """True for https, and for http to this machine (tests, sidecars): secrets go nowhere else in the clear."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"})


def answer_of(status: int, body: bytes) -> dict[str, Any] | NoToken:
    """An answer of an endpoint. 5xx and 429 are temporary, whatever they say (RFC 6749 5.2 uses 400 and 401)."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        return NoToken(Why.TEMPORARY, f"the answer is no JSON object (status {status})")
    error = str(answer.get("error") or "")
    if status == 200 and not error:
        return answer
    words = one_line(f"{error}: {answer.get('error_description') or ''}".strip(": "))
    temporary = status >= 500 or status == 429
    return NoToken(Why.TEMPORARY if temporary else ERRORS.get(error, Why.TEMPORARY), words or f"status {status}")


def one_line(text: str) -> str:
    """A provider's words on one line, at most 300 characters."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))[:300]

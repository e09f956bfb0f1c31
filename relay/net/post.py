"""POST of a small document to a server that an operator named: webhooks.

One try is one request: no redirect is followed, nothing comes from the environment, and the certificate is verified.
What the other side does is a value (`Posted`, `Unposted`), never an exception. httpx2 is imported at the first request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from relay.net.client import tls_context

if TYPE_CHECKING:
    from httpx2 import AsyncClient

SECONDS = 15.0  # for all of one request
MOST_CONNECTIONS = 20
LONGEST = 200  # characters of an error or answer that are kept


@dataclass(frozen=True, slots=True)
class Posted:
    """The other side answered; ``text`` is the beginning of what it said."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Unposted:
    """Nobody answered, and why."""

    reason: str


class Poster:
    """Sends documents over connections that it keeps for the next ones."""

    def __init__(self, ca_file: str = "", seconds: float = SECONDS) -> None:
        """``ca_file`` holds further authorities (PEM)."""
        self.ca_file = ca_file
        self.seconds = seconds
        self.http: AsyncClient | None = None

    def client(self) -> AsyncClient:
        """The HTTP client, made when it is first needed. Raises OSError when ``ca_file`` cannot be read."""
        import httpx2  # noqa: PLC0415

        if self.http is None:
            self.http = httpx2.AsyncClient(
                verify=tls_context(True, self.ca_file),
                trust_env=False,
                follow_redirects=False,
                timeout=self.seconds,
                limits=httpx2.Limits(max_connections=MOST_CONNECTIONS),
            )
        return self.http

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted | Unposted:
        """One request."""
        import httpx2  # noqa: PLC0415

        try:
            async with (
                asyncio.timeout(self.seconds),
                self.client().stream("POST", url, content=body, headers=dict(headers)) as response,
            ):
                said = b""
                async for octets in response.aiter_raw(4096):
                    said = octets[: LONGEST * 4]
                    break
                return Posted(response.status_code, shown(said.decode("utf-8", "replace")))
        except (TimeoutError, httpx2.TimeoutException):
            return Unposted(f"no answer within {self.seconds:g} s")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Unposted(shown(str(error)) or type(error).__name__)

    async def close(self) -> None:
        """Close what connections there are."""
        if self.http is not None:
            await self.http.aclose()


def shown(text: str) -> str:
    """One printable line of somebody else's text."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line[:LONGEST]


def unfit(url: str) -> str:
    """Why nothing can be posted to a URL, or nothing: it must be https, or http to this machine or network."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return str(error)
    del port
    if parts.scheme not in {"https", "http"} or not host:
        return "a URL begins with https:// and names a host"
    if parts.username is not None or parts.fragment:
        return "a URL here has no login and no fragment"
    if parts.scheme == "http" and not is_near(host):
        return "http is for this machine and private addresses only: beyond them everybody can read it; use https"
    return ""


def is_near(host: str) -> bool:
    """True for this machine and for addresses that are not public."""
    if host == "localhost":
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False

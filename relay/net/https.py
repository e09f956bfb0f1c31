"""GET of a small file from somebody else's server by HTTPS: MTA-STS policies (RFC 8461 3.3), brand indicators.

1. `fetch` asks our resolver for the host's addresses; only public ones are dialled, since whoever owns the name chooses
   them (``private`` lifts that).
2. It connects to an address, names the host in TLS (SNI) and checks the certificate for that name.
3. It reads at most ``most`` octets, all within ``seconds``. A redirect is an answer, never followed (RFC 8461 3.3).

No proxy or credentials from the environment, no cookies, no cache. What a server does is a value, never an exception.
httpx2 is imported when the first file is fetched.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING

from relay.net.client import tls_context
from relay.net.dns import Records, Resolver, Unknown

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

PORT = 443
LARGEST = 64 * 1024  # octets: RFC 8461 3.3
SECONDS = 5.0
CHUNK = 4096


class Fault(StrEnum):
    """Why there is no file. UNKNOWN: DNS did not say where the host is. FORBIDDEN: it has no public address."""

    UNKNOWN = "unknown"
    NO_ADDRESS = "no_address"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    CERTIFICATE = "certificate"
    TLS = "tls"
    PROTOCOL = "protocol"
    REDIRECT = "redirect"
    STATUS = "status"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file: its media type in lower case without parameters (RFC 9110 8.3.1), and all of its octets."""

    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Unfetched:
    """No file: ``detail`` is the reason of DNS or of TLS, the status, where a redirect leads, or the error."""

    fault: Fault
    detail: str = ""

    @property
    def is_undecided(self) -> bool:
        """True where the reason may as well be on our side, so that nothing follows for the host."""
        return self.fault in {Fault.UNKNOWN, Fault.UNREACHABLE, Fault.TIMEOUT}


@dataclass(frozen=True, slots=True)
class HttpsClient:
    """The same for every fetch: port, further authorities (a PEM file), whether private addresses may be dialled, how
    long all of it may take (seconds), and the largest file (octets)."""

    port: int = PORT
    ca_file: str = ""
    private: bool = False
    seconds: float = SECONDS
    most: int = LARGEST


async def fetch(resolver: Resolver, client: HttpsClient, host: str, target: str) -> Fetched | Unfetched:
    """The file at ``target`` (path and query) of a host. Raises OSError when ``client.ca_file`` cannot be read."""
    context = tls_context(True, client.ca_file)
    try:
        async with asyncio.timeout(client.seconds):
            addresses = await host_addresses(resolver, host, private=client.private)
            if isinstance(addresses, Unfetched):
                return addresses
            return await first_answer(context, client, host, target, addresses)
    except TimeoutError:
        return Unfetched(Fault.TIMEOUT, f"{client.seconds:g} s")


async def host_addresses(resolver: Resolver, host: str, *, private: bool) -> tuple[str, ...] | Unfetched:
    """Where a host may be dialled, IPv4 first."""
    answers = await asyncio.gather(resolver.lookup(host, "A"), resolver.lookup(host, "AAAA"))
    found = [str(value) for answer in answers if isinstance(answer, Records) for value in answer.values]
    public = tuple(address for address in found if private or ip_address(address).is_global)
    if public:
        return public
    unknown = [answer.reason for answer in answers if isinstance(answer, Unknown)]
    if unknown:
        return Unfetched(Fault.UNKNOWN, unknown[0])
    return Unfetched(Fault.FORBIDDEN, found[0]) if found else Unfetched(Fault.NO_ADDRESS)


async def first_answer(
    context: ssl.SSLContext, client: HttpsClient, host: str, target: str, addresses: Sequence[str]
) -> Fetched | Unfetched:
    """What the first address says that can be connected to."""
    import httpx2  # noqa: PLC0415

    fault = Unfetched(Fault.UNREACHABLE)
    patience = client.seconds / min(len(addresses), 4)
    async with httpx2.AsyncClient(
        verify=context, trust_env=False, follow_redirects=False, timeout=httpx2.Timeout(None, connect=patience)
    ) as http:
        for address in addresses:
            try:
                async with asked(http, client, host, target, address) as response:
                    return await read_answer(response, client.most)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                fault = fault_of(error)
            if fault.fault not in {Fault.REFUSED, Fault.UNREACHABLE, Fault.TIMEOUT}:
                break
    return fault


@asynccontextmanager
async def asked(
    http: AsyncClient, client: HttpsClient, host: str, target: str, address: str
) -> AsyncIterator[Response]:
    """The beginning of an answer. The address goes into the URL, the name into TLS and ``Host``."""
    literal = f"[{address}]" if ":" in address else address
    named = host if client.port == PORT else f"{host}:{client.port}"
    headers = {"Host": named, "Accept-Encoding": "identity", "User-Agent": "platform-relay"}
    url = f"https://{literal}:{client.port}{target}"
    async with http.stream("GET", url, headers=headers, extensions={"sni_hostname": host}) as response:
        yield response


async def read_answer(response: Response, most: int) -> Fetched | Unfetched:
    """The file, unless the answer is something else or too large; no more is read than that takes."""
    if response.has_redirect_location:
        return Unfetched(Fault.REDIRECT, response.headers["Location"])
    if response.status_code != 200:  # RFC 8461 3.3
        return Unfetched(Fault.STATUS, str(response.status_code))
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return Unfetched(Fault.PROTOCOL, "a content encoding that was not asked for")
    body = bytearray()
    async for octets in response.aiter_raw(CHUNK):
        body += octets
        if len(body) > most:
            return Unfetched(Fault.TOO_LARGE, str(most))
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Fetched(media_type, bytes(body))


def fault_of(error: Exception) -> Unfetched:
    """What went wrong, from the first error of all those that led to this one."""
    import httpx2  # noqa: PLC0415

    causes = tuple(causes_of(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unfetched(Fault.CERTIFICATE, cause.verify_message)
    if isinstance(error, httpx2.TimeoutException):
        return Unfetched(Fault.TIMEOUT)
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return Unfetched(Fault.TLS, cause.reason or str(cause))
        if isinstance(cause, ConnectionRefusedError):
            return Unfetched(Fault.REFUSED)
    if isinstance(error, httpx2.ConnectError):
        return Unfetched(Fault.UNREACHABLE, str(causes[-1]))
    return Unfetched(Fault.PROTOCOL, str(error))


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error, and those before it that led to it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__

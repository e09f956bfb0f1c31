"""POST of a small document to a place that a stranger chose, such as the ``rua`` of RFC 8460 3.

The same rules as for `relay.net.https.fetch`: our resolver, public addresses only, a certificate for the name, no
redirects, all within ``client.seconds``.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from relay.net.client import tls_context
from relay.net.dns import Resolver
from relay.net.https import PORT, HttpsClient, Unfetched, fault_of, host_addresses


async def post(resolver: Resolver, client: HttpsClient, url: str, body: bytes, media_type: str) -> str:
    """Hand a document in at an ``https:`` URL: nothing when it was taken (2xx), else why not. Raises OSError when
    ``client.ca_file`` cannot be read."""
    import httpx2  # noqa: PLC0415

    context = tls_context(True, client.ca_file)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or client.port
    except ValueError as error:
        return str(error)
    named = host if port == PORT else f"{host}:{port}"
    headers = {"Host": named, "Content-Type": media_type, "User-Agent": "platform-relay"}
    try:
        async with (
            asyncio.timeout(client.seconds),
            httpx2.AsyncClient(verify=context, trust_env=False, follow_redirects=False, timeout=None) as http,
        ):
            addresses = await host_addresses(resolver, host, private=client.private)
            if isinstance(addresses, Unfetched):
                return f"{addresses.fault} {addresses.detail}".rstrip()
            literal = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
            place = f"https://{literal}:{port}{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
            response = http.stream("POST", place, content=body, headers=headers, extensions={"sni_hostname": host})
            async with response as answer:
                return "" if answer.is_success else f"status {answer.status_code}"
    except TimeoutError:
        return f"no answer within {client.seconds:g} s"
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        fault = fault_of(error)
        return f"{fault.fault} {fault.detail}".rstrip()

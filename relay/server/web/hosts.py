"""Only requests for our own name are answered: no page can point its own name at us and read us (DNS rebinding)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import Request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from relay.server.web.context import WebContext
    from relay.server.web.pages import Pages


class AllowedHosts:
    """Answers 421 (RFC 9110 15.5.20) when the Host of a request does not name us.

    An address is always ours: only a *name* can be pointed somewhere else.
    """

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self.app = app
        self.pages = pages
        self.names = own_names(pages.context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.names or self.own(Request(scope)):
            await self.app(scope, receive, send)
        else:
            await self.pages.failure(Request(scope), 421)(scope, receive, send)

    def own(self, request: Request) -> bool:
        """True when exactly one Host names us."""
        given = [host_name(host) for host in request.headers.getlist("host")]
        return len(given) == 1 and (given[0] in self.names or is_address(given[0]))


def own_names(context: WebContext) -> frozenset[str]:
    """The names that we answer to; empty when any will do: without the inbox only who holds a token sees anything."""
    if context.allowed_hosts:
        return frozenset(name.lower() for name in context.allowed_hosts)
    return (
        frozenset({"localhost", urlsplit(context.platform.base_url).hostname or ""}) if context.inbox else frozenset()
    )


def host_name(host: str) -> str:
    """The name in a Host field, without port and brackets, in lower case (RFC 9110 7.2)."""
    bare = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return bare.lower().rstrip(".")


def is_address(name: str) -> bool:
    """True for an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

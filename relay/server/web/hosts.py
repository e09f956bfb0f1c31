"""Only requests for our own names are answered: a page of somebody else's cannot rebind its name to us (DNS rebinding)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from relay.server.web.pages import Pages

HEALTH = ("/healthz", "/readyz")  # asked for by address, and they tell nothing


class AllowedHosts:
    """Answers 421 (RFC 9110 15.5.20) when the Host of a request is not on the list."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self.app = app
        self.pages = pages
        self.names = frozenset(name.lower() for name in pages.context.allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.names or scope["path"] in HEALTH or self.own(Request(scope)):
            await self.app(scope, receive, send)
        else:
            await self.pages.failure(Request(scope), 421)(scope, receive, send)

    def own(self, request: Request) -> bool:
        """True when exactly one Host names us."""
        given = request.headers.getlist("host")
        return len(given) == 1 and host_name(given[0]) in self.names


def host_name(host: str) -> str:
    """The name in a Host field, without port and brackets, in lower case (RFC 9110 7.2)."""
    bare = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    return bare.lower().rstrip(".")

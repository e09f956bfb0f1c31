"""The pages: confirm and withdraw, health, and the development inbox. Server-rendered, complete without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from relay.server.web.account import AccountPages
from relay.server.web.api import MessagesApi
from relay.server.web.check import CheckPages
from relay.server.web.confirm import LinkPages
from relay.server.web.context import WebContext
from relay.server.web.health import HealthPages
from relay.server.web.hosts import AllowedHosts
from relay.server.web.inbox import InboxPages
from relay.server.web.pages import Pages, serve_static

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["WebContext", "create_app"]


def create_app(context: WebContext) -> Starlette:
    """The web application of one process."""
    pages = Pages(context)
    routes = [
        *HealthPages(context).routes(),
        *LinkPages(pages).routes(),
        Route("/static/{name}", serve_static, methods=["GET"]),
        *(CheckPages(pages, context.checks).routes() if context.checks else []),
        *(AccountPages(pages, context.accounts).routes() if context.accounts else []),
        *(inbox_routes(pages) if context.inbox else []),
    ]

    def guard(app: ASGIApp) -> AllowedHosts:
        return AllowedHosts(app, pages)

    app = Starlette(
        routes=routes,
        middleware=[Middleware(guard)],
        exception_handlers={HTTPException: pages.on_http_error, Exception: pages.on_defect},
    )
    app.router.redirect_slashes = False  # a redirect would repeat the Host that the client sent
    return app


def inbox_routes(pages: Pages) -> list[Route]:
    """The development inbox, for people and for tests."""
    inbox = InboxPages(pages)
    return [*inbox.routes(), *MessagesApi(inbox).routes()]

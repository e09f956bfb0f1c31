"""For monitors: ``/healthz`` says that the process answers, ``/readyz`` that its store does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.routing import Route

from relay.server.web.pages import plain_text
from relay.store.database import StoreError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from relay.server.web.context import WebContext

PATIENCE = 5.0  # seconds that the store may take


class HealthPages:
    """Both answers, as plain text."""

    def __init__(self, context: WebContext) -> None:
        self.context = context

    def routes(self) -> list[Route]:
        """Where the answers are found."""
        return [
            Route("/healthz", self.healthy, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
        ]

    async def healthy(self, _request: Request) -> Response:
        """We are here."""
        return plain_text("ok\n")

    async def ready(self, _request: Request) -> Response:
        """503 while the store does not answer, whatever the reason."""
        try:
            await asyncio.wait_for(self.context.group.read(lambda store: store.messages(limit=1)), PATIENCE)
        except (StoreError, TimeoutError):
            return plain_text("the store does not answer\n", 503)
        return plain_text("ok\n")

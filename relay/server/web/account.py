"""Where an OAuth provider sends a browser back to (RFC 6749 4.1.2): the account is connected, or why it is not.

What the provider says went wrong changes nothing, since anybody can write it into an address. Only a code uses a link.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route

from relay.net.oauth import one_line
from relay.server.oauth_apps import CALLBACK
from relay.server.oauth_connect import Accounts, Ended, Standing
from relay.server.web.forms import Misses

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from relay.server.web.pages import Pages

log = logging.getLogger("relay.oauth")

STATUS = {Standing.CONNECTED: 200, Standing.UNKNOWN: 404, Standing.EXPIRED: 410, Standing.USED: 410}
LONGEST_STATE = 200
LONGEST_CODE = 8192


class AccountPages:
    """The one page; `routes` says where it is."""

    def __init__(self, pages: Pages, accounts: Accounts) -> None:
        self.pages = pages
        self.context = pages.context
        self.accounts = accounts
        self.misses = Misses()

    def routes(self) -> list[Route]:
        """Where the page is found."""
        return [Route(CALLBACK, self.take_answer, methods=["GET"])]

    async def take_answer(self, request: Request) -> Response:
        """The end of it. 429 after too many invented answers; HEAD never uses a link."""
        if request.method != "GET":
            raise HTTPException(405)
        client, now = request.client.host if request.client else "", self.context.now()
        if self.misses.too_many(client, now):
            raise HTTPException(429, headers={"Retry-After": "60"})
        asked = request.query_params
        state, code = asked.get("state", "")[:LONGEST_STATE], asked.get("code", "")
        if code and len(code) <= LONGEST_CODE and "error" not in asked:
            end = await self.accounts.answered(state, code)
        else:
            end = await self.unanswered(state, asked.get("error", ""), asked.get("error_description", ""))
        if end.standing is Standing.UNKNOWN:
            self.misses.note(client, now)
        return await self.page(request, end)

    async def unanswered(self, state: str, error: str, description: str) -> Ended:
        """What an answer without a code says of a link (RFC 6749 4.1.2.1)."""
        standing, consent = await self.accounts.asked(state)
        if consent is None:
            return Ended(Standing.UNKNOWN)
        if standing is None:
            standing = Standing.DENIED if error == "access_denied" else Standing.FAILED
        words = one_line(f"{error}: {description}".strip(": "))
        return Ended(standing, consent.tenant_id, consent.username, words=words)

    async def page(self, request: Request, end: Ended) -> Response:
        """What is said of it; the operator is told too, never with the state or the code."""
        tenant = await self.context.group.read(lambda store: store.tenant(end.tenant_id)) if end.tenant_id else None
        if tenant is not None:
            log.info("oauth.%s tenant=%s user=%r words=%r", end.standing, tenant.id, end.username, end.words)
        names = {
            "company": tenant.name if tenant else "",
            "username": end.username,
            "account": end.account,
            "platform": self.context.platform.name,
        }
        good = end.standing is Standing.CONNECTED
        return self.pages.show(
            request,
            "account.html",
            STATUS.get(end.standing, 400),
            key=f"oauth.{end.standing}",
            names=names,
            words=end.words,
            tone="good" if good else "warn",
        )

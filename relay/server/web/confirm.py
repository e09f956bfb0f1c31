"""The pages behind the links of a verification mail: confirm (once) and withdraw (for good). See rule D3.

GET and HEAD only look. A POST needs the nonce of the form and a choice that a person made; no script sends it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from relay.server.web.forms import Misses, read_form
from relay.server.web.links import (
    Link,
    Standing,
    answer_confirm,
    answer_withdraw,
    confirm_link,
    nonce,
    nonce_fits,
    withdraw_link,
)
from relay.server.web.pages import NoSuchLink

if TYPE_CHECKING:
    from starlette.requests import Request

    from relay.server.web.pages import Pages
    from relay.store.store import Store

# What a page says below its lead, and how it looks.
EXTRA = {"confirmed": ("retry", "withdraw"), "withdrawn": ("again",)}
TONES = {
    "confirmed": "good",
    "already": "good",
    "kept": "good",
    "refused": "stop",
    "blocked": "stop",
    "withdrawn": "stop",
}


class LinkPages:
    """Both pages; `routes` says where they are."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.context = pages.context
        self.misses = Misses()

    def routes(self) -> list[Route]:
        """Where the pages are found."""
        return [
            Route("/confirm/{token}", self.show_confirm, methods=["GET"]),
            Route("/confirm/{token}", self.take_confirm, methods=["POST"]),
            Route("/withdraw/{token}", self.show_withdraw, methods=["GET"]),
            Route("/withdraw/{token}", self.take_withdraw, methods=["POST"]),
        ]

    async def show_confirm(self, request: Request) -> Response:
        """The question, or where it stands."""
        return self.confirm_page(request, await self.find(request, confirm_link))

    async def take_confirm(self, request: Request) -> Response:
        """The answer: 403 without our nonce, 422 without a choice."""
        found = await self.find(request, confirm_link)
        choice = await self.choice(request, "confirm")
        if found.asked(self.context.now()) is not Standing.OPEN:
            return self.confirm_page(request, found)
        if choice is None:
            return self.form(request, found, "confirm", 422)
        token, now = request.path_params["token"], self.context.now()
        taken = await self.context.group.write(lambda store: answer_confirm(store, token, yes=choice, now=now))
        if not taken:  # somebody else answered in the meantime
            return self.confirm_page(request, await self.find(request, confirm_link))
        self.log("sender.confirmed" if choice else "sender.refused", found)
        found = await self.find(request, confirm_link)
        return self.notice(request, found, "confirmed" if choice else "refused")

    async def show_withdraw(self, request: Request) -> Response:
        """The question, or where it stands."""
        return self.withdraw_page(request, await self.find(request, withdraw_link))

    async def take_withdraw(self, request: Request) -> Response:
        """The answer: 403 without our nonce, 422 without a choice."""
        found = await self.find(request, withdraw_link)
        choice = await self.choice(request, "withdraw")
        if found.granted is not Standing.CONFIRMED:
            return self.withdraw_page(request, found)
        if choice is None:
            return self.form(request, found, "withdraw", 422)
        if not choice:
            return self.notice(request, found, "kept")
        token, now = request.path_params["token"], self.context.now()
        if await self.context.group.write(lambda store: answer_withdraw(store, token, now=now)):
            self.log("sender.withdrawn", found)
        return self.withdraw_page(request, await self.find(request, withdraw_link))

    async def find(self, request: Request, look: Callable[[Store, str], Link | None]) -> Link:
        """What the link is about. 404, always the same, when we did not make it; 429 after too many of those."""
        client, now = request.client.host if request.client else "", self.context.now()
        if self.misses.too_many(client, now):
            raise HTTPException(429, headers={"Retry-After": "60"})
        token = request.path_params["token"]
        found = await self.context.group.read(lambda store: look(store, token))
        if found is None:
            self.misses.note(client, now)
            raise NoSuchLink
        return found

    async def choice(self, request: Request, purpose: str) -> bool | None:
        """Yes or no, None when nothing was chosen. 403 when the form is not ours."""
        form = await read_form(request)
        if not nonce_fits(self.context.secret, request.path_params["token"], purpose, form.get("nonce", "")):
            raise HTTPException(403)
        return {"yes": True, "no": False}.get(form.get("answer", ""))

    def confirm_page(self, request: Request, found: Link) -> Response:
        """The form while the link is open, else where it stands."""
        match found.asked(self.context.now()):
            case Standing.OPEN:
                return self.form(request, found, "confirm")
            case Standing.EXPIRED:
                return self.notice(request, found, "expired", 410)
            case standing:
                return self.notice(request, found, standing.value)

    def withdraw_page(self, request: Request, found: Link) -> Response:
        """The form while there is something to withdraw, else where it stands."""
        if found.granted is Standing.CONFIRMED:
            return self.form(request, found, "withdraw")
        return self.notice(request, found, found.granted.value)

    def form(self, request: Request, found: Link, purpose: str, status: int = 200) -> Response:
        """The question with its two answers; 422 says that one must be chosen."""
        secret = nonce(self.context.secret, request.path_params["token"], purpose)
        return self.pages.show(
            request, "question.html", status, key=purpose, link=found, nonce=secret, missing=status == 422
        )

    def notice(self, request: Request, found: Link, key: str, status: int = 200) -> Response:
        """A page that only says something."""
        tone = TONES.get(key, "warn")
        return self.pages.show(request, "notice.html", status, key=key, tone=tone, link=found, extra=EXTRA.get(key, ()))

    def log(self, event: str, found: Link) -> None:
        """Tell the operator what a person decided; never with the token."""
        self.context.log(event, {"tenant": found.tenant.id, "address": str(found.address)})

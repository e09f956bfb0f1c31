"""`/api/v1/messages` of the development inbox: what tests ask of it. Only for `relay dev`."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from relay.mail.search import Search, parse_search
from relay.server.web.caught import AT_ONCE, entry_json, found, list_entries, opened_json
from relay.server.web.extract import codes, links
from relay.server.web.pages import json

if TYPE_CHECKING:
    from starlette.requests import Request

    from relay.server.web.caught import Entry
    from relay.server.web.inbox import InboxPages
    from relay.store.store import Store

LONGEST_WAIT = 60.0  # seconds
LOOK_EVERY = 0.05  # seconds
MOST = 200
FIELDS = ("from", "to", "subject", "tenant", "document", "has", "before", "after")


class MessagesApi:
    """Lists, waits for, opens and deletes what was caught; ``inbox`` reads it."""

    def __init__(self, inbox: InboxPages) -> None:
        self.inbox = inbox
        self.group = inbox.context.group

    def routes(self) -> list[Route]:
        """Where it is found."""
        return [
            Route("/api/v1/messages", self.listed, methods=["GET"]),
            Route("/api/v1/messages", self.delete, methods=["DELETE"]),
            Route("/api/v1/messages/latest", self.latest, methods=["GET"]),
            Route("/api/v1/messages/{id}", self.one, methods=["GET"]),
        ]

    async def listed(self, request: Request) -> Response:
        """The newest first; with ``wait`` once ``count`` are there, or what there is when the time is up."""
        try:
            search, wait = search_of(request), seconds_of(request)
            count, limit = number_of(request, "count", 1), number_of(request, "limit", MOST)
        except ValueError as error:
            return problem(400, str(error))
        entries = await self.awaited(search, wait, count, limit)
        return json({"messages": [entry_json(entry) for entry in entries]})

    async def latest(self, request: Request) -> Response:
        """The newest that fits, whole; with ``wait`` once there is one. 404 when there is none."""
        try:
            search, wait = search_of(request), seconds_of(request)
        except ValueError as error:
            return problem(400, str(error))
        entries = await self.awaited(search, wait, 1, 1)
        if not entries:
            return problem(404, f"no message fits within {wait:g} s")
        request.path_params["id"] = entries[0].message.id
        return await self.one(request)

    async def one(self, request: Request) -> Response:
        """A message with its text, HTML, attachments, links and codes."""
        opened = await self.inbox.open(request)
        content = await self.inbox.content(opened)
        attachments = [
            {"name": each.name, "type": each.content_type, "size": len(each.data)} for each in content.attachments
        ]
        told: dict[str, Any] = {
            "text": content.text,
            "html": content.html,
            "attachments": attachments,
            "links": links(content),
            "codes": codes(content),
        }
        return json(opened_json(opened) | told)

    async def delete(self, request: Request) -> Response:
        """Delete what fits a search, or with ``all=yes`` everything."""
        try:
            search = search_of(request)
        except ValueError as error:
            return problem(400, str(error))
        if search == Search() and request.query_params.get("all") != "yes":
            return problem(400, "say what to delete, such as ?to=klant@customer.example, or ?all=yes")
        count = 0
        while some := await self.group.write(partial(delete_some, search)):
            count += some
        return json({"deleted": count})

    async def awaited(self, search: Search, wait: float, count: int, limit: int) -> list[Entry]:
        """What fits, once it is enough or the time is up."""
        deadline = time.monotonic() + wait
        while True:
            entries = await self.group.read(lambda store: list_entries(store, max(limit, count), None, search))
            if len(entries) >= count or time.monotonic() >= deadline:
                return entries[: max(limit, count)]
            await asyncio.sleep(LOOK_EVERY)


def delete_some(search: Search, store: Store) -> int:
    """Delete some of what fits; how many."""
    return store.delete_messages([message.id for message in found(store, AT_ONCE, None, search)])


def search_of(request: Request) -> Search:
    """The search of a query: ``q`` as one types it, and each operator as a parameter of its own. Raises ValueError."""
    query = request.query_params
    given = [(name, query[name].replace('"', "")) for name in FIELDS if query.get(name)]
    terms = [query.get("q", ""), *(f'{name}:"{value}"' for name, value in given)]
    search = parse_search(" ".join(terms).replace("\0", ""))
    for name, at in (("before", search.before), ("after", search.after)):
        if query.get(name) and at is None:
            raise ValueError(f"{name}: write a date such as 2026-12-01 or 2026-12-01T09:30")
    return search


def seconds_of(request: Request) -> float:
    """How long to wait. Raises ValueError."""
    try:
        wait = float(request.query_params.get("wait", "0"))
    except ValueError:
        wait = -1.0
    if not 0 <= wait <= LONGEST_WAIT:
        raise ValueError(f"wait: a number of seconds, {LONGEST_WAIT:g} at most")
    return wait


def number_of(request: Request, name: str, default: int) -> int:
    """A number of messages. Raises ValueError."""
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:6]) <= MOST:
        raise ValueError(f"{name}: a number from 1 to {MOST}")
    return int(text)


def problem(status: int, text: str) -> JSONResponse:
    """What was wrong, and what to do."""
    answer = json({"error": text})
    answer.status_code = status
    return answer

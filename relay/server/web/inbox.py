"""The development inbox: what was caught, what left instead of what came in, and why. Only for `relay dev`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from relay.mail.search import parse_search
from relay.server.web.caught import Entry, Opened, entry_json, list_entries, open_entry, opened_json
from relay.server.web.pages import FRAMED, INERT, LIVELY, PROTECTED, json, plain_text
from relay.server.web.parts import Content, read_content
from relay.store.model import MessageKind

if TYPE_CHECKING:
    from starlette.requests import Request

    from relay.server.web.pages import Pages

A_PAGE = 50
MOST_A_PAGE = 200
LONGEST_SEARCH = 200
SHOWN_SOURCE = 200_000  # characters


class InboxPages:
    """The list, a message, and its parts; `routes` says where they are."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.context = pages.context

    def routes(self) -> list[Route]:
        """Where the pages are found."""
        get = ["GET"]
        return [
            Route("/", self.show_list, methods=get),
            Route("/messages.json", self.list_json, methods=get),
            Route("/messages/{id}.json", self.message_json, methods=get),
            Route("/messages/{id}", self.show_message, methods=get),
            Route("/messages/{id}/html", self.html_part, methods=get),
            Route("/messages/{id}/text", self.text_part, methods=get),
            Route("/messages/{id}/source", self.source, methods=get),
            Route("/messages/{id}/attachments/{number:int}", self.download, methods=get),
        ]

    async def show_list(self, request: Request) -> Response:
        """What was caught, newest first."""
        if wants_json(request):
            return await self.list_json(request)
        search, before, limit = asked_for(request)
        entries, older = await self.listed(search, before, limit)
        return self.pages.show(
            request,
            "inbox.html",
            policy=LIVELY,
            entries=entries,
            search=search,
            before=before,
            older=urlencode({"before": older} | ({"q": search} if search else {})) if older else "",
            hints=self.context.hints,
        )

    async def list_json(self, request: Request) -> Response:
        """The same for programs; ``older`` is what to ask for with ``before`` next, or null."""
        entries, older = await self.listed(*asked_for(request))
        return json({"messages": [entry_json(entry) for entry in entries], "older": older})

    async def listed(self, search: str, before: str | None, limit: int) -> tuple[list[Entry], str | None]:
        """At most ``limit`` entries, and the id of the last one when there are more."""
        wanted = parse_search(search)
        entries = await self.context.group.read(lambda store: list_entries(store, limit + 1, before, wanted))
        return entries[:limit], entries[limit - 1].message.id if len(entries) > limit else None

    async def show_message(self, request: Request) -> Response:
        """One message: before and after, its content, its deliveries."""
        if wants_json(request):
            return await self.message_json(request)
        opened = await self.open(request)
        content = await self.content(opened)
        view = chosen_view(request.query_params.get("view", ""), opened, content)
        shown = shown_text(view, opened, content)
        return self.pages.show(
            request,
            "message.html",
            policy=LIVELY,
            opened=opened,
            entry=opened.entry,
            message=opened.entry.message,
            content=content,
            view=view,
            shown=shown[:SHOWN_SOURCE],
            cut=len(shown) > SHOWN_SOURCE,
        )

    async def message_json(self, request: Request) -> Response:
        """The same for programs, with the text and what can be downloaded."""
        opened = await self.open(request)
        content = await self.content(opened)
        attachments = [
            {"name": each.name, "type": each.content_type, "size": len(each.data)} for each in content.attachments
        ]
        return json(opened_json(opened) | {"text": content.text, "html": content.html, "attachments": attachments})

    async def html_part(self, request: Request) -> Response:
        """The HTML of the message, which can neither run scripts nor load anything (see its policy)."""
        content = await self.content(await self.open(request))
        if content.html is None:
            raise HTTPException(404)
        headers = {**PROTECTED, "Content-Security-Policy": FRAMED}
        return Response(content.html.encode("utf-8", "replace"), headers=headers, media_type="text/html")

    async def text_part(self, request: Request) -> Response:
        """The text of the message."""
        content = await self.content(await self.open(request))
        if content.text is None:
            raise HTTPException(404)
        return plain_text(content.text.encode("utf-8", "replace"))

    async def source(self, request: Request) -> Response:
        """The octets as sent, or with ``?which=original`` as they were handed in."""
        opened = await self.open(request)
        return plain_text(opened.source(original=request.query_params.get("which") == "original"))

    async def download(self, request: Request) -> Response:
        """An attachment, never shown by the browser itself."""
        content = await self.content(await self.open(request))
        number = request.path_params["number"]
        if number >= len(content.attachments):
            raise HTTPException(404)
        attachment = content.attachments[number]
        name = quote(attachment.name or f"attachment-{number + 1}", safe="")
        headers = {
            **PROTECTED,
            "Content-Security-Policy": INERT,
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",  # RFC 6266 4.3
        }
        return Response(attachment.data, headers=headers, media_type="application/octet-stream")

    async def open(self, request: Request) -> Opened:
        """The message that the path names, or 404."""
        message_id = request.path_params["id"]
        opened = await self.context.group.read(lambda store: open_entry(store, message_id))
        if opened is None:
            raise HTTPException(404)
        return opened

    async def content(self, opened: Opened) -> Content:
        """What a person sees of it."""
        if opened.body is None:
            return Content(problem="gone")
        return await read_content(opened.source())


def wants_json(request: Request) -> bool:
    """True for a program that asks for JSON and not for a page."""
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def asked_for(request: Request) -> tuple[str, str | None, int]:
    """The search, the place to go on from, and how many."""
    query = request.query_params
    limit = query.get("limit", "")
    count = int(limit) if limit.isascii() and limit.isdecimal() and len(limit) < 6 else A_PAGE
    search = query.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
    return search, query.get("before") or None, min(max(count, 1), MOST_A_PAGE)


def chosen_view(asked: str, opened: Opened, content: Content) -> str:
    """Which view of the content is shown: the one asked for, else what a reader would see."""
    if asked in {"html", "text", "sent", "original"}:
        return asked
    if content.problem:
        return "sent"
    prefers_text = opened.entry.message.kind is not MessageKind.SUBMISSION and content.text is not None
    return "html" if content.html is not None and not prefers_text else "text"


def shown_text(view: str, opened: Opened, content: Content) -> str:
    """The text of a view; nothing for HTML, which has a frame of its own."""
    match view:
        case "text":
            return content.text or ""
        case "sent" | "original":
            return opened.source(original=view == "original").decode("utf-8", "replace")
        case _:
            return ""

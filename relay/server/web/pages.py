"""Rendering: every answer of ours leaves through here, with its language and its protective headers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from relay.server.web.compare import readable, written
from relay.server.web.language import COOKIE, NAMES, Voice, clock, iso, linked, spoken, switch

if TYPE_CHECKING:
    from starlette.requests import Request

    from relay.server.web.context import WebContext

PROTECTED = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STRICT = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
LIVELY = STRICT + "; script-src 'self'; connect-src 'self'; frame-src 'self'"
INERT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
FRAMED = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
A_YEAR = 365 * 86400
STATIC = {"style.css": "text/css", "inbox.js": "text/javascript", "icon.svg": "image/svg+xml"}


class NoSuchLink(HTTPException):
    """A link that nobody mailed: the same answer whatever it looks like (W03)."""

    def __init__(self) -> None:
        super().__init__(404)


class Pages:
    """Renders templates for one context. Names, subjects and all else from outside are escaped by the templates."""

    def __init__(self, context: WebContext) -> None:
        self.context = context
        self.environment = Environment(
            loader=PackageLoader("relay.server.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters["linked"] = linked
        self.environment.globals.update(
            platform=context.platform,
            languages=NAMES,
            asset=asset,
            clock=clock,
            iso=iso,
            readable=readable,
            switch=switch,
            written=written,
        )

    def voice(self, request: Request) -> Voice:
        """The voice that a request is answered in."""
        return Voice(spoken(request, self.context.platform.locale))

    def show(
        self, request: Request, template: str, status: int = 200, *, policy: str = STRICT, **values: Any
    ) -> HTMLResponse:
        """A page from a template."""
        voice = self.voice(request)
        html = self.environment.get_template(template).render(
            voice=voice, t=voice.say, plain=voice.plain, request=request, **values
        )
        headers = {
            **PROTECTED,
            "Content-Security-Policy": policy,
            "Content-Language": voice.language,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Vary": "Accept, Accept-Language, Cookie",
        }
        page = HTMLResponse(html, status, headers)
        if "lang" in request.query_params:
            page.set_cookie(COOKIE, voice.language, max_age=A_YEAR, httponly=True, samesite="lax")
        return page

    def failure(self, request: Request, status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """The page of an HTTP error."""
        known = status if f"page.error.{status}.title" in self.voice(request).sentences else 404
        return self.notice(request, status, f"error.{known}", headers)

    def notice(self, request: Request, status: int, key: str, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """A page that says the sentences under ``key`` and is about no link."""
        page = self.show(request, "notice.html", status, key=key, tone="warn", link=None, extra=())
        page.headers.update(headers or {})
        return page

    async def on_http_error(self, request: Request, error: Exception) -> Response:
        """What Starlette raises for unknown paths and methods, as a page."""
        assert isinstance(error, HTTPException)
        if isinstance(error, NoSuchLink):
            return self.notice(request, 404, "unknown")
        return self.failure(request, error.status_code, error.headers)

    async def on_defect(self, request: Request, _error: Exception) -> Response:
        """An unexpected error: a page that says nothing about it (the log does)."""
        return self.failure(request, 500)


def plain_text(text: str | bytes, status: int = 200) -> PlainTextResponse:
    """Text that no browser takes for anything else."""
    return PlainTextResponse(text, status, {**PROTECTED, "Content-Security-Policy": INERT})


def json(value: Any) -> JSONResponse:
    """A JSON document."""
    return JSONResponse(value, headers={**PROTECTED, "Content-Security-Policy": INERT, "Vary": "Accept"})


@cache
def static(name: str) -> bytes:
    """The octets of one of our own files."""
    return files("relay.server.web").joinpath("static", name).read_bytes()


@cache
def asset(name: str) -> str:
    """The address of one of our own files; it changes with the contents, so it may be cached for ever."""
    return f"/static/{name}?v={sha256(static(name)).hexdigest()[:12]}"


async def serve_static(request: Request) -> Response:
    """One of our own files, and nothing else."""
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404)
    headers = {**PROTECTED, "Cache-Control": "public, max-age=31536000, immutable", "Content-Security-Policy": INERT}
    return Response(static(name), headers=headers, media_type=STATIC[name])

"""The check of a domain, for whoever manages it: ``/check`` asks which, ``/check/DOMAIN`` answers.

The same report is a page, JSON (``Accept: application/json``), a file to forward (``?as=file``) and a letter to whoever
manages the DNS (``?as=letter``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from relay.checks.domain import domain_json
from relay.checks.letter import letter
from relay.checks.page import report_html
from relay.checks.spf.evaluate import is_domain, is_literal
from relay.mail.address import AddressError, ascii_domain
from relay.server.web.language import spoken
from relay.server.web.pace import Pace
from relay.server.web.pages import PROTECTED, json, plain_text

if TYPE_CHECKING:
    from starlette.requests import Request

    from relay.locales import Catalog
    from relay.server.domain_checks import Checked, DomainChecks
    from relay.server.web.pages import Pages

A_MINUTE = 60.0
CHECKS_A_MINUTE = 20
REPORT = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class CheckPages:
    """The form and the answers."""

    def __init__(self, pages: Pages, checks: DomainChecks) -> None:
        self.pages = pages
        self.checks = checks
        self.pace = Pace(CHECKS_A_MINUTE, A_MINUTE, pages.context.now)

    def routes(self) -> list[Route]:
        """Where they are found."""
        return [
            Route("/check", self.form, methods=["GET"]),
            Route("/check/{domain}", self.report, methods=["GET"]),
        ]

    async def form(self, request: Request) -> Response:
        """Ask for a domain; with one, lead to its report."""
        typed = request.query_params.get("domain", "").strip()
        if not typed:
            return self.ask(request)
        domain = domain_of(typed)
        if domain is None:
            return self.ask(request, typed=typed, status=400)
        language = self.pages.voice(request).language
        return RedirectResponse(f"/check/{quote(domain)}?{urlencode({'lang': language})}", 303, PROTECTED)

    async def report(self, request: Request) -> Response:
        """The report on a domain."""
        typed = request.path_params["domain"]
        domain = domain_of(typed)
        if domain is None:
            return self.ask(request, typed=typed, status=400)
        wait = self.pace.wait(request.client.host if request.client else "")
        if wait:
            return self.ask(request, typed=typed, status=429, wait=math.ceil(wait))
        return self.answer(request, await self.checks.check(domain))

    def answer(self, request: Request, checked: Checked) -> Response:
        """The report in the form that is asked for."""
        language = spoken(request, self.pages.context.platform.locale)
        report, form = checked.report, request.query_params.get("as", "")
        if form == "letter":
            link = f"{self.pages.context.platform.base_url.rstrip('/')}/check/{quote(report.domain)}"
            return plain_text(letter(report.domain, report.parts, report.included, link, language))
        if "application/json" in request.headers.get("accept", ""):
            return json(domain_json(report, language, checked.asked.queries))
        links = () if form == "file" else self.links(report.domain, language)
        html = report_html(report.domain, report.parts, report.included, language, checked.asked, links)
        headers = {**PROTECTED, "Content-Security-Policy": REPORT, "Content-Language": language.language}
        headers["Vary"] = "Accept, Accept-Language, Cookie"
        if form == "file":
            headers["Content-Disposition"] = f'attachment; filename="{report.domain}.html"'
        return HTMLResponse(html, headers=headers)

    def links(self, domain: str, language: Catalog) -> tuple[tuple[str, str], ...]:
        """What else can be done with a report, and the way to another."""
        said = {key: language.text(f"page.check.{key}") for key in ("another", "again", "file", "letter.link_name")}
        here, chosen = f"/check/{quote(domain)}", {"lang": language.language}
        return (
            (f"/check?{urlencode(chosen)}", said["another"]),
            (f"{here}?{urlencode(chosen)}", said["again"]),
            (f"{here}?{urlencode({'as': 'file', **chosen})}", said["file"]),
            (f"{here}?{urlencode({'as': 'letter', **chosen})}", said["letter.link_name"]),
        )

    def ask(self, request: Request, *, typed: str = "", status: int = 200, wait: int = 0) -> Response:
        """The form, with what was wrong with the last try."""
        page = self.pages.show(request, "check.html", status, typed=typed[:253], wait=wait, wrong=status == 400)
        if wait:
            page.headers["Retry-After"] = str(wait)
        return page


def domain_of(text: str) -> str | None:
    """The domain in what was typed: a name, an address, a web address; None where there is none."""
    name = text.strip().lower().removeprefix("https://").removeprefix("http://").partition("/")[0]
    name = name.rpartition("@")[2].partition(":")[0]
    try:
        domain = ascii_domain(name)
    except AddressError:
        return None
    return domain if is_domain(domain) and not is_literal(domain) else None

"""The report page in Debian's chromium: every width, light and dark, on paper, and how a value is copied."""

from __future__ import annotations

import importlib.util
import os
from ipaddress import ip_address
from pathlib import Path

import pytest

from relay.checks.page import Asked, report_html
from relay.checks.spf.check import SpfQuestion, check_spf
from relay.checks.spf.part import spf_part
from relay.locales import catalog
from relay.net.zone import Zone

CHROMIUM = Path("/usr/bin/chromium")
LONG = ".".join(["x" * 63, "y" * 63, "z" * 40, "example"])
RECORD = f"v=spf1 include:gone.example a:{LONG} ip4:192.0.2.0/24 exists:%{{ir}}.{LONG} bogus:{'q' * 200} -all"
WANTED = "v=spf1 include:spf.relay.example ip4:192.0.2.0/24 -all"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]


@pytest.fixture(params=["de", "nl"])
async def file(request, tmp_path) -> Path:
    """A report about a record with everything that is long, in the languages with the longest words."""
    zone = Zone(
        {
            "shop.example": {"TXT": [RECORD if request.param == "de" else "v=spf1 ip4:192.0.2.0/24 -all"]},
            "spf.relay.example": {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]},
        }
    )
    question = SpfQuestion("shop.example", (ip_address("198.51.100.7"),), include="spf.relay.example")
    answer = await check_spf(zone, question)
    asked = Asked(1_795_521_600.0, ("[2001:db8::53]:53",) * 4, 41, 5, {LONG: "timeout"})
    path = tmp_path / "report.html"
    html = report_html("shop.example", [spf_part(answer)], answer.include, catalog(request.param), asked)
    path.write_text(html, "utf-8")
    return path


@pytest.fixture
async def browser():
    from playwright.async_api import async_playwright

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield started
        await started.close()


async def test_no_width_is_too_narrow_and_nothing_is_complained_of(browser, file) -> None:
    for width in (320, 360, 800, 1600):
        for scheme in ("light", "dark"):
            page = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            said, asked = [], []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            await page.goto(file.as_uri())
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert (said, asked) == ([], [file.as_uri()])
            await page.close()


async def test_one_click_selects_the_whole_value(browser, file) -> None:
    page = await browser.new_page(viewport={"width": 360, "height": 900})
    await page.goto(file.as_uri())
    value = page.locator(".paste.main").first
    await value.click()
    selected = await page.evaluate("getSelection().toString()")
    assert selected == await value.text_content()
    if "bogus" not in file.read_text():
        assert selected == WANTED


async def test_it_prints(browser, file) -> None:
    page = await browser.new_page()
    await page.goto(file.as_uri())
    assert (await page.pdf(format="A4")).startswith(b"%PDF")

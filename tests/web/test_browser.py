"""A person with a browser, with scripts and without: Debian's chromium on a real server."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.mail.sender import SenderState
from relay.server.web import create_app
from relay.server.web.serve import serve_http
from relay.store.model import MessageKind

CHROMIUM = Path("/usr/bin/chromium")
TOKEN = "Zm9vYmFyLWZvb2Jhci1mb29iYXItZm9vYmFyLWZvb2I"
CANARY = "<script>top.canary=1</script><img src=x onerror='top.canary=1'><svg onload='top.canary=1'>"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]


@pytest.fixture
async def base(site) -> AsyncIterator[str]:
    """The address of a real server."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{sock.getsockname()[1]}"
        server = await serve_http(create_app(site.context), sock)
        yield base
        await server.stop()


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
async def page(request):
    """A tab, with the address of everything that it asked for in ``page.asked``."""
    from playwright.async_api import async_playwright

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        context = await browser.new_context(java_script_enabled=request.param, locale="nl-NL")
        tab = await context.new_page()
        tab.asked = []
        tab.on("request", lambda asked: tab.asked.append(asked.url))
        tab.scripts = request.param
        yield tab
        await browser.close()


async def test_a_person_confirms_and_withdraws(site, base, page):
    await site.ask(TOKEN)
    await page.goto(f"{base}/confirm/{TOKEN}")
    assert await page.locator("input:checked").count() == 0
    await page.get_by_role("button", name="Antwoord versturen").click()
    assert await page.get_by_role("alert").inner_text() == "Kies eerst een van de twee antwoorden."
    assert await site.state() is SenderState.PENDING
    await page.get_by_label("Ja, Bakker B.V. mag versturen").check()
    await page.get_by_role("button", name="Antwoord versturen").click()
    assert "mag nu versturen" in await page.locator("h1").inner_text()
    assert await site.state() is SenderState.VERIFIED
    await page.goto(f"{base}/withdraw/{TOKEN}-w")
    await page.get_by_label("Ja, trek de toestemming in").check()
    await page.get_by_role("button", name="Antwoord versturen").click()
    assert "mag niet meer versturen" in await page.locator("h1").inner_text()
    assert await site.state() is SenderState.REVOKED
    assert {url.split("/")[2] for url in page.asked} == {base.split("/")[2]}


async def test_the_keyboard_is_enough(site, base, page):
    await site.ask(TOKEN)
    await page.goto(f"{base}/confirm/{TOKEN}")
    await page.keyboard.press("Tab")
    assert await page.locator(":focus").inner_text() == "Naar de inhoud"
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="mag nu versturen").wait_for()
    assert await site.state() is SenderState.VERIFIED


async def test_a_scanner_that_opens_pages_confirms_nothing(site, base, page):
    await site.ask(TOKEN)
    before = site.dump()
    for path in (f"/confirm/{TOKEN}", f"/withdraw/{TOKEN}-w"):
        await page.goto(base + path)
        for _ in range(3):
            await page.mouse.wheel(0, 500)
        for button in await page.locator("button").all():
            await button.click()
    assert site.dump() == before


async def test_from_the_inbox_to_a_confirmed_sender(site, base, page):
    await site.ask(TOKEN)
    body = f"Bevestig: {base}/confirm/{TOKEN}\r\n".encode()
    await site.catch(body, kind=MessageKind.VERIFICATION, subject="Mag Bakker B.V. versturen?")
    await page.goto(base)
    await page.get_by_role("link", name="Mag Bakker B.V. versturen?").click()
    async with page.context.expect_page() as opening:
        await page.get_by_role("link", name=f"{base}/confirm/{TOKEN}").click()
    form = await opening.value
    await form.get_by_label("Ja, Bakker B.V. mag versturen").check()
    await form.get_by_role("button", name="Antwoord versturen").click()
    await form.get_by_role("heading", name="mag nu versturen").wait_for()
    assert await site.state() is SenderState.VERIFIED


async def test_before_and_after_are_seen(site, base, page):
    message_id = await site.catch()
    await page.goto(f"{base}/messages/{message_id}")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="From", exact=True))
    assert await row.locator(".before .value").inner_text() == "=?utf-8?Q?Caf=C3=A9_Bakker?= <info@bakker.example>"
    assert await row.locator(".before .decoded").inner_text() == "Café Bakker <info@bakker.example>"
    assert await row.locator(".after .value").inner_text() == '"Bakker B.V." <mail@customers.platform.example>'
    await page.get_by_text("overige velden, ongewijzigd").click()
    assert await page.get_by_text("Facturen 4").is_visible()


@pytest.fixture
async def tracker():
    """Somebody else's server: its port, and how often anybody connected."""
    calls: list[bytes] = []

    async def answer(reader, writer):
        calls.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], calls
    server.close()


async def test_hostile_mail_runs_nothing_and_loads_nothing(site, base, page, sent_header, tracker):
    port, calls = tracker
    remote = (
        f"<img src='http://127.0.0.1:{port}/pixel.png'><style>@import 'http://127.0.0.1:{port}/x.css';</style>"
        f"<link rel=preconnect href='http://127.0.0.1:{port}'><iframe src='http://127.0.0.1:{port}/'></iframe>"
        f"<meta http-equiv=refresh content='0;url=http://127.0.0.1:{port}/'>"
    )
    html = f"<h1>Rekening</h1>{CANARY}{remote}<a href='javascript:top.canary=1' id=a>klik</a>".encode()
    header = sent_header + b"Content-Type: text/html\r\n"
    message_id = await site.catch(html, header=header, subject=CANARY, recipients=(f"{CANARY}@example.net",))
    for path in ("/", f"/messages/{message_id}", f"/messages/{message_id}?view=sent", f"/messages/{message_id}/html"):
        await page.goto(base + path)
        await page.wait_for_load_state("networkidle")
        if page.scripts and not path.endswith("/html"):
            assert await page.evaluate("window.canary") is None
    await page.goto(f"{base}/messages/{message_id}")
    frame = page.frame_locator("iframe")
    assert await frame.locator("h1").inner_text() == "Rekening"
    await frame.locator("#a").click()
    await asyncio.sleep(0.3)
    assert not page.scripts or await page.evaluate("window.canary") is None
    assert calls == []


async def test_new_mail_appears_by_itself_or_on_reload(site, base, page):
    await page.goto(base)
    assert await page.get_by_text("Nog geen post").is_visible()
    await site.catch(subject="Verse factuur")
    if not page.scripts:
        await page.reload()
    await page.get_by_role("link", name="Verse factuur").wait_for(timeout=6000)


@pytest.mark.parametrize("width", [360, 768, 1600])
async def test_nothing_is_wider_than_the_window(site, base, page, width):
    await site.ask(TOKEN, address=f"{'a' * 60}@{'b' * 60}.example")
    message_id = await site.catch(
        b"x" * 3000, subject="W" * 150, recipients=(f"{'a' * 60}@{'b' * 60}.example",), original=b"X-Y: " + b"z" * 900
    )
    await page.set_viewport_size({"width": width, "height": 700})
    for path in (f"/confirm/{TOKEN}", "/", f"/messages/{message_id}"):
        await page.goto(base + path)
        box = await page.locator("main").bounding_box()
        assert box is not None
        await page.mouse.wheel(500, 0)
        assert (await page.locator("main").bounding_box())["x"] == box["x"], path

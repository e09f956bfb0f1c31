"""What holds for every page: headers, language, names it answers to, errors, health (threats W02, W06)."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx2
import pytest

from relay.locales import LANGUAGES
from relay.server.web import create_app
from relay.server.web.language import preferred

TOKEN = "Zm9vYmFyLWZvb2Jhci1mb29iYXItZm9vYmFyLWZvb2I"
PATHS = [f"/confirm/{TOKEN}", f"/withdraw/{TOKEN}-w", "/confirm/unknown", "/", "/nowhere", "/messages/x", "/messages/"]


def browser(context, base_url="http://127.0.0.1"):
    """Another browser for the same store."""
    transport = httpx2.ASGITransport(create_app(context), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=base_url)


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_is_protected(site, path):
    await site.ask(TOKEN)
    for page in (await site.client.get(path), await site.client.post(path, data={"a": "b"})):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "server" not in page.headers


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_comes_from_elsewhere_and_nothing_is_inline(site, path):
    await site.ask(TOKEN)
    page = (await site.client.get(path)).text
    targets = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert targets
    assert all(target.startswith(("/", "?", "#")) and not target.startswith("//") for target in targets)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=\"/static/)", page)


async def test_confirm_page_runs_no_script_at_all(site):
    await site.ask(TOKEN)
    page = await site.client.get(f"/confirm/{TOKEN}")
    assert "<script" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_state_is_said_in_every_language(site, language):
    words = {"en": "Your answer", "nl": "Uw antwoord", "de": "Ihre Antwort", "fr": "Votre réponse"}
    await site.ask(TOKEN)
    page = await site.client.get(f"/confirm/{TOKEN}?lang={language}")
    assert f'<html lang="{language}">' in page.text
    assert page.headers["content-language"] == language
    assert words[language] in page.text
    done = await site.answer(f"/confirm/{TOKEN}?lang={language}", "yes")
    assert f'<html lang="{language}">' in done.text


async def test_the_chosen_language_stays_and_keeps_the_place(site):
    page = await site.client.get("/?q=factuur&lang=de")
    assert 'href="?q=factuur&amp;lang=fr"' in page.text
    assert '<html lang="de">' in (await site.client.get("/", headers={"Accept-Language": "fr"})).text
    assert "HttpOnly" in page.headers["set-cookie"]


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "nl"),
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("en;q=0.3, de;q=0.9", "de"),
        ("ja, fr;q=0.1", "fr"),
        ("ja", "nl"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=x,,;;;=", "nl"),
        ("*", "nl"),
        ("FR-ch", "fr"),
        ("e" * 100_000, "nl"),
    ],
)
def test_the_browser_names_languages_by_preference(accept, language):
    assert preferred(accept, "nl") == language


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8025", "127.0.0.1.evil.example", "", "[evil.example]", "a b"]
)
async def test_inbox_answers_to_its_own_name_only(site, host):
    page = await site.client.get("/messages.json", headers={"Host": host})
    assert page.status_code == 421
    assert "messages" not in page.text.partition("<main")[2]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8025", "localhost", "LOCALHOST:1", "[::1]:8025", "mail.platform.example", "mail.platform.example."],
)
async def test_inbox_answers_to_its_own_names(site, host):
    assert (await site.client.get("/messages.json", headers={"Host": host})).status_code == 200


async def test_hosts_can_be_listed(site):
    async with browser(replace(site.context, allowed_hosts=("Relay.Example",))) as client:
        assert (await client.get("/", headers={"Host": "relay.example:80"})).status_code == 200
        assert (await client.get("/", headers={"Host": "mail.platform.example"})).status_code == 421


async def test_forwarded_host_goes_nowhere(site):
    await site.ask(TOKEN)
    headers = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Original-URL": "/"}
    for path in PATHS:
        assert "evil.example" not in (await site.client.get(path, headers=headers)).text


async def test_without_inbox_there_is_no_inbox(site):
    message_id = await site.catch()
    async with browser(replace(site.context, inbox=False)) as client:
        for path in ("/", "/messages.json", f"/messages/{message_id}", f"/messages/{message_id}/source"):
            assert (await client.get(path)).status_code == 404


async def test_health(site):
    alive = await site.client.get("/healthz")
    assert (alive.status_code, alive.text) == (200, "ok\n")
    assert (await site.client.get("/readyz")).status_code == 200
    await site.group.close()
    assert (await site.client.get("/healthz")).status_code == 200
    assert (await site.client.get("/readyz")).status_code == 503


async def test_a_defect_is_a_page_that_tells_nothing(site):
    await site.ask(TOKEN)
    await site.group.close()
    page = await site.client.get(f"/confirm/{TOKEN}")
    assert page.status_code == 500
    assert "wrong on our side" in page.text
    assert "closed" not in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_wrong_method_is_a_page_that_names_the_right_ones(site):
    page = await site.client.put(f"/confirm/{TOKEN}")
    assert page.status_code == 405
    assert "GET" in page.headers["allow"]


async def test_own_files_are_cached_by_their_content(site):
    page = (await site.client.get("/")).text
    for path in set(re.findall(r'"(/static/[^"]+)"', page)):
        file = await site.client.get(path)
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]
    for name in ("../pages.py", "%2e%2e/pages.py", "layout.html", ""):
        assert (await site.client.get(f"/static/{name}")).status_code == 404


async def test_no_redirects_repeat_the_host(site):
    assert (await site.client.get(f"/confirm/{TOKEN}/")).status_code == 404

"""The check of a domain for whoever opens the page: as a page, as JSON, as a file, as a letter."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import httpx2
import pytest

from relay.checks.asking import Asking
from relay.checks.domain import MOST_QUERIES, check_domain
from relay.checks.from_config import own_domain_question
from relay.checks.page import Asked
from relay.config import Config, Platform
from relay.net.https import HttpsClient
from relay.net.zone import Zone
from relay.server.domain_checks import Checked
from relay.server.web import create_app

CANARY = "<script>top.canary=1</script>"
ZONE = {
    "spf.mail.example": {"TXT": ["v=spf1 ip4:198.51.100.7 ip6:2001:db8::7 -all"]},
    "bakker.example": {"TXT": [f"v=spf1 mx -all {CANARY}", "unrelated"], "MX": ["10 mx.bakker.example"]},
    "smit.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "xn--bcher-kva.example": {"TXT": ["v=spf1 include:spf.mail.example -all"]},
}
CONFIG = Config(platform=Platform(spf_include="spf.mail.example", bounce_domain="bounce.mail.example"))


@dataclass
class ZoneChecks:
    """The checks on a zone."""

    asked: list[str] = field(default_factory=list)

    async def check(self, domain: str) -> Checked:
        self.asked.append(domain)
        asking = Asking(Zone(ZONE), most=MOST_QUERIES)
        report = await check_domain(asking, own_domain_question(CONFIG, domain, {}, HttpsClient()))
        return Checked(report, Asked(1_795_521_600.0, (), 1, asking.queries, asking.failed), time.monotonic())


@pytest.fixture
async def check(site):
    context = replace(site.context, inbox=False, checks=ZoneChecks())
    transport = httpx2.ASGITransport(create_app(context))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025") as client:
        client.checks = context.checks
        client.clock = site.clock
        yield client


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("smit.example", "smit.example"),
        ("  Smit.Example. ", "smit.example"),
        ("info@smit.example", "smit.example"),
        ("https://smit.example/contact?x", "smit.example"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
async def test_whatever_holds_a_domain_leads_to_its_report(check, typed, domain) -> None:
    answer = await check.get("/check", params={"domain": typed, "lang": "nl"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/check/{domain}?lang=nl")


@pytest.mark.parametrize(
    "typed", ["nonsense here", "192.0.2.1", "[192.0.2.1]", "a..b", "x" * 300, "localhost@", "<b>.example"]
)
async def test_what_holds_none_is_asked_again(check, typed) -> None:
    answer = await check.get("/check", params={"domain": typed})
    assert answer.status_code == 400
    assert "is not a domain name" in answer.text
    assert "<b>.example" not in answer.text
    assert check.checks.asked == []


async def test_the_form_speaks_the_readers_language_and_names_the_command(check) -> None:
    page = (await check.get("/check", headers={"Accept-Language": "nl"})).text
    assert '<html lang="nl">' in page
    assert "Controleer een domein" in page
    assert "relay check domain" in page


async def test_the_report_says_what_to_paste(check) -> None:
    answer = await check.get("/check/smit.example?lang=en")
    assert answer.status_code == 200
    assert "v=spf1 include:spf.mail.example ip4:192.0.2.1 -all" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert answer.headers["cache-control"] == "no-store"
    assert '<a href="/check?lang=en">Check another domain</a>' in answer.text


async def test_nothing_of_a_zone_becomes_markup(check) -> None:
    assert CANARY not in (await check.get("/check/bakker.example")).text


async def test_json_is_what_the_command_prints(check) -> None:
    answer = await check.get("/check/smit.example", headers={"Accept": "application/json"})
    document = answer.json()
    assert (document["domain"], document["mode"]) == ("smit.example", "own-domain")
    assert document["include"]["answer"] == "no"
    assert {"parts", "summary", "elapsed_ms", "queries"} <= document.keys()


async def test_a_file_to_forward_stands_alone(check) -> None:
    answer = await check.get("/check/smit.example?as=file")
    assert answer.headers["content-disposition"] == 'attachment; filename="smit.example.html"'
    assert 'href="/' not in answer.text


@pytest.mark.parametrize(("language", "greeting"), [("nl", "Goedendag,"), ("de", "Guten Tag,"), ("fr", "Bonjour,")])
async def test_a_letter_to_whoever_manages_the_dns(check, language, greeting) -> None:
    answer = await check.get(f"/check/smit.example?as=letter&lang={language}")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert lines[0] == greeting
    assert "v=spf1 include:spf.mail.example ip4:192.0.2.1 -all" in lines
    assert "http://mail.platform.example:8025/check/smit.example" in answer.text


async def test_who_asks_too_often_waits(check) -> None:
    answers = [await check.get("/check/smit.example") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert int(answers[-1].headers["retry-after"]) == 60
    check.clock.at += 60
    assert (await check.get("/check/smit.example")).status_code == 200


async def test_without_checks_there_is_no_such_page(site) -> None:
    assert (await site.client.get("/check")).status_code == 404

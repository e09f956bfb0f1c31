"""The page that is handed over: what it says, in every language, whatever a zone holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from ipaddress import ip_address
from pathlib import Path

import pytest

from relay.checks.model import Finding, Fix, Part, Severity
from relay.checks.page import Asked, report_html
from relay.checks.spf.check import SpfQuestion, check_spf
from relay.checks.spf.part import spf_part
from relay.locales import LANGUAGES, catalog
from relay.net.zone import Zone

INCLUDE = "spf.relay.example"
OURS = f"include:{INCLUDE}"
ASKED = Asked(1_795_521_600.0, ("192.0.2.53:53",), 41, 5)
EN = catalog("en")
CANARY = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'\x1b[31m</textarea></svg></style>"
BASE = {
    INCLUDE: {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]},
    "flat.example": {"TXT": ["v=spf1 ip4:203.0.113.0/24 -all"]},
    "deep.example": {"TXT": ["v=spf1 include:flat.example ?all"]},
    "plain.example": {"A": ["192.0.2.1"]},
    "broken.example": "SERVFAIL",
}
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"}
SHAPES = {"rect", "path", "circle"}


class Page(HTMLParser):
    """The elements, attributes and words of a page, and whether its tags match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        assert tag in SHAPES
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


async def page_of(record, language=EN, *, domain: str = "shop.example", include: str = INCLUDE, **zone) -> str:
    rows = {"TXT": [record] if isinstance(record, str | bytes) else record}
    names = {name.replace("_", "."): row for name, row in zone.items()}
    question = SpfQuestion(domain, (ip_address("198.51.100.7"),), include=include)
    answer = await check_spf(Zone(BASE | names | {domain: rows}), question)
    return report_html(domain, [spf_part(answer)], answer.include, language, ASKED)


def terms(html: str) -> list[tuple[str, str, str]]:
    """Each row of the drawing: look, text, look-ups."""
    rows = re.findall(r'<g class="(\w+)">(.*?)</g>', html, re.DOTALL)
    found = []
    for look, inside in rows:
        text, cost = (re.search(f'<text class="{kind}"[^>]*>([^<]*)', inside) for kind in ("term", "cost"))
        found.append((look, text[1] if text else "", cost[1] if cost else ""))
    return found


async def test_what_to_paste_is_there_whole() -> None:
    page = Page(await page_of("v=spf1 include:flat.example -all"))
    wanted = f"v=spf1 {OURS} include:flat.example -all"
    assert page.words.count(wanted) == 1
    assert f'shop.example. IN TXT "{wanted}"' in page.words
    for words in ("What to do", "Replace the TXT record at shop.example by", "the include is not in the record", "@"):
        assert words in page.text
    assert "v=spf1 include:flat.example -all" in page.words
    assert "2026-11-24 12:00" in page.text
    assert "192.0.2.53:53" in page.text


async def test_nothing_is_fetched_and_nothing_runs() -> None:
    html = await page_of("v=spf1 include:flat.example -all")
    page = Page(html)
    assert """content="default-src 'none'; style-src 'unsafe-inline'""" in html
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert [
        value for name, value in page.attributes if name in {"src", "href"} and not (value or "").startswith("#")
    ] == []
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    assert "url(" not in html
    assert "@import" not in html
    assert "http://" not in html


@pytest.mark.parametrize("language", LANGUAGES)
async def test_languages(language) -> None:
    html = await page_of("v=spf1 include:plain.example ?all", catalog(language))
    assert f'<html lang="{language}">' in html
    page = Page(html)
    assert catalog(language).text("page.report.todo.title") in page.text
    for key, sentence in catalog("en").file("page.report").items():
        if language != "en" and len(sentence) > 12 and "{" not in sentence:
            assert sentence not in page.text, key


@pytest.mark.parametrize(
    "record",
    [
        f"v=spf1 include:{CANARY.replace(' ', '')} -all",
        f"v=spf1 {CANARY} exp={CANARY.replace(' ', '')} -all",
        [f"v=spf1 {CANARY}", f"v=spf1 a {CANARY}"],
        f" v=spf1 {CANARY}",
        f"spf2.0/pra {CANARY}",
        f"v=spf1 {OURS} {CANARY.replace(' ', '=')} ~all",
        b"v=spf1 \xff\xfe\x00<b>\r\n</b> -all",
    ],
)
async def test_what_a_zone_holds_is_text(record) -> None:
    clean = set(Page(await page_of("v=spf1 include:plain.example bogus ?all")).tags)
    html = await page_of(record)
    assert set(Page(html).tags) <= clean
    assert "<script" not in html
    assert "<img" not in html
    assert {char for char in html if ord(char) < 32} == {"\n"}


def test_evidence_facts_names_and_fixes_are_text() -> None:
    fix = Fix(CANARY, CANARY, CANARY, CANARY, (CANARY,))
    facts = {"name": CANARY, "reason": CANARY}
    found = tuple(
        Finding("spf.temperror", severity, CANARY, facts, fix, (CANARY,), "RFC 7208 4.4") for severity in Severity
    )
    file = Fix("https://mta-sts.example/", "HTTPS", f"version: STSv1\r\nmx: {CANARY}\r\n", "")
    found += (Finding("spf.temperror", Severity.ERROR, CANARY, facts, file),)
    part = Part("spf", CANARY, {CANARY: [{CANARY: CANARY}], "b": {CANARY: True}, "c": (CANARY,)}, found)
    html = report_html(CANARY, [part], None, EN, Asked(0, (CANARY,), 1, 1, {CANARY: CANARY}))
    page = Page(html)
    assert not {"script", "img", "textarea"} & set(page.tags)
    assert "\x1b" not in html
    assert "version: STSv1\nmx: " in "".join(page.words)


TREES = [
    # the record -> look of some rows
    (f"v=spf1 include:flat.example {OURS} -all", [("plain", "include:flat.example", "1"), ("path", OURS, "1")]),
    (f"v=spf1 include:plain.example {OURS} -all", [("dead", "include:plain.example", "1")]),
    (f"v=spf1 a:nowhere.example {OURS} -all", [("dead", "a:nowhere.example", "1"), ("path", OURS, "1")]),
    (f"v=spf1 include:broken.example {OURS} -all", [("path", "include:broken.example", "1")]),
    (f"v=spf1 {OURS} include:broken.example -all", [("open", "include:broken.example", "1")]),
    (f"v=spf1 -all {OURS}", [("path", "-all", ""), ("off", OURS, "")]),
    ("v=spf1 include:shop.example -all", [("dead", "include:shop.example", "11")]),
    ("v=spf1 ip4:1.2.3 -all", [("path", "ip4:1.2.3", ""), ("plain", "-all", "")]),
    ("v=spf1 redirect=flat.example", [("path", "redirect=flat.example", "1"), ("path", "-all", "")]),
    ("v=spf1 include:deep.example ~all", [("plain", "include:deep.example", "2"), ("path", "~all", "")]),
    ("v=spf1 include:%{l}.shop.example ~all", [("plain", "include:%{l}.shop.example", "1")]),
]


@pytest.mark.parametrize(("record", "rows"), TREES)
async def test_tree(record, rows) -> None:
    drawn = terms(await page_of(record))
    assert drawn[0][1] == "shop.example"
    assert [row for row in rows if row not in drawn] == []


async def test_the_term_that_decides_says_so() -> None:
    html = await page_of(f"v=spf1 include:flat.example {OURS} -all")
    assert html.count("decides here: pass") == 1
    assert '<figure class="card tree pass">' in html


@pytest.mark.parametrize(("number", "used", "over"), [(3, 3, 0), (10, 10, 0), (12, 10, 2), (40, 10, 4)])
async def test_boxes_count_the_look_ups(number, used, over) -> None:
    html = await page_of(" ".join(["v=spf1", *(f"a:h{n}.example" for n in range(number)), "-all"]), include="")
    assert html.count('<rect class="used"') == used
    assert html.count('<rect class="over"') == over


async def test_long_records_stay_short() -> None:
    many = " ".join(f"ip4:192.0.2.{number}" for number in range(200))
    drawn = terms(await page_of(f"v=spf1 {many} {OURS} a:{'x' * 63}.{'y' * 63}.example -all"))
    assert len(drawn) < 12
    assert ("path", OURS, "1") in drawn
    assert max(len(text) for _, text, _ in drawn) < 60
    assert any("further" in text for _, text, _ in drawn)


async def test_without_a_record_there_is_no_drawing() -> None:
    html = await page_of([], A={"A": ["192.0.2.1"]})
    assert '<svg class="terms"' not in html
    assert f"v=spf1 {OURS} ~all" in html


async def test_all_is_well() -> None:
    page = Page(await page_of(f"v=spf1 {OURS} -all"))
    assert "All is well." in page.text
    assert "Nothing is wrong." in page.text
    assert "What to do" not in page.text


def test_what_nobody_could_say_is_named() -> None:
    html = report_html("shop.example", [], None, EN, Asked(0, (), 1, 1, {"slow.example": "timeout"}))
    assert "slow.example</code> (timeout)" in html
    assert "that of the machine" in html


def test_the_style_sheet_has_dark_print_and_narrow_forms() -> None:
    style = Path(__file__).parents[2].joinpath("relay/checks/page/templates/report.css").read_text()
    for rule in ("prefers-color-scheme: dark", "@media print", "max-width", "user-select: all"):
        assert rule in style


async def test_the_way_under_ten_look_ups_is_told() -> None:
    record = " ".join(["v=spf1", *(f"include:plain.example a:h{n}.example" for n in range(6)), "-all"])
    page = Page(await page_of(record, include=""))
    assert "costs 12 look-ups" in page.text
    assert "Remove “include:plain.example”" in page.text

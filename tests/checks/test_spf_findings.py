"""The health of a record: each finding from a zone, sound records without any, hostile ones to an end."""

from __future__ import annotations

import json
import re
import time
from ipaddress import ip_address
from pathlib import Path

import pytest

from relay.checks.report import finding_json, sentence, shown
from relay.checks.spf.check import SpfQuestion, check_spf
from relay.cli.check.spf_json import spf_json
from relay.locales import LANGUAGES, catalog
from relay.net.zone import Zone

ROOT = Path(__file__).parents[2]
NETS = " ".join(f"ip4:192.0.2.{number}" for number in range(1, 40))
CUT = f"v=spf1 {' '.join(f'ip4:192.0.2.{number}' for number in range(1, 40))}"[:255]
BASE = {
    "one.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "four.example": {"TXT": ["v=spf1 include:one.example include:one2.example include:one3.example -all"]},
    "one2.example": {"TXT": ["v=spf1 ip4:192.0.2.2 -all"]},
    "one3.example": {"TXT": ["v=spf1 ip4:192.0.2.3 -all"]},
    "two.example": {"TXT": ["v=spf1 -all", "v=spf1 ~all"]},
    "bad.example": {"TXT": ["v=spf1 moo -all"]},
    "plain.example": {"TXT": ["unrelated"], "A": ["192.0.2.1"]},
    "both.example": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "elsewhere.example": {"MX": ["10 plain.example"]},
    "broken.example": "SERVFAIL",
    "sub.registered.example": {"A": ["192.0.2.1"]},
    "elf.example": {"MX": [f"10 mx{number}.example" for number in range(11)]},
}


def txt(*records: str | bytes) -> dict[str, list[str | bytes]]:
    return {"TXT": list(records)}


CASES = [
    ("spf.none", {"A": ["192.0.2.1"]}),
    ("spf.nxdomain", None),
    ("spf.temperror", "SERVFAIL"),
    ("spf.temperror", "timeout"),
    ("spf.include.temperror", txt("v=spf1 include:broken.example -all")),
    ("spf.multiple", txt("v=spf1 -all", "v=spf1 mx ~all")),
    ("spf.multiple.nested", txt("v=spf1 include:two.example -all")),
    ("spf.version.lookalike", txt("v=spf10 mx -all")),
    ("spf.version.lookalike", txt("v=spf2 mx -all")),
    ("spf.version.lookalike", txt("spf1=mx -all")),
    ("spf.version.lookalike", txt(" v=spf1 mx -all")),
    ("spf.version.lookalike", txt("v = spf1 mx -all")),
    ("spf.version.lookalike", txt("\u201cv=spf1 mx -all\u201d")),
    ("spf.version.lookalike", txt("\ufeffv=spf1 mx -all")),
    ("spf.type99", {"SPF": ["v=spf1 -all"]}),
    ("spf.type99", {"TXT": ["v=spf1 -all"], "SPF": ["v=spf1 -all"]}),
    ("spf.senderid", txt("v=spf1 -all", "spf2.0/pra -all")),
    ("spf.syntax", txt("v=spf1 moo -all")),
    ("spf.syntax", txt("v=spf1 ip4:192.0.2.0/33 -all")),
    ("spf.syntax", txt("v=spf1 -redirect=one.example -all")),
    ("spf.syntax.afterall", txt("v=spf1 -all moo")),
    ("spf.syntax.nested", txt("v=spf1 include:bad.example -all")),
    ("spf.nonascii", txt("v=spf1 a:münchen.example -all")),
    ("spf.typo.space", txt("v=spf1 include: one.example -all")),
    ("spf.typo.equals", txt("v=spf1 include=one.example -all")),
    ("spf.typo.comma", txt("v=spf1 include:one.example, -all")),
    ("spf.typo.glued", txt("v=spf1 include:one.example~all")),
    ("spf.typo.glued", txt("v=spf1 include:one.example-all")),
    ("spf.typo.ipv4", txt("v=spf1 ipv4:192.0.2.1 -all")),
    ("spf.typo.host", txt("v=spf1 ip4:mail.one.example -all")),
    ("spf.typo.url", txt("v=spf1 include:https://one.example -all")),
    ("spf.typo.dash", txt("v=spf1 mx \u2013all")),
    ("spf.typo.name", txt("v=spf1 inlude:one.example -all")),
    ("spf.typo.colon", txt("v=spf1 redirect:one.example")),
    ("spf.split.space", txt("v=spf1 ip4:192.0.2.77include:one.example -all")),
    ("spf.lookups.over", txt("v=spf1 a mx include:four.example include:four.example a:one.example -all")),
    ("spf.lookups.near", txt("v=spf1 include:four.example include:four.example -all")),
    ("spf.void.over", txt("v=spf1 a:x1.example a:x2.example a:x3.example -all")),
    ("spf.void.near", txt("v=spf1 a:x1.example -all")),
    ("spf.include.dead", txt("v=spf1 include:plain.example -all")),
    ("spf.include.dangling", txt("v=spf1 include:spf.unregistered.example -all")),
    ("spf.include.loop", txt("v=spf1 include:shop.example -all")),
    ("spf.include.dup", txt("v=spf1 include:one.example include:one.example -all")),
    ("spf.include.macro", txt("v=spf1 include:%{i}.one.example -all")),
    ("spf.redirect.ignored", txt("v=spf1 redirect=one.example -all")),
    ("spf.redirect.dead", txt("v=spf1 redirect=plain.example")),
    ("spf.all.missing", txt("v=spf1 ip4:192.0.2.1")),
    ("spf.all.plus", txt("v=spf1 +all")),
    ("spf.all.neutral", txt("v=spf1 ?all")),
    ("spf.ptr", txt("v=spf1 ptr -all")),
    ("spf.mx.over10", txt("v=spf1 mx:elf.example -all")),
    ("spf.a.broad", txt("v=spf1 ip4:10.0.0.0/8 -all")),
    ("spf.a.broad", txt("v=spf1 ip4:52.1.0.0/16 -all")),
    ("spf.a.broad", txt("v=spf1 ip6:2a01:4f8::/40 -all")),
    ("spf.a.shared", txt("v=spf1 a:plain.example ip4:192.0.2.0/24 -all")),
    ("spf.a.shared", {"TXT": ["v=spf1 mx ip4:192.0.2.0/24 -all"], "MX": ["10 shop.example"], "A": ["192.0.2.7"]}),
    ("spf.size.string", txt(CUT)),
    ("spf.size.string", txt(CUT.partition("192.0.2.20")[0], "192.0.2.20 include:one.example ~all")),
    ("spf.size.450", txt(f"v=spf1 {NETS[:439].rpartition(' ')[0]} exp={'e' * 15}.example -all")),
    ("spf.size.512", txt(f"v=spf1 {NETS} -all")),
    ("spf.cname", {"CNAME": ["one.example"]}),
    ("spf.exp", txt("v=spf1 exp=why.one.example -all")),
    ("spf.unknown_modifier", txt("v=spf1 ra=postmaster -all")),
]
ASIDE = {"spf.scope", "spf.helo", "spf.wildcard", "spf.ptr.over10", "spf.secondary.diff"}  # in test_spf_aside.py
SOUND = [
    # the same network is not broad where one customer has it, nor where it is refused
    "v=spf1 ip4:52.1.2.0/24 ip4:198.51.0.0/16 -ip4:10.0.0.0/8 -all",
    # addresses that stand there already, but not all of them: IPv6, a wider prefix, another sign, another's servers
    "v=spf1 a:both.example ip4:192.0.2.1 -all",
    "v=spf1 a:plain.example/24 ip4:192.0.2.1 -all",
    "v=spf1 ?a:plain.example ip4:192.0.2.1 -all",
    "v=spf1 mx:elsewhere.example ip4:192.0.2.0/24 -all",
    "v=spf1 -all",
    "V=SPF1 INCLUDE:One.Example. ~ALL",
    "v=spf1  ip4:192.0.2.1   -all ",
    "v=spf1 redirect=one.example",
]


async def findings(zone, ip: str | None = None, domain: str = "shop.example"):
    ips = (ip_address(ip),) if ip else ()
    return (await check_spf(Zone(BASE | zone), SpfQuestion(domain, ips))).report.findings


@pytest.mark.parametrize(("wanted", "rows"), CASES)
async def test_finding(wanted, rows) -> None:
    found = await findings({"shop.example": rows} if rows is not None else {})
    assert wanted in [finding.id for finding in found]
    for finding in found:
        for language in LANGUAGES:
            assert not re.search(r"(?<!%)\{", sentence(finding, catalog(language)))


@pytest.mark.parametrize("record", SOUND)
async def test_nothing_is_found_in_a_sound_record(record) -> None:
    assert await findings({"shop.example": txt(record)}) == ()


async def test_subdomain_does_not_inherit() -> None:
    zone = {"shop.example": txt("v=spf1 -all"), "mail.shop.example": {"A": ["192.0.2.1"]}}
    assert [finding.id for finding in await findings(zone, domain="mail.shop.example")] == ["spf.subdomain"]


@pytest.mark.parametrize(
    ("wrote", "meant"),
    [
        ("v=spf1 include: one.example -all", "v=spf1 include:one.example -all"),
        ("v=spf1 include=one.example -all", "v=spf1 include:one.example -all"),
        ("v=spf1 include:one.example~all", "v=spf1 include:one.example ~all"),
        ("v=spf1 ipv4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.1 -all"),
        ("v=spf1 mx \u2013all", "v=spf1 mx -all"),
        ("v=spf1 -all moo", "v=spf1 -all"),
        ("v=spf1 ip4:192.0.2.77include:one.example ~all", "v=spf1 ip4:192.0.2.77 include:one.example ~all"),
        ("\ufeffv=spf1 mx -all", "v=spf1 mx -all"),
    ],
)
async def test_what_was_meant(wrote, meant) -> None:
    (finding,) = [each for each in await findings({"shop.example": txt(wrote)}) if each.severity == "error"]
    assert finding.fix is not None
    assert finding.fix.value == meant


async def test_what_nobody_knows_is_unknown_and_never_an_error() -> None:
    found = await findings({"shop.example": txt("v=spf1 include:broken.example -all")}, "192.0.2.9")
    assert [(finding.id, finding.severity) for finding in found] == [("spf.include.temperror", "unknown")]
    assert found[0].evidence == ("shop.example > broken.example",)


async def test_a_record_over_the_limit_is_no_error_for_an_address_that_passes_before() -> None:
    zone = {"shop.example": txt("v=spf1 ip4:192.0.2.9 a mx include:four.example include:four.example ptr -all")}
    severity = {finding.id: finding.severity for finding in await findings(zone, "192.0.2.9")}
    assert severity["spf.lookups.over"] == "warning"
    severity = {finding.id: finding.severity for finding in await findings(zone)}
    assert severity["spf.lookups.over"] == "error"


def exponential(name: str) -> dict[str, object]:
    """Every record includes twenty others, each of them the same twenty."""
    names = [f"x{number}.{name}" for number in range(20)]
    return {each: txt("v=spf1 " + " ".join(f"include:{name}" for name in names) + " -all") for each in [name, *names]}


HOSTILE = {
    "exponential": exponential("h.example"),
    "circle": {"h.example": txt("v=spf1 include:i.example"), "i.example": txt("v=spf1 redirect=h.example")},
    "64 kB": {"h.example": txt("v=spf1 " + "a:x.example " * 5300)},
    "64 kB term": {"h.example": txt("v=spf1 " + "a" * 64000)},
    "64 kB macro": {"h.example": txt("v=spf1 exists:" + "%{l}" * 16000 + ".example -all")},
    "64 kB digits": {"h.example": txt("v=spf1 exists:%{l" + "9" * 60000 + "}.example ip4:192.0.2.1/" + "9" * 4000)},
    "200 records": {"h.example": txt(*(f"v=spf1 ip4:192.0.2.{number} -all" for number in range(200)))},
    "200 others": {"h.example": txt(*(f"v=spf{number} all" for number in range(2, 202)))},
    "octets": {"h.example": txt(b"v=spf1 a:\x00\xff\x1b[31m.example \x07 -all")},
    "lookalike octets": {"h.example": txt(b" v=spf1 \x00\xff\x1b[31m \x07 -all")},
    "long names": {"h.example": txt(f"v=spf1 a:{'l' * 60}.{'.'.join(['abcdefghi'] * 30)}.example -all")},
    "empty labels": {"h.example": txt("v=spf1 include:..example include:.example a:x..example -all")},
    "alias circle": {"h.example": {"CNAME": ["i.example"]}, "i.example": {"CNAME": ["h.example"]}},
    "many mx": {
        "h.example": txt("v=spf1 " + " ".join(f"mx:m{number}.example" for number in range(10)) + " -all"),
        **{
            f"m{number}.example": {"MX": [f"1 x{each}.m{number}.example" for each in range(10)]} for number in range(10)
        },
    },
    "odd addresses": {"h.example": txt("v=spf1 ip6:fe80::1%eth0 ip6:::::: ip4:1.2.3.4/ ip4:01.2.3.4 -all")},
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_zones_come_to_an_end(name) -> None:
    started = time.monotonic()
    zone = Zone(HOSTILE[name])
    question = SpfQuestion("h.example", (ip_address("192.0.2.9"),), include="spf.relay.example")
    answer = await check_spf(zone, question)
    assert time.monotonic() - started < 8  # a bound for a busy machine; alone it takes a tenth
    assert len(zone.asked) <= 50
    assert answer.verdict is not None
    assert answer.verdict.result in {"permerror", "temperror", "fail", "none", "neutral"}
    for finding in answer.report.findings:
        assert shown(sentence(finding, catalog("en")).encode("ascii", "replace").decode()).count("\\x1b") <= 1
        assert "\x1b" not in json.dumps(finding_json(finding, catalog("en")), ensure_ascii=False)
    json.dumps(spf_json(answer, catalog("en")))


MALFORMED = [
    "",
    ".",
    "..",
    "a..b",
    "[192.0.2.1]",
    "nodots",
    "x" * 64 + ".example",
    "a b.example",
    "\x00.x",
    "é.example",
    "a@b.example",
]


@pytest.mark.parametrize("domain", MALFORMED)
async def test_a_malformed_domain_is_none(domain) -> None:
    answer = await check_spf(Zone({}), SpfQuestion(domain, (ip_address("192.0.2.9"),)))
    assert answer.verdict is not None
    assert answer.verdict.result == "none"


def test_every_finding_has_a_zone_that_brings_it() -> None:
    said = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith("check.spf.")}
    said = {found for found in said if not found.startswith("spf.platform.")}  # in test_platform.py
    tested = {wanted for wanted, _ in CASES} | {"spf.subdomain"} | ASIDE
    assert {found for found in tested if not found.startswith("spf.typo.")} == said - {"spf.typo"}


@pytest.mark.parametrize(
    ("record", "more", "names"),
    [
        ("v=spf1 include:spf.gone.example -all", {}, ["gone.example"]),
        ("v=spf1 include:a.b.c.gone.example -all", {}, ["gone.example"]),
        ("v=spf1 include:spf.gone.co.uk -all", {"co.uk": {"NS": ["ns.uk"]}}, ["gone.co.uk"]),
        ("v=spf1 include:spf.gone.com.au -all", {"com.au": {"NS": ["ns.au"]}}, ["gone.com.au"]),
        ("v=spf1 a:www.gone.example mx:gone2.example -all", {}, ["gone.example", "gone2.example"]),
        ("v=spf1 redirect=spf.gone.example", {}, ["gone.example"]),
        # registered, or nobody knows, or no name to register
        ("v=spf1 include:no.registered.example -all", {}, []),
        ("v=spf1 include:no.shop.co.uk -all", {"shop.co.uk": {"NS": ["ns.uk"]}}, []),
        ("v=spf1 include:spf.gone.example -all", {"gone.example": "SERVFAIL"}, []),
        ("v=spf1 include:spf.gone.example -all", {"spf.gone.example": "timeout"}, []),
        ("v=spf1 include:plain.example a:%{i}.gone.example -all", {}, []),
        ("v=spf1 -all include:spf.gone.example", {}, []),
    ],
)
async def test_unregistered_names(record, more, names) -> None:
    found = await findings(more | {"shop.example": txt(record)})
    assert [each.facts["name"] for each in found if each.id == "spf.include.dangling"] == names


async def test_the_rest_of_a_record_that_was_cut_is_joined() -> None:
    whole = f"{CUT[:240].rpartition(' ')[0]} include:one.example ~all"
    first, rest = whole[:200], whole[200:]
    (finding,) = [each for each in await findings({"shop.example": txt(first, rest)}) if each.severity == "error"]
    assert (finding.id, finding.fix.value, finding.fix.removes) == ("spf.size.string", first + rest, (first, rest))


@pytest.mark.parametrize("other", ["hello ~all", "-all is what I want", "v=spf2 ~all"])
async def test_a_text_that_is_no_rest_is_left_alone(other) -> None:
    found = await findings({"shop.example": txt("v=spf1 ip4:192.0.2.1", other)})
    assert [each.id for each in found] == ["spf.all.missing"]

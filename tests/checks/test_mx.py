"""Mail hosts: each finding from a zone, sound zones without any, nameservers that disagree, the command line."""

from __future__ import annotations

import re

import pytest

from relay.checks.asking import Asking
from relay.checks.mail_host import provider_of
from relay.checks.model import Severity
from relay.checks.mx import check_mx
from relay.checks.ns import ask_each
from relay.checks.report import sentence
from relay.locales import LANGUAGES, catalog
from relay.net.dns import NoName, Records, Unknown
from relay.net.zone import Zone

OK = {"A": ["198.51.100.1"], "AAAA": ["2001:db8::1"]}
BASE = {
    "mx.example": OK,
    "mx2.example": {"A": ["198.51.100.2"]},
    "alias.example": {"CNAME": ["mx.example"]},
    "dangling.example": {"CNAME": ["gone.example"]},
    "inside.example": {"A": ["10.0.0.1"]},
    "half.example": {"A": ["198.51.100.3", "192.168.1.1"]},
    "self.example": {"A": ["127.0.0.1"]},
    "quiet.example": {"A": "timeout", "AAAA": "timeout"},
    "slow6.example": {"A": ["198.51.100.4"], "AAAA": "SERVFAIL"},
    "aspmx.l.google.com": OK,
    "empty.example": {"TXT": ["no address"]},
}
E, W, N, U = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN


def mx(*records: str) -> dict[str, list[str]]:
    return {"MX": list(records)}


# The rows of shop.example -> what is found, with its severity.
CASES = [
    (None, {"mx.nxdomain": E}),
    ("SERVFAIL", {"mx.unknown": U}),
    ({"MX": "timeout"}, {"mx.unknown": U}),
    (mx("0 ."), {"mx.null": E}),
    (mx("10 ."), {"mx.null": E, "mx.null.pref": W}),
    (mx("0 .", "10 mx.example"), {"mx.null.mixed": W}),
    ({"TXT": ["nothing"]}, {"mx.none": E}),
    ({"A": ["198.51.100.9"]}, {"mx.none.a": W}),
    ({"A": ["10.1.1.1"]}, {"mx.none.a": W, "mx.target.private": E}),
    ({"A": "SERVFAIL", "TXT": ["x"]}, {"mx.unknown": U}),
    (mx("10 192.0.2.1"), {"mx.target.ip": E}),
    (mx("10 192.0.2.1", "20 mx.example"), {"mx.target.ip": W}),
    (mx("10 localhost"), {"mx.target.localhost": E}),
    (mx("10 self.example", "20 mx.example"), {"mx.target.localhost": W}),
    (mx("10 inside.example"), {"mx.target.private": E}),
    (mx("10 half.example"), {"mx.target.private": W}),
    (mx("10 quiet.example"), {"mx.target.unknown": U}),
    (mx("10 gone.example"), {"mx.target.dead": E}),
    (mx("10 empty.example"), {"mx.target.dead": E}),
    (mx("10 gone.example", "20 mx.example"), {"mx.target.dead": W}),
    (mx("10 gone.example", "20 quiet.example"), {"mx.target.dead": W, "mx.target.unknown": U}),
    (mx("10 dangling.example", "20 mx.example"), {"mx.target.dead": W}),
    (mx("10 alias.example"), {"mx.target.cname": W}),
    (mx("10 mx.example", "20 mx.example"), {"mx.dup": N}),
    (mx("1 aspmx.l.google.com"), {"mx.provider": N}),
]
SOUND = [mx("10 mx.example"), mx("10 mx.example", "10 mx2.example"), mx("10 Mx.Example."), mx("10 slow6.example")]


def zone_of(rows) -> Zone:
    return Zone(BASE if rows is None else BASE | {"shop.example": rows})


async def part_of(rows, domain: str = "shop.example"):
    return await check_mx(Asking(zone_of(rows)), domain)


def found(part) -> dict[str, Severity]:
    return {finding.id: finding.severity for finding in part.findings}


@pytest.mark.parametrize(("rows", "wanted"), CASES)
async def test_finding(rows, wanted) -> None:
    part = await part_of(rows)
    assert found(part) == wanted
    for language in LANGUAGES:
        assert all(not re.search(r"[{}]", sentence(finding, catalog(language))) for finding in part.findings)


def test_every_finding_has_a_case() -> None:
    sentences = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith("check.mx.")}
    assert {id for _, wanted in CASES for id in wanted} == sentences


@pytest.mark.parametrize("rows", SOUND)
async def test_sound_domains_have_no_finding(rows) -> None:
    assert (await part_of(rows)).findings == ()


# What the one fix publishes, and what it removes.
FIXES = [
    (mx("10 ."), "mx.null.pref", "0 .", "shop.example. IN MX 0 .", ("10 .",)),
    (mx("0 .", "10 mx.example"), "mx.null.mixed", "", "", ("0 .",)),
    ({"A": ["198.51.100.9"]}, "mx.none.a", "10 shop.example", "shop.example. IN MX 10 shop.example.", ()),
    (
        mx("5 alias.example"), "mx.target.cname",
        "5 mx.example", "shop.example. IN MX 5 mx.example.", ("5 alias.example",),
    ),
    (
        mx("5 mx.shop.example.shop.example"), "mx.target.dead",
        "5 mx.shop.example", "shop.example. IN MX 5 mx.shop.example.", ("5 mx.shop.example.shop.example",),
    ),
    (
        mx("1 aspmx.l.google.com.shop.example"), "mx.target.dead",
        "1 aspmx.l.google.com", "shop.example. IN MX 1 aspmx.l.google.com.", ("1 aspmx.l.google.com.shop.example",),
    ),
    (mx("10 mx.example", "20 mx.example"), "mx.dup", "", "", ("20 mx.example",)),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "id", "value", "line", "removes"), FIXES)
async def test_fix(rows, id, value, line, removes) -> None:
    (fix,) = [finding.fix for finding in (await part_of(rows)).findings if finding.id == id]
    assert (fix.name, fix.type, fix.value, fix.zone, fix.removes) == ("shop.example", "MX", value, line, removes)


async def test_a_dead_host_of_its_own_zone_has_no_guess() -> None:
    (finding,) = (await part_of(mx("10 mail.shop.example"))).findings
    assert (finding.id, finding.fix) == ("mx.target.dead", None)


async def test_facts() -> None:
    facts = (await part_of(mx("20 mx2.example", "10 aspmx.l.google.com"))).facts
    assert facts["mx"] == [
        {"preference": 10, "host": "aspmx.l.google.com", "addresses": ["198.51.100.1", "2001:db8::1"]},
        {"preference": 20, "host": "mx2.example", "addresses": ["198.51.100.2"]},
    ]
    assert (facts["null_mx"], facts["provider"], facts["servers"]) == (False, "Google", {})
    assert (await part_of(mx("0 ."))).facts["null_mx"] is True
    assert (await part_of("timeout")).facts["null_mx"] is None


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("smtp.google.com", "Google"),
        ("shop-nl.mail.protection.outlook.com", "Microsoft 365"),
        ("nam.olc.protection.outlook.com", "Outlook.com"),
        ("mail.protonmail.ch", "Proton"),
        ("mx.transip.email", "TransIP"),
        ("mx.kpnmail.nl", "KPN"),
        ("notgoogle.com", None),
        ("google.com.example", None),
    ],
)
def test_provider(host, provider) -> None:
    assert provider_of(host) == provider


async def test_many_hosts_stay_within_the_questions_of_a_check() -> None:
    zone = zone_of(mx(*(f"{number} host{number}.example" for number in range(200))))
    await check_mx(Asking(zone), "shop.example")
    assert len(zone.asked) <= 50


# --- authoritative servers

NS = {
    "shop.example": {"NS": ["ns1.example", "ns2.example", "ns3.example"], "MX": ["10 mx.example"]},
    "ns1.example": {"A": ["192.0.2.1"]},
    "ns2.example": {"AAAA": ["2001:db8::2"]},
    "ns3.example": {"A": ["192.0.2.3"]},
}
ONE, OTHER = Zone({"shop.example": mx("10 mx.example", "20 mx2.example")}), Zone({"shop.example": mx("10 mx.example")})
SWAPPED = Zone({"shop.example": mx("20 mx2.example", "10 mx.example")}, ttl=7)
SILENT = Zone({"shop.example": "timeout"})


def asking(zone=NS, **servers: Zone) -> Asking:
    by_address = {"one": "192.0.2.1", "two": "2001:db8::2", "three": "192.0.2.3"}
    return Asking(Zone(BASE | zone, servers={by_address[name]: server for name, server in servers.items()}))


@pytest.mark.parametrize(
    ("servers", "differ"),
    [
        ({"one": ONE, "two": ONE, "three": SWAPPED}, False),
        ({"one": ONE, "two": OTHER, "three": ONE}, True),
        ({"one": ONE, "two": Zone({})}, True),
        ({"one": ONE, "two": SILENT, "three": ONE}, False),
        ({"one": SILENT, "two": SILENT, "three": SILENT}, False),
        ({"two": OTHER}, False),
        ({}, False),
    ],
)
async def test_servers_that_disagree(servers, differ) -> None:
    part = await check_mx(asking(**servers), "shop.example")
    assert found(part) == ({"ns.inconsistent": U} if differ else {})


async def test_what_each_server_says_is_a_fact() -> None:
    part = await check_mx(asking(one=ONE, two=Zone({}), three=SILENT), "shop.example")
    said = {"ns1.example": "10 mx.example, 20 mx2.example", "ns2.example": "NXDOMAIN", "ns3.example": "timeout"}
    assert part.facts["servers"] == said
    (finding,) = part.findings
    assert finding.evidence == tuple(f"{server}: {text}" for server, text in said.items())


async def test_the_zone_of_a_name_is_found_above_it() -> None:
    said = await ask_each(asking(one=ONE), "_dmarc.mail.shop.example", "TXT")
    assert {server: type(answer) for server, answer in said.items()} == {"ns1.example": NoName}


async def test_nobody_is_asked_where_the_zone_cut_is_unknown() -> None:
    zone = NS | {"mail.shop.example": {"NS": "SERVFAIL"}}
    assert await ask_each(asking(zone, one=ONE), "mail.shop.example", "MX") == {}


async def test_servers_behind_an_alias_are_not_those_of_the_name() -> None:
    zone = NS | {"www.shop.example": {"CNAME": ["cdn.example"]}, "cdn.example": {"NS": ["ns9.example"]}}
    said = await ask_each(asking(zone, one=ONE), "www.shop.example", "MX")
    assert list(said) == ["ns1.example"]


async def test_a_server_without_an_address_is_unknown() -> None:
    zone = {"shop.example": {"NS": ["nowhere.example", "broken.example"]}, "broken.example": "SERVFAIL"}
    said = await ask_each(asking(zone), "shop.example", "MX")
    assert said == {"nowhere.example": Unknown("no address"), "broken.example": Unknown("SERVFAIL")}


async def test_a_public_suffix_is_not_asked_for_a_name_below_it() -> None:
    zone = {"example": {"NS": ["ns1.example"]}, "ns1.example": {"A": ["192.0.2.1"]}}
    assert await ask_each(asking(zone, one=ONE), "shop.example", "MX") == {}


async def test_questions_to_servers_are_bounded() -> None:
    names = {f"ns{number}.example": {"A": ["192.0.2.1"]} for number in range(40)}
    server = Zone({"shop.example": mx("10 mx.example")})
    resolver = Zone({**names, "shop.example": {"NS": list(names)}}, servers={"192.0.2.1": server})
    said = await ask_each(Asking(resolver), "shop.example", "MX")
    assert all(isinstance(answer, Records) for answer in said.values())
    assert len(server.asked) == 1  # one address is asked once, however many names it has
    assert len(resolver.asked) <= 10


# --- the command line


def test_json_and_exit_codes(nameserver, checks) -> None:
    nameserver.zone = BASE | {"shop.example": mx("10 alias.example", "20 mx2.example"), "null.example": mx("0 .")}
    answer = checks.json("mx", "Shop.example.", servers=(nameserver,))
    assert answer["domain"] == "shop.example"
    assert [each["host"] for each in answer["mx"]] == ["alias.example", "mx2.example"]
    assert answer["findings"][0]["fix"]["zone"] == "shop.example. IN MX 10 mx.example."
    assert checks.run("mx", "shop.example", servers=(nameserver,)).exit_code == 0
    assert checks.run("mx", "null.example", servers=(nameserver,)).exit_code == 1
    nameserver.zone["dead.example"] = "SERVFAIL"
    assert checks.run("mx", "dead.example", servers=(nameserver,)).exit_code == 75


def test_text_for_a_person(nameserver, checks) -> None:
    nameserver.zone = BASE | {"shop.example": mx("10 gone.example", "20 alias.example")}
    for language in LANGUAGES:
        shown = checks.run("mx", "shop.example", "--lang", language, servers=(nameserver,)).stdout
        assert "found: 10 gone.example, 20 alias.example" in shown
        assert "20 mx.example" in shown.splitlines()
        assert max(map(len, shown.splitlines())) <= 80


def test_nothing_from_a_zone_reaches_the_terminal_unescaped(nameserver, checks) -> None:
    nameserver.zone = {"shop.example": mx("10 \x1b[31mred\x07.example")}
    for arguments in (("mx", "shop.example"), ("mx", "shop.example", "--json")):
        shown = checks.run(*arguments, servers=(nameserver,)).stdout
        assert "\x1b[31m" not in shown
        assert "\x07" not in shown

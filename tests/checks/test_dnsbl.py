"""Lists that mail is refused by: what their answers mean, and when they are not believed."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import pytest

from relay.checks.asking import Asking
from relay.checks.block_list import block_lists, entry_name
from relay.checks.dated import table
from relay.checks.dnsbl import check_dnsbl, queries_for
from relay.checks.model import Severity
from relay.checks.report import sentence
from relay.locales import LANGUAGES, catalog
from relay.net.zone import Zone

E, W, U = Severity.ERROR, Severity.WARNING, Severity.UNKNOWN
IP, DOMAIN = "198.51.100.7", "shop.example"
ZEN, COP, DBL, SURBL, URIBL = (
    "zen.spamhaus.org", "bl.spamcop.net", "dbl.spamhaus.org", "multi.surbl.org", "multi.uribl.com",
)  # fmt: skip
AT = "7.100.51.198"


def sound(zone: str) -> dict[str, dict[str, list[str]]]:
    """A list that answers its test as it must, and lists nothing else."""
    (found,) = [*block_lists("ip", [zone]), *block_lists("domain", [zone])]
    return {entry_name(found.test, zone): {"A": ["127.0.0.2"]}, zone: {"A": ["192.0.2.80"]}}


SOUND = {name: rows for each in table("dnsbl")["lists"] for name, rows in sound(each).items()}
TEST, CLEAN = f"2.0.0.127.{ZEN}", f"1.0.0.127.{ZEN}"


def listed(code: str, zone: str = ZEN, entry: str = AT) -> dict[str, dict[str, list[str]]]:
    return {f"{entry}.{zone}": {"A": [code], "TXT": ["see https://list.example/7"]}}


# What the lists say beside their tests -> what is found, and the state of the list.
CASES = [
    ({}, {}, "not listed"),
    (listed("127.0.0.2"), {"dnsbl.listed": E}, "listed"),
    (listed("127.0.0.10"), {"dnsbl.listed": E}, "listed"),
    (listed("127.0.0.77"), {"dnsbl.listed": E}, "listed"),
    (listed("127.255.255.252"), {"dnsbl.refused": U}, "refused"),
    (listed("127.255.255.254"), {"dnsbl.refused": U}, "refused"),
    (listed("127.255.255.255"), {"dnsbl.refused": U}, "refused"),
    (listed("203.0.113.1"), {"dnsbl.resolver": U}, "unknown"),
    ({f"{AT}.{ZEN}": "SERVFAIL"}, {"dnsbl.unknown": U}, "unknown"),
    ({f"{AT}.{ZEN}": "timeout"}, {"dnsbl.unknown": U}, "unknown"),
    # the list itself is not to be believed: what it says of the address does not count
    (listed("127.0.0.2") | {TEST: {"TXT": ["no A"]}}, {"dnsbl.resolver": U}, "unknown"),
    (listed("127.0.0.2") | {CLEAN: {"A": ["127.0.0.2"]}}, {"dnsbl.resolver": U}, "unknown"),
    (listed("127.0.0.2") | {TEST: {"A": ["203.0.113.1"]}}, {"dnsbl.resolver": U}, "unknown"),
    (listed("127.0.0.2") | {TEST: {"A": ["127.255.255.254"]}}, {"dnsbl.refused": U}, "refused"),
    (listed("127.0.0.2") | {TEST: "SERVFAIL"}, {"dnsbl.unknown": U}, "unknown"),
    (listed("127.0.0.2") | {CLEAN: "timeout"}, {"dnsbl.unknown": U}, "unknown"),
]


async def part_of(zone, *subjects: str, named: tuple[str, ...] = ()):
    return await check_dnsbl(Asking(Zone(SOUND | zone), most=queries_for(len(subjects))), subjects, named)


@pytest.mark.parametrize(("zone", "wanted", "state"), CASES)
async def test_finding(zone, wanted, state) -> None:
    part = await part_of(zone, IP)
    assert {finding.id: finding.severity for finding in part.findings} == wanted
    assert part.facts["lists"] == dict.fromkeys(part.facts["lists"], "not listed") | {ZEN: state}
    for language in LANGUAGES:
        assert all(not re.search(r"[{}]", sentence(finding, catalog(language))) for finding in part.findings)


async def test_domain_on_a_list() -> None:
    part = await part_of(listed("127.0.1.2", DBL, DOMAIN), DOMAIN)
    (finding,) = part.findings
    assert (finding.id, finding.severity, finding.facts["meaning"]) == ("dbl.domain", W, "spam")
    assert part.facts["lists"] == {DBL: "listed", SURBL: "not listed", URIBL: "not listed"}


async def test_every_finding_has_a_case() -> None:
    prefixes = ("check.dnsbl.", "check.dbl.")
    sentences = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith(prefixes)}
    assert {id for _, wanted, _ in CASES for id in wanted} | {"dbl.domain"} == sentences


@pytest.mark.parametrize(
    ("code", "zone", "state"),
    [
        ("127.0.0.1", SURBL, "refused"),
        ("127.0.0.1", URIBL, "refused"),
        ("127.0.0.80", SURBL, "listed"),
        ("127.255.255.254", DBL, "refused"),
    ],
)
async def test_lists_of_domains_refuse_in_their_own_way(code, zone, state) -> None:
    part = await part_of(listed(code, zone, DOMAIN), DOMAIN)
    assert part.facts["lists"][zone] == state


@pytest.mark.parametrize(
    ("code", "zone", "meaning"),
    [
        ("127.0.0.10", ZEN, "PBL: the provider says that no mail server is there"),
        ("127.0.0.77", ZEN, "127.0.0.77"),
        ("127.0.0.80", SURBL, "malware, abuse"),
        ("127.0.0.2", URIBL, "black: spam"),
        ("127.0.0.32", URIBL, "127.0.0.32"),
    ],
)
async def test_meaning(code, zone, meaning) -> None:
    subject = IP if zone == ZEN else DOMAIN
    part = await part_of(listed(code, zone, AT if zone == ZEN else DOMAIN), subject)
    assert part.findings[0].facts["meaning"] == meaning


async def test_the_list_gives_its_reason_as_evidence() -> None:
    part = await part_of(listed("127.0.0.2"), IP)
    assert part.findings[0].evidence == ("127.0.0.2", "see https://list.example/7")


async def test_lists_that_fail_in_one_way_have_one_finding() -> None:
    part = await check_dnsbl(Asking(Zone({})), (IP,))
    (finding,) = part.findings
    assert (finding.id, len(finding.evidence)) == ("dnsbl.resolver", 5)
    assert set(part.facts["lists"].values()) == {"unknown"}


async def test_severity_is_that_of_the_list() -> None:
    (finding,) = (await part_of(listed("127.0.0.2", COP), IP)).findings
    assert (finding.id, finding.severity) == ("dnsbl.listed", W)


def test_entries() -> None:
    assert entry_name("192.0.2.1", "list.example") == "1.2.0.192.list.example"
    nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
    assert entry_name("2001:db8::1", "list.example") == f"{nibbles}.list.example"
    assert entry_name("shop.example", "list.example") == "shop.example.list.example"


async def test_ipv6() -> None:
    entry = entry_name("2001:db8::1", ZEN).removesuffix(f".{ZEN}")
    part = await part_of(listed("127.0.0.3", ZEN, entry), "2001:db8::1", IP)
    assert part.facts["subjects"]["2001:db8::1"][ZEN] == "listed"
    assert part.facts["subjects"][IP][ZEN] == "not listed"
    assert part.facts["lists"][ZEN] == "listed"


async def test_a_list_is_tested_once_for_all_subjects() -> None:
    zone = Zone(SOUND)
    part = await check_dnsbl(Asking(zone, most=queries_for(3)), (IP, "198.51.100.8", DOMAIN))
    assert part.findings == ()
    assert zone.asked.count((TEST, "A")) == 1
    assert len(zone.asked) == 5 * 4 + 3 * 3  # test, clean, and each subject of its kind


async def test_dozens_of_subjects_have_questions_enough() -> None:
    subjects = [str(ip_address("198.51.100.0") + number) for number in range(60)]
    assert (await part_of({}, *subjects)).findings == ()


async def test_lists_that_need_a_key_are_asked_only_by_name() -> None:
    keyed = f"{AT}.abc.zen.dq.spamhaus.net"
    tested = {"2.0.0.127.abc.zen.dq.spamhaus.net": {"A": ["127.0.0.2"]}, keyed: {"A": ["127.0.0.4"]}}
    part = await part_of(tested, IP, named=("abc.zen.dq.spamhaus.net",))
    assert part.facts["lists"] == {"zen.dq.spamhaus.net": "listed"}  # the key stays out of the report
    assert "b.barracudacentral.org" not in (await part_of({}, IP)).facts["lists"]
    assert (await part_of({}, IP, named=("b.barracudacentral.org",))).facts["lists"] == {
        "b.barracudacentral.org": "not listed"
    }


def test_the_data_is_complete() -> None:
    for kind in ("ip", "domain"):
        for each in block_lists(kind):
            assert each.delist.startswith("https://")
            assert each.severity in {E, W}
            assert not {code for code in each.codes if ip_address(code) not in ip_network("127.0.0.0/8")}


def test_command(nameserver, checks) -> None:
    nameserver.zone = SOUND | listed("127.0.0.2") | listed("127.0.1.2", DBL, "bad.example")
    answer = checks.json("dnsbl", IP, "Shop.Example.", servers=(nameserver,))
    assert answer["lists"][ZEN] == "listed"
    assert answer["subjects"]["shop.example"] == {DBL: "not listed", SURBL: "not listed", URIBL: "not listed"}
    assert [finding["id"] for finding in answer["findings"]] == ["dnsbl.listed"]
    for subject, code in {IP: 1, "198.51.100.8": 0, DOMAIN: 0, "bad.example": 0, "no name": 2, "300.1.1.1": 2}.items():
        assert checks.run("dnsbl", subject, servers=(nameserver,)).exit_code == code
    assert checks.run("dnsbl", IP, "--list", COP, servers=(nameserver,)).exit_code == 0
    assert checks.run("dnsbl", IP, "--list", "nowhere.example", servers=(nameserver,)).exit_code == 2
    nameserver.zone = {}
    assert checks.run("dnsbl", IP, servers=(nameserver,)).exit_code == 75


def test_text_for_a_person(nameserver, checks) -> None:
    nameserver.zone = SOUND | listed("127.0.0.2")
    for language in LANGUAGES:
        shown = checks.run("dnsbl", IP, "--lang", language, servers=(nameserver,)).stdout
        assert "https://check.spamhaus.org/" in shown
        assert max(map(len, shown.splitlines())) <= 80


def test_nothing_from_a_list_reaches_the_terminal_unescaped(nameserver, checks) -> None:
    nameserver.zone = SOUND | listed("127.0.0.2")
    nameserver.zone[f"{AT}.{ZEN}"]["TXT"] = ["\x1b[31mred\x07"]
    for arguments in (("dnsbl", IP), ("dnsbl", IP, "--json")):
        assert "\x1b[31m" not in checks.run(*arguments, servers=(nameserver,)).stdout

"""The names of sending addresses and the name in EHLO: each finding from a zone, sound hosts without any."""

from __future__ import annotations

import re
from ipaddress import ip_address

import pytest

from relay.checks.asking import Asking
from relay.checks.generic_name import is_generic
from relay.checks.helo import is_host_name
from relay.checks.model import Severity
from relay.checks.ptr import check_ptr
from relay.checks.report import sentence
from relay.locales import LANGUAGES, catalog
from relay.net.zone import Zone

E, W, U = Severity.ERROR, Severity.WARNING, Severity.UNKNOWN
V4, V6, BARE4, BARE6 = "192.0.2.7", "2001:db8::7", "192.0.2.8", "2001:db8::8"
REVERSE4 = "7.2.0.192.in-addr.arpa"
REVERSE6 = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
ZONE = {
    "mail.example.nl": {"A": [V4, BARE4], "AAAA": [V6, BARE6]},
    REVERSE4: {"PTR": ["mail.example.nl"]},
    REVERSE6: {"PTR": ["mail.example.nl"]},
    "other.example.nl": {"A": [V4]},
    "9.2.0.192.in-addr.arpa": {"PTR": ["gone.example.nl"]},
    "10.2.0.192.in-addr.arpa": {"PTR": ["mail.example.nl"]},
    "11.2.0.192.in-addr.arpa": {"PTR": ["11.2.0.192.dsl.provider.nl"]},
    "11.2.0.192.dsl.provider.nl": {"A": ["192.0.2.11"]},
    "12.2.0.192.in-addr.arpa": "SERVFAIL",
    "13.2.0.192.in-addr.arpa": {"PTR": ["quiet.example.nl"]},
    "quiet.example.nl": "timeout",
    "14.2.0.192.in-addr.arpa": {"PTR": ["gone.example.nl", "two.example.nl"]},
    "two.example.nl": {"A": ["192.0.2.14"]},
    "15.2.0.192.in-addr.arpa": {"PTR": ["dsl-15.provider.nl", "good.example.nl"]},
    "good.example.nl": {"A": ["192.0.2.15"]},
    "16.2.0.192.in-addr.arpa": {"TXT": ["no PTR"]},
    "empty.example.nl": {"TXT": ["no address"]},
    "inside.example.nl": {"A": ["10.0.0.5"]},
}

# What is checked, the name in EHLO -> what is found.
CASES = [
    ((V4, V6), "mail.example.nl", {}),
    ((V4,), "", {}),
    ((V4,), "Mail.Example.NL.", {}),
    (("192.0.2.14",), "two.example.nl", {}),
    (("192.0.2.15",), "good.example.nl", {}),
    (("mail.example.nl",), "", {"ptr.none": E, "ipv6.noptr": E}),
    ((BARE4,), "", {"ptr.none": E}),
    (("192.0.2.16",), "", {"ptr.none": E}),
    ((BARE6,), "", {"ipv6.noptr": E}),
    (("192.0.2.9",), "", {"ptr.fcrdns": E}),
    (("192.0.2.10",), "mail.example.nl", {"ptr.fcrdns": E}),
    (("192.0.2.11",), "", {"ptr.generic": W}),
    (("192.0.2.12",), "", {"ptr.unknown": U}),
    (("192.0.2.13",), "", {"ptr.unknown": U}),
    (("quiet.example.nl",), "", {"ptr.unknown": U}),
    (("gone.example.nl",), "", {"ptr.noaddress": E}),
    (("empty.example.nl",), "", {"ptr.noaddress": E}),
    (("10.0.0.5",), "", {"ptr.private": W}),
    (("inside.example.nl",), "", {"ptr.private": W}),
    ((V4,), "other.example.nl", {"ptr.helo": W}),
    ((V4,), "localhost", {"helo.invalid": E}),
    ((V4,), "mailserver", {"helo.invalid": E}),
    ((V4,), "mail.office.local", {"helo.invalid": E}),
    ((V4,), "[192.0.2.7]", {"helo.invalid": E}),
    ((V4,), "192.0.2.7", {"helo.invalid": E}),
    ((V4,), "mail_1.example.nl", {"helo.invalid": E}),
    ((V4,), "empty.example.nl", {"helo.unresolved": W, "ptr.helo": W}),
    ((V4,), "quiet.example.nl", {"helo.unknown": U, "ptr.helo": W}),
]


def targets(texts):
    return [ip_address(text) if text[0].isdigit() else text for text in texts]


async def part_of(texts, helo: str = ""):
    return await check_ptr(Asking(Zone(ZONE)), targets(texts), helo)


@pytest.mark.parametrize(("texts", "helo", "wanted"), CASES)
async def test_finding(texts, helo, wanted) -> None:
    part = await part_of(texts, helo)
    assert {finding.id: finding.severity for finding in part.findings} == wanted
    for language in LANGUAGES:
        assert all(not re.search(r"[{}]", sentence(finding, catalog(language))) for finding in part.findings)


def test_every_finding_has_a_case() -> None:
    prefixes = ("check.ptr.", "check.helo.", "check.ipv6.")
    sentences = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith(prefixes)}
    assert {id for *_, wanted in CASES for id in wanted} == sentences


@pytest.mark.parametrize(
    ("texts", "helo", "id", "record"),
    [
        ((BARE4,), "mail.example.nl", "ptr.none", ("8.2.0.192.in-addr.arpa", "PTR", "mail.example.nl", ())),
        ((BARE6,), "mail.example.nl", "ipv6.noptr", ("8" + REVERSE6[1:], "PTR", "mail.example.nl", ())),
        ((BARE4,), "other.example.nl", "ptr.none", None),
        ((BARE4,), "", "ptr.none", None),
        (("192.0.2.9",), "", "ptr.fcrdns", ("gone.example.nl", "A", "192.0.2.9", ())),
        ((V4,), "other.example.nl", "ptr.helo", (REVERSE4, "PTR", "other.example.nl", ("mail.example.nl",))),
        ((V4,), "empty.example.nl", "ptr.helo", None),
        ((V4,), "empty.example.nl", "helo.unresolved", ("empty.example.nl", "A", V4, ())),
        (("192.0.2.12",), "mail.example.nl", "ptr.unknown", None),
    ],
)
async def test_fix(texts, helo, id, record) -> None:
    (fix,) = [finding.fix for finding in (await part_of(texts, helo)).findings if finding.id == id]
    assert (fix and (fix.name, fix.type, fix.value, fix.removes)) == record


async def test_a_domain_is_the_name_that_its_addresses_should_have() -> None:
    fixes = {finding.fix.zone for finding in (await part_of(["mail.example.nl"])).findings if finding.fix}
    assert "8.2.0.192.in-addr.arpa. IN PTR mail.example.nl." in fixes


async def test_facts() -> None:
    facts = (await part_of([V4, "192.0.2.9", "192.0.2.12", BARE4], "mail.example.nl")).facts
    assert facts["ptr"] == {V4: ["mail.example.nl"], "192.0.2.9": ["gone.example.nl"], "192.0.2.12": [], BARE4: []}
    assert facts["confirmed"] == {V4: True, "192.0.2.9": False, "192.0.2.12": None, BARE4: False}
    assert facts["helo"] == "mail.example.nl"


async def test_an_address_with_hundreds_of_names_is_bounded() -> None:
    zone = Zone({REVERSE4: {"PTR": [f"host{number}.example" for number in range(300)]}})
    part = await check_ptr(Asking(zone), targets([V4]))
    assert [finding.id for finding in part.findings] == ["ptr.fcrdns"]
    assert len(zone.asked) <= 6


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("203-0-113-7.provider.nl", "203.0.113.7"),
        ("static.7.113.0.203.clients.provider.de", "203.0.113.7"),
        ("ip203.0.113.7.provider.fr", "203.0.113.7"),
        ("h203000113007.provider.nl", "203.0.113.7"),
        ("cb007107.provider.nl", "203.0.113.7"),
        ("dsl-7.provider.nl", "203.0.113.7"),
        ("pool7.dhcp.provider.nl", "203.0.113.7"),
        ("2001-db8--7.provider.nl", "2001:db8::7"),
        ("7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.provider.nl", "2001:db8::7"),
    ],
)
def test_names_of_lines(name, address) -> None:
    assert is_generic(name, ip_address(address))


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("mail.example.nl", "203.0.113.7"),
        ("mx7.example.nl", "203.0.113.7"),
        ("a113-7.smtp-out.eu.example.com", "203.0.113.7"),
        ("example.nl", "203.0.113.7"),
        ("dynamics.example.nl", "203.0.113.7"),
        ("mail7.customers.example.nl", "203.0.113.7"),
        ("clients.mail.example.nl", "203.0.113.7"),
        ("7.113.0.203", "203.0.113.7"),
        ("mail.example.nl", "2001:db8::7"),
        ("mx-7.example.nl", "2001:db8::7"),
    ],
)
def test_names_of_servers(name, address) -> None:
    assert not is_generic(name, ip_address(address))


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("mail.example.nl", True), ("xn--bcher-kva.example", True), ("a.b", True), ("", False), ("mail", False),
        ("mail..nl", False), ("-a.example", False), ("a-.example", False), ("mail.example.lan", False),
        ("10.0.0.1", False), ("a" * 64 + ".nl", False), (".".join(["a" * 60] * 5), False), ("ma il.nl", False),
    ],
)  # fmt: skip
def test_host_names(name, valid) -> None:
    assert is_host_name(name) is valid


def test_command(nameserver, checks) -> None:
    nameserver.zone = ZONE
    answer = checks.json("ptr", BARE4, BARE6, "--helo", "mail.example.nl", servers=(nameserver,))
    assert [finding["id"] for finding in answer["findings"]] == ["ptr.none", "ipv6.noptr"]
    assert answer["findings"][0]["fix"]["zone"] == "8.2.0.192.in-addr.arpa. IN PTR mail.example.nl."
    assert answer["ptr"] == {BARE4: [], BARE6: []}
    codes = {V4: 0, BARE4: 1, "192.0.2.12": 75, "mail.example.nl": 1, "xn--nowhere.example": 1}
    for target, code in codes.items():
        assert checks.run("ptr", target, servers=(nameserver,)).exit_code == code
    assert checks.run("ptr").exit_code == 2


def test_text_for_a_person(nameserver, checks) -> None:
    nameserver.zone = ZONE
    for language in LANGUAGES:
        shown = checks.run("ptr", BARE6, "--helo", "mail.example.nl", "--lang", language, servers=(nameserver,)).stdout
        assert "mail.example.nl" in shown.splitlines()
        assert [line for line in shown.splitlines() if len(line) > 80 and "ip6.arpa" not in line] == []


def test_nothing_from_a_zone_reaches_the_terminal_unescaped(nameserver, checks) -> None:
    nameserver.zone = {REVERSE4: {"PTR": ["\x1b[31m\x07.example"]}}
    for arguments in (("ptr", V4), ("ptr", V4, "--json")):
        shown = checks.run(*arguments, servers=(nameserver,)).stdout
        assert "\x1b[31m" not in shown
        assert "\x07" not in shown

"""The platform's own records: each finding from a zone, a sound platform without any, the command line."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import replace
from ipaddress import ip_address

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa

from relay.checks.asking import Asking
from relay.checks.model import Severity
from relay.checks.platform import MOST_QUERIES, PlatformQuestion, check_platform
from relay.checks.report import sentence
from relay.checks.sending import Mode, Sending
from relay.cli import main
from relay.locales import LANGUAGES, catalog
from relay.mail.signing_key import key_record
from relay.net.zone import Zone

E, W, N, U = Severity.ERROR, Severity.WARNING, Severity.INFO, Severity.UNKNOWN
IP4, IP6 = "198.51.100.7", "2001:db8::7"
REVERSE4 = "7.100.51.198.in-addr.arpa"
REVERSE6 = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
INCLUDE = "v=spf1 ip4:198.51.100.0/28 ip6:2001:db8::/64 -all"
DMARC = "v=DMARC1; p=reject; adkim=s; aspf=r; rua=mailto:dmarc@customers.platform.nl"
KEY = key_record(rsa.generate_private_key(65537, 2048).public_key())
ZONE = {
    "mail.platform.nl": {"A": [IP4], "AAAA": [IP6], "TXT": ["v=spf1 a -all"]},
    REVERSE4: {"PTR": ["mail.platform.nl"]},
    REVERSE6: {"PTR": ["mail.platform.nl"]},
    "spf.platform.nl": {"TXT": [INCLUDE]},
    "bounce.platform.nl": {"TXT": ["v=spf1 include:spf.platform.nl ~all"], "MX": ["10 mail.platform.nl"]},
    "customers.platform.nl": {"TXT": ["v=spf1 include:spf.platform.nl ~all"], "MX": ["10 mail.platform.nl"]},
    "_dmarc.customers.platform.nl": {"TXT": [DMARC]},
    "r1._domainkey.customers.platform.nl": {"TXT": [KEY]},
}
SENDING = Sending(
    Mode.REWRITTEN,
    "customers.platform.nl",
    "bounce.platform.nl",
    helo="mail.platform.nl",
    dkim_domain="customers.platform.nl",
    selectors=("r1",),
)
QUESTION = PlatformQuestion(SENDING, "spf.platform.nl", {"r1": KEY}, DMARC)


def include(*texts: str) -> dict[str, dict[str, list[str]]]:
    return {"spf.platform.nl": {"TXT": list(texts)}}


def bounce(**rows: list[str]) -> dict[str, dict[str, list[str]]]:
    return {"bounce.platform.nl": ZONE["bounce.platform.nl"] | rows}


LONG = " ".join(f"ip4:203.0.113.{number}" for number in range(1, 30))
SIX = "ip6:2001:db8::/64"

# What differs in the zone -> what is found beside what follows from it at the bounce domain.
CASES = [
    ({}, {}),
    ({"spf.platform.nl": "SERVFAIL"}, {"spf.platform.unknown": U, "spf.include.temperror": U}),
    (include("no record"), {"spf.platform.none": E}),
    (include(INCLUDE, INCLUDE), {"spf.multiple": E}),
    (include(f"v=spf1 a:mail.platform.nl ip4:{IP4} {SIX} -all"), {"spf.platform.lookups": E}),
    (include(f"v=spf1 ip4:{IP4} {SIX} ra=postmaster -all"), {"spf.platform.terms": W}),
    (include(f"v=spf1 ip4:{IP4} {SIX} +all"), {"spf.platform.all": E}),
    (include(f"v=spf1 ip4:{IP4} {SIX} {LONG} -all"), {"spf.platform.size": E}),
    (include(f"v=spf1 ip4:198.51.100.99 {SIX} -all"), {"spf.platform.address": E}),
    (include(f"v=spf1 -ip4:{IP4} ip4:{IP4} {SIX} -all"), {"spf.platform.address": E}),
    (include(f"v=spf1 ip4:{IP4} -all"), {"spf.platform.family": E}),
    (include(f"v=spf1 ip4:{IP4}/33 {SIX} -all"), {"spf.syntax": E, "spf.platform.family": E}),
    (bounce(TXT=["v=spf1 -all"]), {"spf.platform.bounce": E}),
    (bounce(TXT=["nothing"]), {"spf.platform.bounce": E}),
    (bounce(MX=[]), {"mx.none": E}),
    ({"mail.platform.nl": {"A": [IP4], "AAAA": [IP6]}}, {"spf.platform.helo": N}),
    ({"mail.platform.nl": {"A": [IP4], "AAAA": [IP6], "TXT": ["v=spf1 -all"]}}, {"spf.platform.helo": E}),
    ({REVERSE4: {"PTR": ["other.nl"]}}, {"ptr.fcrdns": E, "ptr.helo": W}),
    ({REVERSE6: {"TXT": ["x"]}}, {"ipv6.noptr": E}),
    ({"_dmarc.customers.platform.nl": {"TXT": ["x"]}}, {"dmarc.none": W}),
    ({"r1._domainkey.customers.platform.nl": {"TXT": ["v=DKIM1; p="]}}, {"dkim.revoked": E}),
]
# Findings of the other parts that follow from a broken include, or that say nothing here.
ASIDE = {"spf.platform.bounce", "spf.include.dead", "spf.multiple.nested", "spf.syntax.nested", "spf.temperror"}
ASIDE |= {"spf.unknown_modifier", "dmarc.unrelated"}


async def found(changes, question: PlatformQuestion = QUESTION):
    parts = await check_platform(Asking(Zone(ZONE | changes), most=MOST_QUERIES), question)
    return [finding for part in parts for finding in part.findings]


@pytest.mark.parametrize(("changes", "wanted"), CASES)
async def test_finding(changes, wanted) -> None:
    findings = await found(changes)
    assert {each.id: each.severity for each in findings if each.id not in ASIDE - set(wanted)} == wanted
    for language in LANGUAGES:
        assert all(not re.search(r"[{}]", sentence(finding, catalog(language))) for finding in findings)


async def test_a_family_that_is_not_used_is_a_note() -> None:
    only4 = ZONE["mail.platform.nl"] | {"AAAA": []}
    findings = await found({"mail.platform.nl": only4} | include(f"v=spf1 ip4:{IP4} -all"))
    assert [(each.id, each.severity) for each in findings] == [("spf.platform.family", N)]


async def test_settings() -> None:
    findings = await found({}, replace(QUESTION, wanted_keys={}, hostname_is_set=False))
    assert [(each.id, each.severity) for each in findings] == [("platform.hostname", W), ("platform.unsigned", E)]


def test_every_finding_has_a_case() -> None:
    prefixes = ("check.platform.", "check.spf.platform.")
    sentences = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith(prefixes)}
    produced = {id for _, wanted in CASES for id in wanted} | {"platform.hostname", "platform.unsigned"}
    assert sentences <= produced


FIXES = [
    (include("x"), "spf.platform.none", ("spf.platform.nl", f"v=spf1 ip4:{IP4} ip6:{IP6} -all")),
    (
        include(f"v=spf1 a ip4:198.51.100.99 {SIX} ~all"), "spf.platform.lookups",
        ("spf.platform.nl", f"v=spf1 ip4:{IP4} ip4:198.51.100.99 {SIX} ~all"),
    ),
    (include(f"v=spf1 ip4:{IP4} {SIX} +all"), "spf.platform.all", ("spf.platform.nl", f"v=spf1 ip4:{IP4} {SIX} -all")),
    (include(f"v=spf1 ip4:{IP4} -all"), "spf.platform.family", ("spf.platform.nl", f"v=spf1 ip6:{IP6} ip4:{IP4} -all")),
    (
        bounce(TXT=["v=spf1 ip4:192.0.2.1 -all"]), "spf.platform.bounce",
        ("bounce.platform.nl", "v=spf1 include:spf.platform.nl ip4:192.0.2.1 -all"),
    ),
    (bounce(MX=[]), "mx.none", ("bounce.platform.nl", "10 mail.platform.nl")),
    (bounce(MX=["0 ."]), "mx.null", ("bounce.platform.nl", "10 mail.platform.nl")),
    ({"mail.platform.nl": {"A": [IP4]}}, "spf.platform.helo", ("mail.platform.nl", "v=spf1 a -all")),
    ({"_dmarc.customers.platform.nl": {}}, "dmarc.none", ("_dmarc.customers.platform.nl", DMARC)),
    ({"r1._domainkey.customers.platform.nl": {}}, "dkim.none", ("r1._domainkey.customers.platform.nl", KEY)),
    ({REVERSE4: {}}, "ptr.none", (REVERSE4, "mail.platform.nl")),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "id", "record"), FIXES)
async def test_the_record_to_publish(changes, id, record) -> None:
    (fix,) = [finding.fix for finding in await found(changes) if finding.id == id]
    assert fix is not None
    assert (fix.name, fix.value) == record


async def test_a_published_proposal_leaves_nothing_to_say() -> None:
    broken = include("v=spf1 a ip4:198.51.100.99 +all ra=x") | bounce(TXT=["v=spf1 -all"], MX=[])
    proposals = {}
    for finding in await found(broken):
        if finding.fix is not None:
            rows = proposals.setdefault(finding.fix.name, {"TXT": [], "MX": ["10 mail.platform.nl"]})
            rows["TXT" if finding.fix.type == "TXT" else "MX"] = [finding.fix.value]
    assert [finding.id for finding in await found(broken | proposals)] == []


async def test_addresses_that_are_given_count_and_not_those_of_the_name() -> None:
    given = replace(QUESTION, sending=replace(SENDING, ips=(ip_address("203.0.113.9"),)))
    ids = {finding.id for finding in await found({}, given)}
    assert {"ptr.none", "spf.platform.address", "spf.platform.bounce"} <= ids


async def test_a_name_without_addresses() -> None:
    ids = [finding.id for finding in await found({"mail.platform.nl": {"TXT": ["v=spf1 a -all"]}})]
    assert "ptr.noaddress" in ids
    assert "helo.unresolved" in ids


async def test_silent_dns_is_unknown_and_never_a_no() -> None:
    silent = dict.fromkeys(ZONE, "timeout")
    assert {finding.severity for finding in await found(silent)} == {U}


CONFIG = """
[platform]
address = "mail@customers.platform.nl"
bounce_domain = "bounce.platform.nl"
spf_include = "spf.platform.nl"
hostname = "mail.platform.nl"
"""


def test_command(nameserver, checks, tmp_path) -> None:
    (tmp_path / "relay.toml").write_text(CONFIG)
    nameserver.zone = ZONE
    answer = checks.json("platform", servers=(nameserver,))
    assert [part["topic"] for part in answer["parts"]] == [
        "platform",
        "ptr",
        "spf-include",
        "spf",
        "spf",
        "mx",
        "dmarc",
    ]
    assert answer["parts"][1]["ptr"] == {IP4: ["mail.platform.nl"], IP6: ["mail.platform.nl"]}
    assert answer["parts"][2]["covered"] == {IP4: True, IP6: True}
    assert [each["id"] for part in answer["parts"] for each in part["findings"]] == ["platform.unsigned"]
    assert answer["queries"] > 10
    assert checks.run("platform", servers=(nameserver,)).exit_code == 1
    assert checks.run("platform", "--ip", "nowhere", servers=(nameserver,)).exit_code == 2


def test_own_keys_must_be_in_dns(nameserver, checks, tmp_path) -> None:
    made = CliRunner().invoke(main, ["key", "generate", "--domain", "customers.platform.nl", "--json"])
    keys = json.loads(made.stdout)
    (tmp_path / "relay.toml").write_text(CONFIG + keys["config"])
    nameserver.zone = ZONE | {each["record"]["name"]: {"TXT": [each["record"]["value"]]} for each in keys["keys"]}
    answer = checks.run("platform", "--json", servers=(nameserver,))
    assert [each for part in json.loads(answer.stdout)["parts"] for each in part["findings"]] == []
    assert answer.exit_code == 0
    nameserver.zone = ZONE
    parts = checks.json("platform", servers=(nameserver,))["parts"]
    fixes = {each["fix"]["value"] for part in parts for each in part["findings"]}
    assert fixes == {each["record"]["value"] for each in keys["keys"]}


def test_port_25_is_tried_only_when_asked_for(nameserver, checks, tmp_path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(5)
        port = server.getsockname()[1]
        (tmp_path / "relay.toml").write_text(f"{CONFIG}\n[delivery]\nport = {port}\n")
        nameserver.zone = ZONE | {"mx.far.nl": {"A": ["127.0.0.1"]}}
        answer = checks.json("platform", "--mx", "mx.far.nl", servers=(nameserver,))
    assert answer["parts"][-1]["tried"] == {"mx.far.nl": "open"}
    answer = checks.json("platform", "--connect", "--mx", "mx.far.nl", servers=(nameserver,))
    assert [finding["id"] for finding in answer["parts"][-1]["findings"]] == ["egress.refused"]


def test_text_for_a_person(nameserver, checks, tmp_path) -> None:
    (tmp_path / "relay.toml").write_text(CONFIG)
    nameserver.zone = ZONE | include("v=spf1 +all")
    for language in LANGUAGES:
        shown = checks.run("platform", "--lang", language, servers=(nameserver,)).stdout
        assert f"v=spf1 ip4:{IP4} ip6:{IP6} -all" in shown.splitlines()
        assert [line for line in shown.splitlines() if len(line) > 80 and "v=" not in line] == []


async def test_the_machines_own_name_is_proposed_to_nobody() -> None:
    changes = {"bounce.platform.nl": None}
    question = replace(QUESTION, sending=replace(SENDING, helo="localhost"))
    fixes = {finding.id: finding.fix for finding in await found(changes, question)}
    assert fixes["mx.nxdomain"] is None
    assert fixes["spf.platform.helo"] is None


async def test_a_from_domain_that_is_not_there_yet_is_given_its_record() -> None:
    zone = {name: rows for name, rows in ZONE.items() if "customers.platform.nl" not in name}
    parts = await check_platform(Asking(Zone(zone), most=MOST_QUERIES), QUESTION)
    fixes = {finding.id: finding.fix for part in parts for finding in part.findings}
    assert fixes["dmarc.nxdomain"].value == DMARC

"""MTA-STS of a domain: every finding from a zone and a policy, what must not be found, and the command line."""

from __future__ import annotations

import re

import pytest

from relay.checks.asking import Asking
from relay.checks.mta_sts.check import check_mta_sts
from relay.checks.mta_sts.findings import judge_sts
from relay.checks.mta_sts.known import Sts
from relay.locales import catalog
from relay.net.dns import Mx, Records
from relay.net.https import Fault, HttpsClient, Unfetched
from relay.net.zone import Zone

DOMAIN = "example.nl"
RECORD = "v=STSv1; id=2026"
POLICY = "version: STSv1\nmode: enforce\nmx: mail.example.nl\nmax_age: 604800\n"
PROPOSED = "version: STSv1\nmode: testing\nmx: mail.example.nl\nmax_age: 604800\n"
URL = "https://mta-sts.example.nl/.well-known/mta-sts.txt"


def zone(*texts, mx=("10 mail.example.nl",), **host):
    rows = {"TXT": list(texts)} if texts else {}
    mta = {"A": ["127.0.0.1"]} | host
    names = {DOMAIN: {"MX": mx} if mx else {"A": ["192.0.2.1"]}, "mta-sts.example.nl": mta}
    return names | ({"_mta-sts.example.nl": rows} if texts else {})


@pytest.fixture
def look(web):
    """Runs the check against a zone and a policy file."""

    async def run(names, policy: str | None = POLICY, media_type: str = "text/plain"):
        web.certificate("mta-sts.example.nl")
        if policy is not None:
            web.file(policy.encode(), media_type)
        client = HttpsClient(web.port, web.ca_file, private=True)
        return await check_mta_sts(Asking(Zone(names)), DOMAIN, client)

    return run


def ids(part):
    return [finding.id for finding in part.findings]


def without(line: str) -> str:
    return "".join(each for each in POLICY.splitlines(True) if not each.startswith(line))


# What is seen in DNS, the policy, and the findings with the beginning of the value to publish.
CASES = {
    "fine": (zone(RECORD), POLICY, {}),
    "an unrelated record beside it": (zone("v=spf1 -all", RECORD), POLICY, {}),
    "a record in strings with a final delimiter": (zone("v=STSv1; id=2026;"), POLICY, {}),
    "a wildcard": (zone(RECORD), POLICY.replace("mx: mail", "mx: *"), {}),
    "no MX": (zone(RECORD, mx=None), POLICY.replace("mail.example.nl", "example.nl"), {}),
    "names in capitals": (zone(RECORD, mx=("10 MAIL.Example.NL",)), POLICY, {}),
    "nothing": (zone(), None, {"sts.none": PROPOSED, "sts.txt.none": "v=STSv1; id="}),
    "unrelated": (zone("v=spf1 -all"), None, {"sts.none": PROPOSED, "sts.txt.none": "v=STSv1; id="}),
    "no mail": (zone(mx=("0 .",)), None, {}),
    "two": (zone(RECORD, "v=STSv1; id=2"), POLICY, {"sts.txt.multiple": "v=STSv1; id="}),
    "wrong version": (zone("v=STSv2; id=1"), POLICY, {"sts.txt.syntax": "v=STSv1; id="}),
    "space before the delimiter": (zone("v=STSv1 ; id=1"), POLICY, {"sts.txt.syntax": "v=STSv1; id="}),
    "rubbish behind": (zone("v=STSv1; id=1; what"), POLICY, {"sts.txt.syntax": "v=STSv1; id="}),
    "no id": (zone("v=STSv1;"), POLICY, {"sts.txt.id": "v=STSv1; id="}),
    "dashes in the id": (zone("v=STSv1; id=2026-11-24"), POLICY, {"sts.txt.id": "v=STSv1; id="}),
    "SERVFAIL": ({"_mta-sts.example.nl": "SERVFAIL"}, None, {"sts.unknown": None}),
    "MX unknown": (zone(RECORD, mx="timeout"), POLICY, {"sts.unknown": None}),
    "host unknown": (zone(RECORD, A="timeout"), None, {"sts.policy.fetch.unknown": None}),
    "host gone": (zone(RECORD, A=[]), None, {"sts.policy.fetch.no_address": PROPOSED}),
    "a line": (zone(RECORD), POLICY + "# hello\n", {"sts.policy.syntax.line": POLICY}),
    "no mode": (zone(RECORD), without("mode"), {"sts.policy.syntax.missing": PROPOSED}),
    "no mx": (zone(RECORD), without("mx"), {"sts.policy.syntax.missing": POLICY}),
    "version": (zone(RECORD), POLICY.replace("STSv1", "STSv2"), {"sts.policy.syntax.version": POLICY}),
    "mode": (zone(RECORD), POLICY.replace("enforce", "on"), {"sts.policy.syntax.mode": PROPOSED}),
    "max_age": (zone(RECORD), POLICY.replace("604800", "9e9"), {"sts.policy.syntax.max_age": POLICY}),
    "mx": (zone(RECORD), POLICY.replace("mail.", ".mail."), {"sts.policy.syntax.mx": POLICY}),
    "twice": (zone(RECORD), POLICY + "mode: none\n", {"sts.policy.syntax.duplicate": POLICY}),
    "blank": (zone(RECORD), POLICY + "\n", {"sts.policy.syntax.blank": POLICY}),
    "testing": (zone(RECORD), PROPOSED, {"sts.mode.testing": None}),
    "given up": (zone(RECORD), "version: STSv1\nmode: none\nmax_age: 1\n", {"sts.mode.none": None}),
    "short": (zone(RECORD), POLICY.replace("604800", "3600"), {"sts.mode.max_age": POLICY}),
    "another server": (
        zone(RECORD, mx=("10 mail.example.nl", "20 backup.example.org")),
        POLICY,
        {"sts.mx.mismatch": POLICY.replace("max_age", "mx: backup.example.org\nmax_age")},
    ),
    "a server two labels deep": (
        zone(RECORD, mx=("10 a.b.example.nl",)),
        POLICY.replace("mx: mail", "mx: *"),
        {"sts.mx.mismatch": POLICY.replace("mail.example.nl", "*.example.nl\nmx: a.b.example.nl")},
    ),
    "mismatch while testing": (
        zone(RECORD, mx=("10 other.example",)),
        PROPOSED,
        {"sts.mode.testing": None, "sts.mx.mismatch": PROPOSED.replace("max_age", "mx: other.example\nmax_age")},
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_cases(look, case) -> None:
    names, policy, expected = CASES[case]
    part = await look(names, policy)
    values = {each.id: each.fix.value if each.fix else None for each in part.findings}
    assert set(values) == set(expected)
    for found, begin in expected.items():
        assert begin is None or (values[found] or "").startswith(begin), found


@pytest.mark.parametrize(
    ("case", "severity"),
    [
        ("another server", "error"),
        ("mismatch while testing", "warning"),
        ("MX unknown", "unknown"),
        ("blank", "warning"),
    ],
)
async def test_severities(look, case, severity) -> None:
    names, policy, _ = CASES[case]
    assert severity in [finding.severity.value for finding in (await look(names, policy)).findings]


@pytest.mark.parametrize("fault", Fault)
async def test_every_way_not_to_get_a_policy(fault) -> None:
    mx = Records((Mx(10, "mail.example.nl"),), 60)
    finding, *others = judge_sts(Sts(DOMAIN, Records((RECORD.encode(),), 60), mx, Unfetched(fault, "detail")))
    assert (finding.id, others) == (f"sts.policy.fetch.{fault}", [])
    expected = "unknown" if fault in {Fault.UNKNOWN, Fault.TIMEOUT, Fault.UNREACHABLE} else "error"
    assert finding.severity.value == expected


@pytest.mark.parametrize("media_type", ["text/html", "application/octet-stream", ""])
async def test_the_wrong_type(look, media_type) -> None:
    part = await look(zone(RECORD), POLICY, media_type)
    assert ids(part) == ["sts.policy.fetch.type"]
    assert part.findings[0].fix.value == POLICY


def test_every_finding_has_a_case() -> None:
    produced = {found for _, _, expected in CASES.values() for found in expected}
    produced |= {f"sts.policy.fetch.{fault}" for fault in Fault} | {"sts.policy.fetch.type"}
    assert produced == {key.removeprefix("check.") for key in catalog("en").file("check.sts")}


async def test_nothing_is_fetched_where_nothing_is_announced(look, web) -> None:
    await look(zone("v=spf1 -all"))
    assert web.requests == []


async def test_the_proposed_id_is_made_from_the_policy(look) -> None:
    one = (await look(zone(), None)).findings[1].fix
    again = (await look(zone(), None)).findings[1].fix
    other = (await look(zone(mx=("10 other.example",)), None)).findings[1].fix
    assert one == again != other
    assert re.fullmatch(r"v=STSv1; id=[0-9a-f]{16}", one.value)
    assert one.zone == f'_mta-sts.example.nl. IN TXT "{one.value}"'


async def test_several_records_are_to_be_removed(look) -> None:
    fix = (await look(zone(RECORD, "v=STSv1; id=2"))).findings[0].fix
    assert fix.removes == (RECORD, "v=STSv1; id=2")


async def test_a_file_is_no_record(look) -> None:
    fix = (await look(zone(), None)).findings[0].fix
    assert (fix.type, fix.name, fix.zone) == ("HTTPS", URL, "")


async def test_names_that_no_policy_can_hold_are_left_out(look) -> None:
    part = await look(zone(mx=("10 we_ird.example.nl", "20 mail.example.nl")), None)
    assert part.findings[0].fix.value == PROPOSED


async def test_facts(look) -> None:
    part = await look(zone(RECORD, mx=("10 mail.example.nl", "20 b.example")))
    assert part.facts == {
        "record": RECORD,
        "id": "2026",
        "policy": {"mode": "enforce", "mx": ["mail.example.nl"], "max_age": 604800},
        "mx": [{"host": "mail.example.nl", "covered": True}, {"host": "b.example", "covered": False}],
    }


async def test_no_answer_is_no_verdict(look) -> None:
    part = await look({"_mta-sts.example.nl": "timeout", DOMAIN: "timeout"}, None)
    assert [finding.severity.value for finding in part.findings] == ["unknown"]


def options(web):
    return "--https-port", str(web.port), "--cafile", web.ca_file


def test_the_command(checks, nameserver, web) -> None:
    nameserver.zone = zone(RECORD, mx=("10 mail.example.nl", "20 backup.example.org"))
    web.certificate("mta-sts.example.nl")
    web.file(POLICY.encode())
    document = checks.json("mta-sts", "Example.NL.", *options(web), servers=(nameserver,))
    assert document["domain"] == DOMAIN
    assert document["policy"]["mode"] == "enforce"
    (finding,) = document["findings"]
    assert (finding["id"], finding["severity"]) == ("sts.mx.mismatch", "error")
    assert finding["fix"]["name"] == URL
    result = checks.run("mta-sts", DOMAIN, *options(web), servers=(nameserver,))
    assert result.exit_code == 1
    assert f"Serve this file at {URL}:" in " ".join(result.stdout.split())
    assert "\nmx: backup.example.org\nmax_age: 604800\n" in result.stdout


def test_the_command_on_a_policy_that_redirects(checks, nameserver, web) -> None:
    nameserver.zone = zone(RECORD)
    web.certificate("mta-sts.example.nl")
    web.answer = b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\x1b[31m\r\nContent-Length: 0\r\n\r\n"
    result = checks.run("mta-sts", DOMAIN, *options(web), "--lang", "nl", servers=(nameserver,))
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
    assert "sts.policy.fetch" in result.stdout


def test_the_command_on_a_hostile_record(checks, nameserver, web) -> None:
    nameserver.zone = zone(b"v=STSv1; id=\x1b[31m\xff\n;{0}{x}%s")
    web.certificate("mta-sts.example.nl")
    web.file(b"\x1b]0;title\x07{0}\n\xff\xfe\n" * 100)
    result = checks.run("mta-sts", DOMAIN, *options(web), servers=(nameserver,))
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


async def test_a_page_in_place_of_the_policy(look) -> None:
    page = "<html>\n" + "<p>not found\n" * 3000
    assert ids(await look(zone(RECORD), page, "text/html")) == ["sts.policy.fetch.type"]
    part = await look(zone(RECORD), page)
    assert ids(part) == ["sts.policy.syntax.line"] + ["sts.policy.syntax.missing"] * 4
    assert part.findings[0].facts["wrote"] == "<html>"


async def test_a_line_of_sixty_thousand_characters(look) -> None:
    part = await look(zone(RECORD), POLICY + "<" * 60_000)
    assert [len(finding.facts["wrote"]) for finding in part.findings] == [100]


def test_the_command_without_dns(checks, nameserver) -> None:
    nameserver.zone = {"_mta-sts.example.nl": "SERVFAIL", DOMAIN: "SERVFAIL"}
    result = checks.run("mta-sts", DOMAIN, servers=(nameserver,))
    assert result.exit_code == 75
    assert "sts.unknown" in result.stdout


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_is_none(checks, tmp_path, content) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    result = checks.run("mta-sts", DOMAIN, "--cafile", str(path))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"relay: --cafile {path}: ")


async def test_no_record_is_proposed_where_the_file_cannot_be_told(look) -> None:
    fixes = {finding.id: finding.fix for finding in (await look({DOMAIN: {"MX": "SERVFAIL"}}, None)).findings}
    assert fixes["sts.none"] is None
    assert fixes["sts.txt.none"] is None

"""TLS reporting of a domain: every finding from a zone, what must not be found, and the command line."""

from __future__ import annotations

import pytest

from relay.checks.asking import Asking
from relay.checks.tls_rpt import check_tls_rpt
from relay.locales import catalog
from relay.net.zone import Zone

DOMAIN = "example.nl"
PLACE = "_smtp._tls.example.nl"
RECORD = "v=TLSRPTv1; rua=mailto:tls@example.nl"
FIX = "v=TLSRPTv1; rua=mailto:tls-reports@example.nl"

CASES = {
    "fine": ([RECORD], {}),
    "two places": (["v=TLSRPTv1;rua=mailto:tls@example.nl , https://reports.example/v1?x=1 ;"], {}),
    "an extension": ([RECORD + "; later.on-1=yes indeed"], {}),
    "an unrelated record beside it": (["v=spf1 -all", RECORD], {}),
    "a name in capitals in the address": (["v=TLSRPTv1; rua=mailto:TLS@Example.NL"], {}),
    "nothing": ([], {"tlsrpt.none": FIX}),
    "unrelated": (["v=spf1 -all"], {"tlsrpt.none": FIX}),
    "two": ([RECORD, RECORD + ";"], {"tlsrpt.multiple": FIX}),
    "another version": (["v=TLSRPTv2; rua=mailto:tls@example.nl"], {"tlsrpt.syntax": FIX}),
    "small letters": (["v=tlsrptv1; rua=mailto:tls@example.nl"], {"tlsrpt.syntax": FIX}),
    "quotes": (['"v=TLSRPTv1; rua=mailto:tls@example.nl"'], {"tlsrpt.syntax": FIX}),
    "rubbish": ([RECORD + "; rubbish"], {"tlsrpt.syntax": FIX}),
    "nowhere": (["v=TLSRPTv1;"], {"tlsrpt.rua.none": FIX}),
    "an address without mailto": (["v=TLSRPTv1; rua=tls@example.nl"], {"tlsrpt.rua": FIX}),
    "http": (["v=TLSRPTv1; rua=http://reports.example/"], {"tlsrpt.rua": FIX}),
    "no address": (["v=TLSRPTv1; rua=mailto:tls"], {"tlsrpt.rua": FIX}),
    "no host": (["v=TLSRPTv1; rua=https:///x"], {"tlsrpt.rua": FIX}),
    "no URI at all": (["v=TLSRPTv1; rua=https://[x"], {"tlsrpt.rua": FIX}),
    "nothing behind the comma": ([RECORD + ","], {"tlsrpt.rua": FIX}),
    "SERVFAIL": ("SERVFAIL", {"tlsrpt.unknown": None}),
}


async def look(rows):
    return await check_tls_rpt(Asking(Zone({PLACE: {"TXT": rows}, DOMAIN: {"A": ["192.0.2.1"]}})), DOMAIN)


@pytest.mark.parametrize("case", CASES)
async def test_cases(case) -> None:
    rows, expected = CASES[case]
    part = await look(rows)
    assert {each.id: each.fix.value if each.fix else None for each in part.findings} == expected


def test_every_finding_has_a_case() -> None:
    produced = {found for _, expected in CASES.values() for found in expected}
    assert produced == {key.removeprefix("check.") for key in catalog("en").file("check.tlsrpt")}


async def test_facts() -> None:
    part = await look(["v=TLSRPTv1; rua=mailto:a@b.example, https://c.example/"])
    assert part.facts["rua"] == ["mailto:a@b.example", "https://c.example/"]


async def test_what_is_replaced_is_to_be_removed() -> None:
    fix = (await look([RECORD, RECORD + ";", "v=spf1 -all"])).findings[0].fix
    assert fix.removes == (RECORD, RECORD + ";")
    assert fix.zone == f'{PLACE}. IN TXT "{FIX}"'


def test_the_command(checks, nameserver) -> None:
    nameserver.zone = {PLACE: {"TXT": ["v=TLSRPTv1; rua=http://\x1b[31mevil/"]}, DOMAIN: {}}
    document = checks.json("tls-rpt", DOMAIN, servers=(nameserver,))
    assert [finding["id"] for finding in document["findings"]] == ["tlsrpt.syntax"]
    result = checks.run("tls-rpt", DOMAIN, "--lang", "fr", servers=(nameserver,))
    assert result.exit_code == 0  # a warning
    assert "\x1b" not in result.stdout
    assert FIX in result.stdout


@pytest.mark.parametrize(("zone", "code"), [({PLACE: "SERVFAIL"}, 75), ({DOMAIN: {}}, 0), ({}, 0)])
def test_exit_codes(checks, nameserver, zone, code) -> None:
    nameserver.zone = zone
    assert checks.run("tls-rpt", DOMAIN, servers=(nameserver,)).exit_code == code

"""BIMI of a domain: every finding from a zone and a logo, what must not be found, and the command line."""

from __future__ import annotations

import pytest

from relay.checks.asking import Asking
from relay.checks.bimi import check_bimi
from relay.locales import catalog
from relay.net.https import HttpsClient
from relay.net.zone import Zone

DOMAIN = "example.nl"
PLACE = "default._bimi.example.nl"
LOCATION = "https://logo.example.nl/l.svg"
RECORD = f"v=BIMI1; l={LOCATION}; a=https://logo.example.nl/l.pem"
REJECT = "v=DMARC1; p=reject; rua=mailto:dmarc@example.nl"
SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps">'
    b"<title>x</title></svg>"
)


def zone(*texts, dmarc=REJECT, place=PLACE):
    return {
        DOMAIN: {"MX": ["10 mail.example.nl"]},
        "_dmarc.example.nl": dmarc if dmarc in {"SERVFAIL", "timeout"} else {"TXT": [dmarc]},
        "logo.example.nl": {"A": ["127.0.0.1"]},
        place: {"TXT": list(texts)},
    }


CASES = {
    "fine": (zone(RECORD), []),
    "an unrelated record beside it": (zone("v=spf1 -all", RECORD), []),
    "quarantine": (zone(RECORD, dmarc=REJECT.replace("reject", "quarantine")), []),
    "only a certificate": (zone("v=BIMI1; l=; a=https://logo.example.nl/l.pem"), []),
    "another tag": (zone(f"{RECORD}; avp=brand;"), []),
    "DMARC unknown": (zone(RECORD, dmarc="SERVFAIL"), []),
    "nothing": (zone(), ["bimi.none"]),
    "unrelated": (zone("v=spf1 -all"), ["bimi.none"]),
    "two": (zone(RECORD, RECORD), ["bimi.multiple"]),
    "another version": (zone(RECORD.replace("BIMI1", "BIMI12")), ["bimi.syntax"]),
    "version not first": (zone("v=BIMI1 l=x; " + RECORD), ["bimi.syntax"]),
    "no tag": (zone(f"{RECORD}; what"), ["bimi.syntax"]),
    "declined": (zone("v=BIMI1; l=; a=;"), ["bimi.declined"]),
    "http": (zone(RECORD.replace(LOCATION, "http://logo.example.nl/l.svg")), ["bimi.location"]),
    "no place": (zone("v=BIMI1; a=https://logo.example.nl/l.pem"), ["bimi.location"]),
    "a place nobody can read": (zone(RECORD.replace(LOCATION, "https://[x")), ["bimi.location"]),
    "a port of its own": (zone(RECORD.replace(LOCATION, "https://logo.example.nl:22/")), ["bimi.location"]),
    "no certificate": (zone(f"v=BIMI1; l={LOCATION}"), ["bimi.vmc"]),
    "a certificate by http": (zone(RECORD.replace("https://logo.example.nl/l.pem", "http://x/")), ["bimi.authority"]),
    "p=none": (zone(RECORD, dmarc=REJECT.replace("reject", "none")), ["bimi.dmarc"]),
    "no DMARC": (zone(RECORD, dmarc="v=spf1 -all"), ["bimi.dmarc"]),
    "SERVFAIL": (zone() | {PLACE: "SERVFAIL"}, ["bimi.unknown"]),
}
LOGOS = {
    "fine": (SVG, []),
    "too large": (SVG + b" " * 32768, ["bimi.svg.size"]),
    "much too large": (SVG + b" " * 70_000, ["bimi.svg.size"]),
    "another profile": (SVG.replace(b"tiny-ps", b"full"), ["bimi.svg.profile"]),
    "a page": (b"<html>", ["bimi.svg.profile"]),
    "a script": (SVG.replace(b"<title>", b"<SCRIPT>x()</SCRIPT><title>"), ["bimi.svg.active"]),
    "a picture from elsewhere": (SVG.replace(b"<title>", b"<image href='https://x/'/><title>"), ["bimi.svg.active"]),
    "a picture of its own": (SVG.replace(b"<title>", b"<use href='#a'/><title>"), []),
    "not there": (None, ["bimi.fetch"]),
}


def ids(part):
    return [finding.id for finding in part.findings]


@pytest.mark.parametrize("case", CASES)
async def test_cases(case) -> None:
    names, expected = CASES[case]
    part = await check_bimi(Asking(Zone(names)), DOMAIN)
    assert ids(part) == expected
    assert {finding.severity.value for finding in part.findings} <= {"info", "unknown"}


@pytest.mark.parametrize("case", LOGOS)
async def test_logos(web, case) -> None:
    body, expected = LOGOS[case]
    web.certificate("logo.example.nl")
    web.file(body or b"")
    if body is None:
        web.answer = b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"
    client = HttpsClient(web.port, web.ca_file, private=True)
    part = await check_bimi(Asking(Zone(zone(RECORD))), DOMAIN, client=client)
    assert ids(part) == expected
    assert web.requests[0].startswith(b"GET /l.svg HTTP/1.1\r\n")


def test_every_finding_has_a_case() -> None:
    produced = {found for _, expected in [*CASES.values(), *LOGOS.values()] for found in expected}
    assert produced == {key.removeprefix("check.") for key in catalog("en").file("check.bimi")}


async def test_the_organizational_domain_holds_where_there_is_none() -> None:
    part = await check_bimi(Asking(Zone(zone(RECORD) | {"shop.example.nl": {"A": ["192.0.2.1"]}})), "shop.example.nl")
    assert part.facts["found_at"] == PLACE
    assert ids(part) == []


async def test_another_selector() -> None:
    part = await check_bimi(Asking(Zone(zone(RECORD, place="v2._bimi.example.nl"))), DOMAIN, "v2")
    assert part.facts["location"] == LOCATION


async def test_a_logo_nobody_answers_for_is_unknown(web) -> None:
    names = zone(RECORD) | {"logo.example.nl": "timeout"}
    part = await check_bimi(Asking(Zone(names)), DOMAIN, client=HttpsClient(web.port, web.ca_file, private=True))
    assert [(finding.id, finding.severity.value) for finding in part.findings] == [("bimi.fetch", "unknown")]


def test_the_command(checks, nameserver, web) -> None:
    nameserver.zone = zone(RECORD)
    web.certificate("logo.example.nl")
    web.file(SVG.replace(b"tiny-ps", b"full"))
    options = ("--fetch", "--https-port", str(web.port), "--cafile", web.ca_file)
    document = checks.json("bimi", DOMAIN, *options, servers=(nameserver,))
    assert [finding["id"] for finding in document["findings"]] == ["bimi.svg.profile"]
    assert checks.run("bimi", DOMAIN, *options, servers=(nameserver,)).exit_code == 0


def test_the_command_on_a_hostile_record(checks, nameserver) -> None:
    nameserver.zone = zone("v=BIMI1; l=https://\x1b[31m/{0}%s; a=https://x\x00y/")
    result = checks.run("bimi", DOMAIN, "--selector", "\x1b", servers=(nameserver,))
    assert "\x1b" not in result.stdout
    result = checks.run("bimi", DOMAIN, "--fetch", servers=(nameserver,))
    assert "bimi.location" in result.stdout
    assert "\x1b" not in result.stdout

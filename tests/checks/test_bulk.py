"""What large providers ask of bulk senders: from the dated data, and from the parts of a report."""

from __future__ import annotations

import pytest

from relay.checks.asking import Asking
from relay.checks.bulk import PROVIDERS, Known, bulk, known_from
from relay.checks.dated import table
from relay.checks.dkim.check import check_dkim
from relay.checks.dmarc.check import check_dmarc
from relay.checks.model import Finding, Part, Severity
from relay.checks.report import sentence
from relay.checks.sending import Mode, Sending
from relay.locales import LANGUAGES, catalog
from relay.net.zone import Zone

ALL = Known(spf=True, dkim=True, dmarc=True, alignment=True, ptr=True, tls=True)
NOTHING = ("-", "-", "-")
BASIC = "SPF, DKIM, DMARC, alignment"
CASES = [
    (ALL, NOTHING, NOTHING),
    (Known(), NOTHING, (f"{BASIC}, PTR, TLS", f"{BASIC}, PTR", BASIC)),
    (Known(spf=False, dkim=False, dmarc=False, alignment=False, ptr=True, tls=True), (BASIC, BASIC, BASIC), NOTHING),
    (
        Known(spf=True, dkim=True, dmarc=False, ptr=False, tls=True),
        ("DMARC, PTR", "DMARC, PTR", "DMARC"),
        ("alignment",) * 3,
    ),
]


@pytest.mark.parametrize(("known", "missing", "unknown"), CASES)
def test_each_provider_has_a_finding(known, missing, unknown) -> None:
    found = bulk("shop.example", known)
    assert [finding.id for finding in found] == ["bulk.google", "bulk.yahoo", "bulk.microsoft"]
    assert tuple(finding.facts["missing"] for finding in found) == missing
    assert tuple(finding.facts["unknown"] for finding in found) == unknown
    assert {finding.severity for finding in found} == {Severity.INFO}  # what is missing has a finding of its own
    for finding in found:
        for language in LANGUAGES:
            assert "{" not in sentence(finding, catalog(language))


def test_the_data_is_dated_and_sourced() -> None:
    listed = table("bulk_senders")
    assert tuple(listed) == PROVIDERS
    for entry in listed.values():
        assert entry["source"].startswith("https://")
        assert entry["since"] < entry["checked"]
        assert entry["confidence"] in {"A", "B", "C"}


def test_invoices_are_said_to_be_exempt() -> None:
    assert all("nvoices are transactional" in sentence(each, catalog("en")) for each in bulk("shop.example", ALL))


RECORD = {"TXT": ["v=DMARC1; p=reject; rua=mailto:d@shop.example"]}
ZONE: dict = {"shop.example": {"A": ["192.0.2.1"], "MX": ["10 mx.shop.example"]}, "_dmarc.shop.example": RECORD}
SENDINGS = [
    (Sending(Mode.OWN_SERVER, "shop.example", "shop.example"), ZONE, (True, True)),
    (Sending(Mode.OWN_SERVER, "shop.example", "other.test"), ZONE, (True, False)),
    (Sending(Mode.REWRITTEN, "platform.example", "b.platform.example"), ZONE, (True, None)),
    (None, ZONE, (True, None)),
    (Sending(Mode.OWN_SERVER, "shop.example", "shop.example"), {"shop.example": {"A": ["192.0.2.1"]}}, (False, None)),
    (Sending(Mode.OWN_SERVER, "shop.example", "shop.example"), {"_dmarc.shop.example": "timeout"}, (None, None)),
]


@pytest.mark.parametrize(("sending", "zone", "wanted"), SENDINGS)
async def test_what_the_dmarc_part_says(sending, zone, wanted) -> None:
    known = known_from([await check_dmarc(Asking(Zone(zone)), "shop.example", sending)], sending)
    assert (known.dmarc, known.alignment) == wanted


async def test_what_the_dkim_part_says() -> None:
    zone = {
        "bad._domainkey.shop.example": "SERVFAIL",
        "ed._domainkey.shop.example": {"TXT": [f"k=ed25519; p={'A' * 43}="]},
    }
    asked = {("none",): False, (): None, ("bad",): None, ("ed",): True, ("ed", "bad"): True}
    for selectors, wanted in asked.items():
        part = await check_dkim(Asking(Zone(zone)), "shop.example", selectors)
        assert known_from([part]).dkim is wanted


def found(topic: str, *ids: str, severity: Severity = Severity.ERROR, **facts: object) -> Part:
    return Part(topic, "shop.example", facts, tuple(Finding(each, severity, "shop.example") for each in ids))


def test_what_the_other_parts_say() -> None:
    assert known_from([]) == Known()
    assert known_from([found("spf", record="v=spf1 -all")]).spf is True
    assert known_from([found("spf", "spf.none", record=None)]).spf is False
    assert known_from([found("spf", "spf.temperror", record=None)]).spf is None
    assert known_from([found("ptr")]).ptr is True
    assert known_from([found("ptr", "ptr.none")]).ptr is False
    assert known_from([found("ptr", "ptr.unknown", severity=Severity.UNKNOWN)]).ptr is None

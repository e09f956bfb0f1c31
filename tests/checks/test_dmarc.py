"""The DMARC record of a domain: each finding from a zone, sound records without any, corrected records."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.checks.alignment import alignment
from relay.checks.asking import Asking
from relay.checks.dmarc.check import check_dmarc
from relay.checks.dmarc.mend import is_lookalike, lookalike_mend, mend
from relay.checks.dmarc.record import POLICIES, read_dmarc
from relay.checks.report import finding_json, sentence
from relay.checks.sending import Mode, Sending
from relay.locales import LANGUAGES, catalog
from relay.net.zone import Zone

PLACE = "_dmarc.shop.example"
RUA = "rua=mailto:dmarc@shop.example"
SOUND_RECORD = f"v=DMARC1; p=reject; {RUA}"
BASE: dict = {
    "shop.example": {"A": ["192.0.2.1"], "MX": ["10 mx.shop.example"]},
    "reports.example": {"MX": ["10 mx.reports.example"]},
    "shop.example._report._dmarc.reports.example": {"TXT": ["v=DMARC1;"]},
    "taker.example": {"MX": ["10 mx.taker.example"]},
    "nomail.example": {"MX": ["0 ."]},
    "shop.example._report._dmarc.nomail.example": {"TXT": ["v=DMARC1"]},
    "shop.example._report._dmarc.nowhere.example": {"TXT": ["v=DMARC1"]},
    "hosts.example": {"A": ["192.0.2.1"]},
    "shop.example._report._dmarc.hosts.example": {"TXT": ["v=DMARC1"]},
    "broken.example": "SERVFAIL",
}


def txt(*records: str | bytes) -> dict:
    return {"TXT": list(records)}


# What stands at _dmarc.shop.example -> what is found, and the value to publish (None: no record is proposed).
CASES = [
    ("dmarc.none", {}, "v=DMARC1; p=none; rua=mailto:dmarc@shop.example"),
    ("dmarc.unknown", {PLACE: "SERVFAIL"}, None),
    ("dmarc.unknown", {"_dmarc.example": "timeout"}, None),
    ("dmarc.inherited", {"_dmarc.example": txt("v=DMARC1; p=reject; rua=mailto:d@example")}, None),
    ("dmarc.multiple", {PLACE: txt(f"v=DMARC1; p=none; {RUA}", SOUND_RECORD)}, f"v=DMARC1; p=none; {RUA}"),
    ("dmarc.multiple", {PLACE: txt(SOUND_RECORD, SOUND_RECORD)}, SOUND_RECORD),
    ("dmarc.multiple", {"_dmarc.example": txt("v=DMARC1; p=none", "v=DMARC1; p=reject")}, "v=DMARC1; p=none"),
    ("dmarc.unrelated", {PLACE: txt(SOUND_RECORD, "hello")}, None),
    ("dmarc.v", {PLACE: txt(f"v=dmarc1; p=reject; {RUA}")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f" v=DMARC1; p=reject; {RUA}")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f"p=reject; v=DMARC1; {RUA}")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f"p=reject; {RUA}")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f"DMARC1; p=reject; {RUA}")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f"v=DMARC; p=reject; {RUA}")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f"v=DMARC1 p=reject {RUA}")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f'"v=DMARC1; p=reject; {RUA}"')}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f"\u201cv=DMARC1; p=reject; {RUA}\u201d")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f"v=DMARC1\\; p=reject\\; {RUA}")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f"v:DMARC1; p:reject; {RUA}")}, SOUND_RECORD),
    ("dmarc.v", {PLACE: txt(f"v=DMARC1, p=reject, {RUA}")}, SOUND_RECORD),
    ("dmarc.wrongplace", {"shop.example": txt(SOUND_RECORD)}, SOUND_RECORD),
    ("dmarc.wrongplace", {f"{PLACE}.shop.example": txt(SOUND_RECORD)}, SOUND_RECORD),
    ("dmarc.cname.conflict", {PLACE: txt(SOUND_RECORD) | {"CNAME": ["d.host.example"]}}, None),
    ("dmarc.cname", {PLACE: {"CNAME": ["d.host.example"]}, "d.host.example": txt(SOUND_RECORD)}, None),
    ("dmarc.cname.dead", {PLACE: {"CNAME": ["d.host.example"]}}, f"v=DMARC1; p=none; {RUA}"),
    ("dmarc.none", {PLACE: txt("hello")}, f"v=DMARC1; p=none; {RUA}"),
    ("dmarc.syntax", {PLACE: txt(f"v=DMARC1; p=reject {RUA}")}, SOUND_RECORD),
    ("dmarc.syntax", {PLACE: txt(f"v=DMARC1; p=rejct; {RUA}")}, SOUND_RECORD),
    ("dmarc.syntax", {PLACE: txt(f"v=DMARC1; p:reject; {RUA}")}, SOUND_RECORD),
    ("dmarc.syntax", {PLACE: txt(f"v=DMARC1; p=reject; adkim=strict; {RUA}")}, f"v=DMARC1; p=reject; adkim=s; {RUA}"),
    ("dmarc.syntax", {PLACE: txt(f"v=DMARC1; p=reject; fo=x; {RUA}")}, SOUND_RECORD),
    ("dmarc.syntax", {PLACE: txt(f"v=DMARC1; p=whatever; {RUA}")}, None),
    ("dmarc.removed", {PLACE: txt(f"v=DMARC1; p=reject; pct=100; ri=86400; rf=afrf; {RUA}")}, SOUND_RECORD),
    ("dmarc.removed", {PLACE: txt(f"v=DMARC1; p=reject; pct=0; {RUA}")}, f"{SOUND_RECORD}; t=y"),
    ("dmarc.p.missing", {PLACE: txt(f"v=DMARC1; {RUA}")}, f"v=DMARC1; p=none; {RUA}"),
    ("dmarc.p.none", {PLACE: txt(f"v=DMARC1; p=none; {RUA}")}, None),
    ("dmarc.sp", {PLACE: txt(f"{SOUND_RECORD}; sp=none; np=reject")}, None),
    ("dmarc.np", {PLACE: txt(f"{SOUND_RECORD}; sp=none")}, f"{SOUND_RECORD}; sp=none; np=reject"),
    ("dmarc.np", {PLACE: txt(f"{SOUND_RECORD}; np=none")}, f"{SOUND_RECORD}; np=reject"),
    ("dmarc.t", {PLACE: txt(f"{SOUND_RECORD}; t=y")}, None),
    ("dmarc.psd", {PLACE: txt(f"{SOUND_RECORD}; psd=n")}, None),
    ("dmarc.psd", {PLACE: txt(f"{SOUND_RECORD}; psd=y")}, None),
    ("dmarc.rua.none", {PLACE: txt("v=DMARC1; p=reject")}, None),
    ("dmarc.rua.size", {PLACE: txt(f"v=DMARC1; p=reject; {RUA}!10m")}, SOUND_RECORD),
    ("dmarc.rua.http", {PLACE: txt(f"v=DMARC1; p=reject; {RUA},https://shop.example/r")}, None),
    ("dmarc.rua.syntax", {PLACE: txt("v=DMARC1; p=reject; rua=dmarc@shop.example")}, SOUND_RECORD),
    ("dmarc.rua.syntax", {PLACE: txt("v=DMARC1; p=reject; rua=mailto://dmarc@shop.example")}, SOUND_RECORD),
    ("dmarc.rua.syntax", {PLACE: txt(f"{SOUND_RECORD}; ruf=here")}, SOUND_RECORD),
    ("dmarc.rua.external", {PLACE: txt("v=DMARC1; p=reject; rua=mailto:a@taker.example")}, "v=DMARC1"),
    ("dmarc.rua.nomx", {PLACE: txt("v=DMARC1; p=reject; rua=mailto:a@nomail.example")}, None),
    ("dmarc.rua.nomx", {PLACE: txt("v=DMARC1; p=reject; rua=mailto:a@nowhere.example")}, None),
    ("dmarc.rua.unknown", {PLACE: txt("v=DMARC1; p=reject; rua=mailto:a@broken.example")}, None),
]
SOUND = [
    SOUND_RECORD,
    f"{SOUND_RECORD};",
    "v=DMARC1;p=quarantine;rua=mailto:a@reports.example",
    "V = DMARC1 ; P = Reject ; RUA = mailto:dmarc@shop.example",
    f"v=DMARC1; {RUA}; p=reject",
    f"{SOUND_RECORD}; sp=quarantine; np=reject; adkim=s; aspf=r; fo=1; t=n; psd=u; note=ours",
    "v=DMARC1; p=reject; rua=mailto:a@reports.example,mailto:b@sub.shop.example",
    "v=DMARC1; p=reject; rua=mailto:a@hosts.example",
]


async def check(zone: dict, sending: Sending | None = None, domain: str = "shop.example"):
    merged = {name: {**BASE.get(name, {}), **rows} if isinstance(rows, dict) else rows for name, rows in zone.items()}
    sub = {"sub.shop.example": {"MX": ["10 mx.shop.example"]}}
    return await check_dmarc(Asking(Zone(BASE | sub | merged)), domain, sending)


def ids(part) -> list[str]:
    return [finding.id for finding in part.findings]


@pytest.mark.parametrize(("wanted", "zone", "value"), CASES)
async def test_finding(wanted, zone, value) -> None:
    part = await check(zone)
    found = {finding.id: finding for finding in part.findings}
    assert wanted in found
    fix = found[wanted].fix
    assert (fix and fix.value) == value
    for finding in part.findings:
        for language in LANGUAGES:
            assert "{" not in sentence(finding, catalog(language))
    json.dumps(part.facts)


@pytest.mark.parametrize("record", SOUND)
async def test_nothing_is_found_in_a_sound_record(record) -> None:
    part = await check({PLACE: txt(record)})
    assert ids(part) == []
    assert (part.facts["valid"], part.facts["record"]) == (True, record)


async def test_a_domain_that_does_not_exist() -> None:
    assert ids(await check({}, domain="nosuch.example")) == ["dmarc.nxdomain"]
    inherits = await check({PLACE: txt(SOUND_RECORD)}, domain="nosuch.shop.example")
    assert ids(inherits) == ["dmarc.inherited"]


async def test_severities() -> None:
    errors = {"dmarc.multiple", "dmarc.v", "dmarc.wrongplace", "dmarc.syntax"}
    for wanted, zone, _ in CASES:
        if wanted in errors and PLACE in zone:
            severity = next(finding.severity for finding in (await check(zone)).findings if finding.id == wanted)
            assert severity == ("warning" if re.search("adkim|fo=x", str(zone)) else "error")
    assert [finding.severity for finding in (await check({PLACE: "SERVFAIL"})).findings] == ["unknown"]
    assert [finding.severity for finding in (await check({})).findings] == ["warning"]


async def test_a_first_record_names_no_mailbox_where_no_mail_goes() -> None:
    (finding,) = (await check({}, domain="hosts.example")).findings
    assert finding.fix.value == "v=DMARC1; p=none"
    assert finding.fix.zone == '_dmarc.hosts.example. IN TXT "v=DMARC1; p=none"'


async def test_what_must_be_deleted() -> None:
    other = f"v=DMARC1; p=none; {RUA}"
    (finding,) = (await check({PLACE: txt(other, SOUND_RECORD)})).findings
    assert (finding.fix.name, finding.fix.removes) == (PLACE, (SOUND_RECORD,))
    (finding,) = (await check({"shop.example": txt(SOUND_RECORD)})).findings
    assert (finding.fix.name, finding.fix.removes) == (PLACE, (f"shop.example TXT {SOUND_RECORD}",))


async def test_a_destination_publishes_under_the_name_of_the_policy() -> None:
    (finding,) = (await check({PLACE: txt("v=DMARC1; p=reject; rua=mailto:a@taker.example")})).findings
    assert finding.fix.name == "shop.example._report._dmarc.taker.example"


async def test_all_proposals_for_one_record_are_the_same() -> None:
    text = "v=DMARC1; p=rejct; sp=none; pct=100; rua=dmarc@shop.example!10m"
    part = await check({PLACE: txt(text)})
    values = {finding.fix.value for finding in part.findings if finding.fix}
    assert values == {f"v=DMARC1; p=reject; sp=none; {RUA}"}


# ---- mending --------------------------------------------------------------------------------------------------------


@given(st.text(alphabet='v=DMARC1;psnt rejectquarone:,"\u201c\\!@.u', max_size=80))
def test_mending_never_fails_and_never_weakens(text) -> None:
    record = read_dmarc(f"v=DMARC1;{text}")
    mended = mend(record.text)
    if mended is not None and record.value("p"):
        assert POLICIES.index(read_dmarc(mended).policy) >= POLICIES.index(record.policy)
        assert mend(mended) == mended
    assert not is_lookalike(text) or lookalike_mend(text) is not None


@pytest.mark.parametrize(
    "text",
    ["v=spf1 -all", "v=BIMI1; l=https://x.example/p=none", "google-site-verification=dmarc", "", "p=none at all"],
)
def test_other_texts_are_not_taken_for_dmarc(text) -> None:
    assert not is_lookalike(text)


# ---- alignment ------------------------------------------------------------------------------------------------------

PLATFORM = "customers.platform.example"
ORGS = {"_dmarc.platform.example": txt("v=DMARC1; p=reject; rua=mailto:d@platform.example")}
ORGS |= {"platform.example": {"MX": ["10 mx.platform.example"]}, PLATFORM: {"A": ["192.0.2.1"]}}
STRICT = f"{SOUND_RECORD}; adkim=s; aspf=s"


def rewritten() -> Sending:
    return Sending(Mode.REWRITTEN, PLATFORM, "bounce.platform.example", dkim_domain=PLATFORM)


def own(mode: Mode, mail_from: str, dkim: str = "", author: str = "shop.example") -> Sending:
    return Sending(mode, author, mail_from, dkim_domain=dkim)


DOMAIN, SERVER, BOUNCE = Mode.OWN_DOMAIN, Mode.OWN_SERVER, "bounce.platform.example"
# how mail is sent, the record of shop.example -> the findings about that, with their severities
ALIGNED = [
    (rewritten(), SOUND_RECORD, {"dmarc.scope": "info"}),
    (rewritten(), "v=DMARC1; p=none; " + RUA, {"dmarc.scope": "info"}),
    (own(DOMAIN, BOUNCE, "shop.example"), SOUND_RECORD, {}),
    (own(DOMAIN, BOUNCE, "shop.example"), STRICT, {}),
    (own(DOMAIN, BOUNCE, "mail.shop.example"), SOUND_RECORD, {}),
    (own(DOMAIN, BOUNCE), SOUND_RECORD, {"dmarc.own_from.reject": "error", "dmarc.align.spf": "error"}),
    (own(DOMAIN, BOUNCE), "v=DMARC1; p=none; " + RUA, {"dmarc.align.spf": "warning"}),
    (own(DOMAIN, BOUNCE), f"v=DMARC1; p=quarantine; t=y; {RUA}", {"dmarc.align.spf": "warning"}),
    (
        own(DOMAIN, BOUNCE, "platform.example"),
        SOUND_RECORD,
        {"dmarc.own_from.reject": "error", "dmarc.align.spf": "error", "dmarc.align.dkim": "error"},
    ),
    (own(DOMAIN, "bounce.shop.example"), SOUND_RECORD, {"dmarc.spf_only": "warning"}),
    (
        own(DOMAIN, "bounce.shop.example", "mail.shop.example"),
        STRICT,
        {"dmarc.own_from.reject": "error", "dmarc.align.strict": "error"},
    ),
    (own(DOMAIN, "bounce.shop.example", "Shop.Example."), STRICT, {}),
    (own(SERVER, "shop.example"), SOUND_RECORD, {"dmarc.spf_only": "warning"}),
    (own(SERVER, "shop.example", "shop.example"), SOUND_RECORD, {}),
    (own(SERVER, "news.shop.example"), STRICT, {"dmarc.own_from.reject": "error", "dmarc.align.strict": "error"}),
    (
        own(SERVER, "host.provider.example"),
        SOUND_RECORD,
        {"dmarc.own_from.reject": "error", "dmarc.align.spf": "error"},
    ),
    (own(SERVER, "broken.example"), SOUND_RECORD, {"dmarc.align.unknown": "unknown"}),
    (own(SERVER, "broken.example", "shop.example"), SOUND_RECORD, {}),
    (own(SERVER, "host.provider.example"), None, {}),
]


@pytest.mark.parametrize(("sending", "record", "wanted"), ALIGNED)
async def test_alignment(sending, record, wanted) -> None:
    zone = ORGS | {"_dmarc.broken.example": "SERVFAIL"} | ({PLACE: txt(record)} if record else {})
    part = await check(zone, sending)
    about = ("dmarc.scope", "dmarc.align.", "dmarc.own_from.", "dmarc.spf_only")
    found = {finding.id: finding for finding in part.findings if finding.id.startswith(about)}
    assert {name: finding.severity for name, finding in found.items()} == wanted
    for finding in found.values():
        for language in LANGUAGES:
            assert "{" not in sentence(finding, catalog(language))


async def test_the_platform_itself_is_aligned() -> None:
    part = await check(ORGS, rewritten(), domain=PLATFORM)
    assert ids(part) == ["dmarc.inherited"]


@pytest.mark.parametrize(("mode", "wanted"), [(DOMAIN, True), (SERVER, True), (Mode.REWRITTEN, False)])
async def test_freemail(mode, wanted) -> None:
    sending = own(mode, "gmail.com", author="gmail.com")
    assert ("dmarc.freemail_from" in ids(await check({}, sending, domain="gmail.com"))) is wanted


def test_alignment_needs_no_dns() -> None:
    assert alignment.__module__ == "relay.checks.alignment"


# ---- whatever a zone says -------------------------------------------------------------------------------------------

HOSTILE = {
    "64 kB": txt("v=DMARC1; p=reject; " + "x=" * 32000),
    "64 kB commas": txt("v=DMARC1; p=reject" + "," * 64000),
    "64 kB spaces": txt("v=DMARC1; p=" + " " * 64000 + "reject; rua=" + ", " * 30000),
    "64 kB policy": txt("v=DMARC1; p=" + "r" * 64000),
    "many addresses": txt("v=DMARC1; p=none; rua=" + ",".join(f"mailto:a@r{number}.example" for number in range(900))),
    "200 records": txt(*(f"v=DMARC1; p=none; n={number}" for number in range(200))),
    "200 others": txt(*(f"hello {number}" for number in range(200))),
    "octets": txt(b"v=DMARC1; p=\x00\xff\x1b[31m; rua=mailto:\x07@\xff.example"),
    "not dmarc": txt(b"\x1b[31mv=dmarc1; p=reject \xff"),
    "markup": txt("v=DMARC1; p=<script>alert(1)</script>; rua=mailto:<b>@x.example"),
    "braces": txt("v=DMARC1; p={name}; {x}=1; rua={0}"),
    "circle": {"CNAME": [PLACE]},
    "names": txt("v=DMARC1; p=none; rua=mailto:a@..example,mailto:a@" + "x" * 300 + ",mailto:a@-"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_records_come_to_an_end(name) -> None:
    zone = Zone(BASE | {PLACE: HOSTILE[name]})
    part = await check_dmarc(Asking(zone), "shop.example", own(SERVER, "host.provider.example"))
    assert len(zone.asked) <= 50
    for finding in part.findings:
        for language in LANGUAGES:
            assert "\x1b" not in json.dumps(finding_json(finding, catalog(language)), ensure_ascii=False)
    json.dumps(part.facts)


@pytest.mark.parametrize("domain", ["", ".", "..", "x" * 300, "a b", "\x00", "-.example", "com", "a..b"])
async def test_a_malformed_domain_comes_to_an_end(domain) -> None:
    part = await check({}, domain=domain)
    assert set(ids(part)) <= {"dmarc.nxdomain", "dmarc.none"}


def test_every_finding_has_a_case() -> None:
    covered = {wanted for wanted, *_ in CASES} | {name for *_, found in ALIGNED for name in found}
    covered |= {"dmarc.nxdomain", "dmarc.freemail_from"}
    known = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith("check.dmarc.")}
    assert covered == known

"""What the SPF report proposes is one record, said in one way: the answer and the findings never contradict."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from relay.checks.asking import Asking
from relay.checks.spf.check import SpfQuestion, check_spf
from relay.checks.spf.publish import senders_of
from relay.net.dns import Mx, NoData, Records
from relay.net.zone import Zone

OURS = "out.relay.example"
BASE = {OURS: {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]}, "mx.shop.example": {"A": ["192.0.2.1"]}}

# The records at shop.example -> the value that every finding with a fix proposes beside the answer (None: the same).
CASES = [
    (["v=spf1 a: -all"], None),
    (["v=spf1 a -all", "v=spf1 mx ~all"], None),
    (["v=spf10 mx -all"], None),
    ([], None),
    (["v=spf1 a ?all"], f"v=spf1 include:{OURS} a ~all"),
    (["v=spf1 a +all"], f"v=spf1 include:{OURS} a ~all"),
    (["v=spf1 a"], f"v=spf1 include:{OURS} a ~all"),
]


@pytest.mark.parametrize(("records", "value"), CASES)
async def test_no_finding_proposes_a_record_without_the_include(records, value) -> None:
    zone = BASE | {"shop.example": {"TXT": records, "A": ["192.0.2.1"]}}
    answer = await check_spf(Asking(Zone(zone)), SpfQuestion("shop.example", include=OURS))
    assert answer.include is not None
    fixes = [each.fix for each in answer.report.findings if each.fix]
    assert fixes
    assert {fix.value for fix in fixes} == {value or answer.include.publish}


@pytest.mark.parametrize("records", [rows for rows, _ in CASES if rows])
async def test_a_value_says_which_record_it_takes_the_place_of(records) -> None:
    zone = BASE | {"shop.example": {"TXT": [*records, "unrelated=1"], "A": ["192.0.2.1"]}}
    answer = await check_spf(Asking(Zone(zone)), SpfQuestion("shop.example", include=OURS))
    assert answer.include is not None
    if answer.include.publish:
        assert set(answer.include.removes) == set(records)


def test_a_second_record_is_never_asked_for(nameserver, checks) -> None:
    nameserver.zone = BASE | {"shop.example": {"TXT": ["v=spf1 a -all", "unrelated=1"], "A": ["192.0.2.1"]}}
    shown = checks.run("spf", "shop.example", "--include", OURS, servers=(nameserver,)).stdout
    assert "Replace the TXT record at shop.example by:\nv=spf1 include:" in shown
    assert "In the place of:\n  v=spf1 a -all\n" in shown
    assert "Publish this TXT record" not in shown


def test_what_only_looks_like_a_record_is_deleted(nameserver, checks) -> None:
    nameserver.zone = BASE | {"shop.example": {"TXT": ['"v=spf1 a -all"'], "A": ["192.0.2.1"]}}
    shown = checks.run("spf", "shop.example", servers=(nameserver,)).stdout
    assert 'Publish this TXT record at shop.example:\nv=spf1 a -all\n  Remove:\n    "v=spf1 a -all"\n' in shown


def test_a_record_of_the_old_type_is_deleted(nameserver, checks) -> None:
    nameserver.zone = BASE | {"shop.example": {"TXT": ["v=spf1 a -all"], "SPF": ["v=spf1 a -all"], "A": ["192.0.2.1"]}}
    shown = checks.run("spf", "shop.example", servers=(nameserver,)).stdout
    assert "Delete at shop.example:\n    SPF v=spf1 a -all\n" in shown


async def test_nobody_publishes_for_a_domain_that_is_not_registered() -> None:
    answer = await check_spf(Asking(Zone(BASE)), SpfQuestion("nowhere.example", include=OURS))
    assert answer.include is not None
    assert (answer.include.id, answer.include.publish) == ("inc.no.norecord", None)
    answer = await check_spf(Asking(Zone(BASE)), SpfQuestion("bounce.shop.example", include=OURS))
    assert answer.include is not None
    assert answer.include.publish == f"v=spf1 include:{OURS} ~all"


async def test_a_subdomain_is_given_the_senders_of_its_parent() -> None:
    zone = {"shop.example": {"TXT": ["v=spf1 mx -all"]}, "news.shop.example": {"A": ["192.0.2.1"]}}
    (finding,) = (await check_spf(Asking(Zone(zone)), SpfQuestion("news.shop.example"))).report.findings
    assert (finding.id, finding.fix.value) == ("spf.subdomain", "v=spf1 redirect=shop.example")


@pytest.mark.parametrize(
    ("exchangers", "senders"),
    [
        (("mx.shop.example",), ["mx"]),
        (("aspmx.l.google.com", "alt1.aspmx.l.google.com"), ["include:_spf.google.com"]),
        (("shop-example.mail.protection.outlook.com",), ["include:spf.protection.outlook.com"]),
        (("mail.hosting.example",), []),
        ((), []),
    ],
)
def test_a_first_record_leaves_nobody_out_whom_the_mx_records_tell(exchangers, senders) -> None:
    values = tuple(Mx(10, name) for name in exchangers)
    answer = Records(values, 60, "shop.example") if values else NoData()
    assert senders_of("shop.example", answer) == senders


def test_an_error_is_a_problem_though_the_answer_is_yes(nameserver, checks) -> None:
    nameserver.zone = BASE | {"shop.example": {"TXT": [f"v=spf1 include:{OURS} +all"]}}
    assert checks.run("spf", "shop.example", "--include", OURS, servers=(nameserver,)).exit_code == 1
    nameserver.zone = BASE | {"shop.example": {"TXT": [f"v=spf1 include:{OURS} -all"]}}
    assert checks.run("spf", "shop.example", "--include", OURS, servers=(nameserver,)).exit_code == 0


def test_rows_of_addresses_are_shown_in_brief(nameserver, checks) -> None:
    many = " ".join(f"ip4:192.0.2.{number}" for number in range(1, 30))
    nameserver.zone = {"shop.example": {"TXT": [f"v=spf1 {many} -all"]}}
    shown = checks.run("spf", "shop.example", servers=(nameserver,)).stdout
    assert "  ip4:192.0.2.1 ... ip4:192.0.2.29  (29)\n  -all\n" in shown


@pytest.mark.parametrize(("rows", "answer"), [(None, "inc.no.target"), ({"TXT": ["hello"]}, "inc.no.target")])
@pytest.mark.parametrize("ips", [(), (ip_address("198.51.100.7"),)])
async def test_an_include_that_is_nobodys_is_said_to_be(rows, answer, ips) -> None:
    zone = {"shop.example": {"TXT": ["v=spf1 a -all"]}} | ({"wrong.example": rows} if rows else {})
    found = await check_spf(Asking(Zone(zone)), SpfQuestion("shop.example", ips, include="wrong.example"))
    assert (found.include and (found.include.id, found.include.publish)) == (answer, None)


@pytest.mark.parametrize("rows", ["SERVFAIL", "timeout"])
async def test_an_include_that_nobody_knows_is_unknown(rows) -> None:
    zone = {"shop.example": {"TXT": ["v=spf1 a -all"]}, "wrong.example": rows}
    found = await check_spf(Asking(Zone(zone)), SpfQuestion("shop.example", include="wrong.example"))
    assert found.include is not None
    assert found.include.id == "inc.unknown"


@pytest.mark.parametrize(
    ("record", "more"),
    [
        ("v=spf1 include:deep.example -all", {"deep.example": {"TXT": ["v=spf1 -ip4:192.0.2.9 ip4:192.0.2.1 -all"]}}),
        ("v=spf1 redirect=deep.example", {"deep.example": {"TXT": ["v=spf1 ip6:2001:db8::/48 -all"]}}),
        ("v=spf1 a:host.example -all", {"host.example": {"A": ["192.0.2.1"]}}),
    ],
)
async def test_an_include_without_addresses_of_its_own_is_followed(record, more) -> None:
    zone = {"shop.example": {"TXT": ["v=spf1 -all"]}, "outer.example": {"TXT": [record]}} | more
    found = await check_spf(Asking(Zone(zone)), SpfQuestion("shop.example", include="outer.example"))
    assert found.include is not None
    assert (found.include.id, found.include.publish) == ("inc.no.absent", "v=spf1 include:outer.example -all")


async def test_an_include_that_is_nobodys_does_no_harm_where_mail_passes_anyway() -> None:
    zone = {"shop.example": {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]}}
    asked = SpfQuestion("shop.example", (ip_address("198.51.100.7"),), include="wrong.example")
    found = await check_spf(Asking(Zone(zone)), asked)
    assert found.include is not None
    assert found.include.id == "inc.yes.ip"

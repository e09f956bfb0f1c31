"""How a record gets under ten look-ups: the steps, their order, and that the record costs ten after them."""

from __future__ import annotations

import copy

import pytest

from relay.checks.spf.check import SpfQuestion, check_spf
from relay.checks.spf.known import ReturnPath, rented, sender_of, senders
from relay.checks.spf.part import saving_text, spf_part
from relay.locales import LANGUAGES, catalog
from relay.net.zone import Zone

I = "spf.relay.example"  # noqa: E741
FOUR = " ".join(f"include:{name}.vendor.example" for name in ("v1", "v2", "v3", "v4"))  # four look-ups
GOOGLE = "include:_spf.google.com"  # four look-ups


def txt(record: str, **rows):
    return {"TXT": [record], **rows}


BASE = {
    I: txt("v=spf1 ip4:198.51.100.7 -all"),
    "_spf.google.com": txt("v=spf1 include:n1.google.com include:n2.google.com include:n3.google.com ~all"),
    **{f"n{number}.google.com": txt(f"v=spf1 ip4:203.0.113.{number} -all") for number in (1, 2, 3)},
    **{f"v{number}.vendor.example": txt(f"v=spf1 ip4:198.51.100.{number} -all") for number in range(1, 8)},
    "three.vendor.example": txt("v=spf1 include:v5.vendor.example include:v6.vendor.example -all"),
    "wide.vendor.example": txt("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"),
    "servers.mcsv.net": txt("v=spf1 ip4:203.0.113.9 -all"),
    "mailgun.org": txt("v=spf1 include:v7.vendor.example -all"),
    "nothing.vendor.example": {"A": ["192.0.2.1"]},
    "empty.vendor.example": txt("unrelated"),
    "two.vendor.example": {"TXT": ["v=spf1 -all", "v=spf1 ~all"]},
    "www.shop.example": {"A": ["192.0.2.80"], "AAAA": ["2001:db8::80"]},
    "mx.shop.example": {"A": ["192.0.2.25", "192.0.2.26"]},
}
OWN = {"A": ["192.0.2.80"], "MX": ["10 mx.shop.example"]}

CASES = [
    # terms (after v=spf1), [(action, reason, term, saves)]
    (f"a mx {GOOGLE} {FOUR} -all", []),  # ten
    (
        f"a mx {GOOGLE} {FOUR} include:empty.vendor.example -all",
        [("remove", "dead", "include:empty.vendor.example", 1)],
    ),
    (f"a mx {GOOGLE} {FOUR} include:two.vendor.example -all", [("remove", "dead", "include:two.vendor.example", 1)]),
    (f"a mx {GOOGLE} include:shop.example -all", [("remove", "dead", "include:shop.example", 11)]),
    (
        f"a mx a:gone.shop.example {GOOGLE} {FOUR} -all",
        [("remove", "void", "a:gone.shop.example", 1)],
    ),
    (f"a mx {GOOGLE} {FOUR} include:v1.vendor.example -all", [("remove", "double", "include:v1.vendor.example", 1)]),
    (f"a mx ptr {GOOGLE} {FOUR} -all", [("remove", "ptr", "ptr", 1)]),
    (
        f"a mx ip4:192.0.2.80 {GOOGLE} {FOUR} include:v5.vendor.example -all",
        [("remove", "covered", "a", 1)],
    ),
    (
        f"mx a:www.shop.example {GOOGLE} {FOUR} include:wide.vendor.example -all",
        [("remove", "covered", "mx", 1)],
    ),
    (
        f"a mx {GOOGLE} {FOUR} include:servers.mcsv.net -all",
        [("remove", "own-return-path", "include:servers.mcsv.net", 1)],
    ),
    (f"a mx {GOOGLE} {FOUR} include:mailgun.org -all", [("move", "subdomain", "include:mailgun.org", 2)]),
    (
        f"a mx {GOOGLE} {FOUR} include:three.vendor.example -all",
        [("move", "subdomain", "include:three.vendor.example", 3)],
    ),
    # everything at once, in this order, and no further than needed
    (
        f"include:empty.vendor.example a:gone.shop.example ptr mx {GOOGLE} include:mailgun.org"
        f" include:three.vendor.example include:servers.mcsv.net -all",
        [
            ("remove", "dead", "include:empty.vendor.example", 1),
            ("remove", "void", "a:gone.shop.example", 1),
            ("remove", "ptr", "ptr", 1),
            ("remove", "own-return-path", "include:servers.mcsv.net", 1),
        ],
    ),
    # mailbox providers stay; own hosts are written out last
    (
        f"a mx a:www.shop.example {GOOGLE} include:_spf.google.com. -all",
        [("remove", "double", "include:_spf.google.com.", 4)],
    ),
    (
        "a mx a:www.shop.example exists:e1.vendor.example exists:e2.vendor.example exists:e3.vendor.example"
        f" exists:e4.vendor.example {GOOGLE} -all",
        [("replace", "addresses", "a", 1)],
    ),
    # the domain's own record further down
    (
        f"include:_spf.shop.example {GOOGLE} {FOUR} include:_spf.shop.example -all",
        [
            ("remove", "double", "include:_spf.shop.example", 5),
            ("move", "subdomain", "include:three.vendor.example", 3),
        ],
    ),
    (
        "redirect=_over.shop.example",
        [("move", "subdomain", "include:three.vendor.example", 3)],
    ),
]
ZONE = BASE | {
    "_spf.shop.example": txt("v=spf1 a:www.shop.example include:three.vendor.example -all"),
    "_over.shop.example": txt(f"v=spf1 {GOOGLE} {FOUR} include:three.vendor.example -all"),
    **{f"e{number}.vendor.example": {"A": ["127.0.0.2"]} for number in range(1, 7)},
}


async def ask(zone, **more):
    return await check_spf(Zone(zone), SpfQuestion("shop.example", **more))


def after(zone, savings):
    """The zone when all has been done: of double terms the last goes, what is moved leaves the record."""
    zone = copy.deepcopy(zone)
    for saving in savings:
        (record,) = zone[saving.domain]["TXT"]
        before, _, behind = f"{record} ".rpartition(f" {saving.term} ")
        zone[saving.domain]["TXT"] = [" ".join([before, *saving.instead, behind]).strip()]
    return zone


@pytest.mark.parametrize(("terms", "steps"), CASES)
async def test_steps(terms: str, steps) -> None:
    zone = ZONE | {"shop.example": txt(f"v=spf1 {terms}", **OWN)}
    answer = await ask(zone)
    savings = answer.under_ten
    assert [(each.action, each.reason, each.term, each.saves) for each in savings] == steps
    assert (answer.tree.lookups > 10) == bool(steps)
    again = await ask(after(zone, savings))
    assert again.tree.lookups <= 10
    assert again.tree.lookups == answer.tree.lookups - sum(each.saves for each in savings)


async def test_the_record_is_given_where_no_mail_is_lost() -> None:
    zone = ZONE | {"shop.example": txt(f"v=spf1 a mx {GOOGLE} {FOUR} include:empty.vendor.example -all", **OWN)}
    (finding,) = [each for each in (await ask(zone)).report.findings if each.id == "spf.lookups.over"]
    assert finding.fix.value == f"v=spf1 a mx {GOOGLE} {FOUR} -all"
    assert finding.facts["steps"] == "include:empty.vendor.example (-1)"


async def test_no_record_is_given_where_a_sender_must_be_changed_first() -> None:
    zone = ZONE | {"shop.example": txt(f"v=spf1 a mx {GOOGLE} {FOUR} include:mailgun.org -all", **OWN)}
    (finding,) = [each for each in (await ask(zone)).report.findings if each.id == "spf.lookups.over"]
    assert finding.fix is None


async def test_hosts_are_replaced_by_all_their_addresses() -> None:
    terms = " ".join(f"exists:e{number}.vendor.example" for number in range(1, 7))
    zone = ZONE | {"shop.example": txt(f"v=spf1 mx {GOOGLE} {terms} -all", **OWN)}
    answer = await ask(zone)
    assert [(each.term, each.instead) for each in answer.under_ten] == [("mx", ("ip4:192.0.2.25", "ip4:192.0.2.26"))]
    (finding,) = [each for each in answer.report.findings if each.id == "spf.lookups.over"]
    assert finding.fix.value == f"v=spf1 ip4:192.0.2.25 ip4:192.0.2.26 {GOOGLE} {terms} -all"


async def test_an_eleventh_look_up_by_the_include_is_said_and_still_put_in_front() -> None:
    zone = ZONE | {"shop.example": txt(f"v=spf1 a mx {GOOGLE} {FOUR} -all", **OWN)}
    answer = await ask(zone, include=I)
    assert answer.include.publish == f"v=spf1 include:{I} a mx {GOOGLE} {FOUR} -all"
    assert answer.include.lookups == 11
    assert [(each.action, each.term, each.saves) for each in answer.under_ten] == [("move", f"include:{I}", 1)]


async def test_every_reason_is_said_in_every_language() -> None:
    reasons = set()
    for terms, _ in CASES:
        answer = await ask(ZONE | {"shop.example": txt(f"v=spf1 {terms}", **OWN)})
        for saving in answer.under_ten:
            reasons.add(saving.reason)
            said = {saving_text(saving, catalog(language)) for language in LANGUAGES}
            assert len(said) == len(LANGUAGES)
            assert all(saving.term in text and "{" not in text for text in said)
    assert reasons == {"dead", "void", "double", "ptr", "covered", "own-return-path", "subdomain", "addresses"}


async def test_json() -> None:
    zone = ZONE | {"shop.example": txt(f"v=spf1 a mx {GOOGLE} {FOUR} include:mailgun.org -all", **OWN)}
    assert spf_part(await ask(zone)).facts["get_under_10"] == [
        {
            "action": "move",
            "reason": "subdomain",
            "domain": "shop.example",
            "term": "include:mailgun.org",
            "instead": [],
            "saves": 2,
        }
    ]


def test_the_lists_can_be_read() -> None:
    assert {each.return_path for each in senders()} == set(ReturnPath)
    names = [name for each in senders() for name in each.includes]
    assert len(names) == len(set(names))
    assert sender_of("region.amazonses.com").name == "Amazon SES"
    assert sender_of("notamazonses.com") is None
    assert all(network.prefixlen <= 40 for network, _ in rented())


async def test_nothing_is_moved_that_need_not_be() -> None:
    """The platform's own include would go first and saves one; the vendor's eight are needed, and enough."""
    sender = {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]}
    zone = {f"n{number}.vendor.example": sender for number in range(7)} | {"out.relay.example": sender}
    seven = " ".join(f"include:n{number}.vendor.example" for number in range(7))
    zone |= {f"small{number}.example": sender for number in range(3)}
    three = " ".join(f"include:small{number}.example" for number in range(3))
    zone["vendor.example"] = {"TXT": [f"v=spf1 {seven} -all"]}
    zone["shop.example"] = {"TXT": [f"v=spf1 {three} include:vendor.example include:out.relay.example -all"]}
    answer = await check_spf(Zone(zone), SpfQuestion("shop.example", include="out.relay.example"))
    assert answer.tree.lookups == 12
    assert [(saving.term, saving.saves) for saving in answer.under_ten] == [("include:vendor.example", 8)]

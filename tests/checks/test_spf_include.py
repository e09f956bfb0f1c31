"""The include question: every answer from a zone, and what is to be published."""

from __future__ import annotations

import pytest

from relay.checks.sending import Mode, Sending
from relay.checks.spf.check import SpfQuestion, check_spf
from relay.checks.spf.macro import Ip
from relay.checks.spf.publish import zone_line
from relay.net.zone import Zone

I = "spf.relay.example"  # noqa: E741
OURS = f"include:{I}"
BASE = {
    I: {"TXT": ["v=spf1 ip4:198.51.100.7 ip6:2001:db8::7 -all"]},
    "good.example": {"TXT": [f"v=spf1 {OURS} -all"]},
    "vendor.example": {"TXT": ["v=spf1 ip4:203.0.113.0/24 -all"]},
    "dead.example": {"A": ["192.0.2.1"]},
    "minus.example": {"TXT": [f"v=spf1 -{OURS} ?all"]},
    "broken.example": "SERVFAIL",
    "postmaster.macro.example": {"TXT": ["v=spf1 -all"]},
    "plain.example": {"TXT": ["unrelated"]},
}


def txt(*records: str) -> dict[str, list[str]]:
    return {"TXT": list(records)}


CASES = [
    # id, rows of shop.example, what is published (None: nothing)
    ("inc.yes.direct", txt(f"v=spf1 mx {OURS} -all"), None),
    ("inc.yes.direct", txt(f"V=SPF1  +INCLUDE:{I.upper()}.  ~all"), None),
    ("inc.yes.nested", txt("v=spf1 include:good.example -all"), None),
    ("inc.yes.nested", txt("v=spf1 redirect=good.example"), None),
    ("inc.yes.ip", txt("v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 -all"), None),
    ("inc.yes.unhealthy", txt(f"v=spf1 {OURS} include:dead.example -all"), None),
    ("inc.yes.cname", {"CNAME": ["good.example"]}, None),
    ("inc.no.absent", txt("v=spf1 ip4:192.0.2.1 -all"), f"v=spf1 {OURS} ip4:192.0.2.1 -all"),
    ("inc.no.absent", txt("v=spf1 redirect=vendor.example"), f"v=spf1 {OURS} redirect=vendor.example"),
    ("inc.no.norecord", txt("unrelated"), f"v=spf1 {OURS} ~all"),
    ("inc.no.norecord", {"MX": ["10 mx.shop.example"]}, f"v=spf1 mx {OURS} ~all"),
    ("inc.no.norecord", {"MX": ["10 mx.vendor.example"]}, f"v=spf1 {OURS} ~all"),
    ("inc.no.afterall", txt(f"v=spf1 mx -all {OURS}"), f"v=spf1 {OURS} mx -all"),
    ("inc.no.redirect_ignored", txt("v=spf1 redirect=good.example ~all"), f"v=spf1 {OURS} redirect=good.example ~all"),
    ("inc.no.qualifier", txt(f"v=spf1 ?{OURS} -all"), f"v=spf1 {OURS} -all"),
    ("inc.no.qualifier", txt(f"v=spf1 -{OURS} ~all"), f"v=spf1 {OURS} ~all"),
    ("inc.no.outerqualifier", txt("v=spf1 ~include:good.example -all"), f"v=spf1 {OURS} ~include:good.example -all"),
    ("inc.no.outerqualifier", txt("v=spf1 include:minus.example -all"), f"v=spf1 {OURS} include:minus.example -all"),
    (
        "inc.no.shadowed",
        txt(f"v=spf1 -ip4:198.51.100.0/24 -ip6:2001:db8::/32 {OURS} -all"),
        f"v=spf1 {OURS} -ip4:198.51.100.0/24 -ip6:2001:db8::/32 -all",
    ),
    (
        "inc.no.permerror_before",
        txt(f"v=spf1 include:dead.example {OURS} -all"),
        f"v=spf1 {OURS} include:dead.example -all",
    ),
    (
        "inc.no.permerror_before",
        txt(f"v=spf1 a:x1.example a:x2.example a:x3.example {OURS} -all"),
        f"v=spf1 {OURS} a:x1.example a:x2.example a:x3.example -all",
    ),
    ("inc.no.syntax", txt(f"v=spf1 {OURS} ip4:192.0.2.999 -all"), f"v=spf1 {OURS} -all"),
    ("inc.no.syntax", txt("v=spf1 mx -all", f"v=spf1 {OURS} ~all"), f"v=spf1 {OURS} mx ~all"),
    ("inc.no.typo", txt(f"v=spf1 mx include={I} -all"), f"v=spf1 {OURS} mx -all"),
    ("inc.no.typo", txt(f"v=spf1 mx include: {I} -all"), f"v=spf1 {OURS} mx -all"),
    ("inc.no.typo", txt(f"v=spf1 mx {OURS}, -all"), f"v=spf1 {OURS} mx -all"),
    ("inc.no.typo", txt(f"v=spf1 mx {OURS}~all"), f"v=spf1 {OURS} mx ~all"),
    ("inc.no.typo", txt(f"v=spf1 mx include:https://{I} -all"), f"v=spf1 {OURS} mx -all"),
    ("inc.no.typo", txt("v=spf1 mx include:spf.realy.example -all"), f"v=spf1 {OURS} mx -all"),
    ("inc.no.typo", txt(f"v=spf1 mx {OURS}.evil.example -all"), f"v=spf1 {OURS} mx -all"),
    ("inc.no.splitspace", txt(f"v=spf1 ip4:192.0.2.77{OURS} -all"), f"v=spf1 {OURS} ip4:192.0.2.77 -all"),
    ("inc.no.type99", {"SPF": [f"v=spf1 {OURS} -all"]}, f"v=spf1 {OURS} -all"),
    ("inc.no.lookalike", txt(f"v=spf10 {OURS} -all"), f"v=spf1 {OURS} -all"),
    ("inc.no.lookalike", txt(f" v=spf1 {OURS} -all"), f"v=spf1 {OURS} -all"),
    ("inc.part.family", txt("v=spf1 ip4:198.51.100.7 -all"), f"v=spf1 {OURS} ip4:198.51.100.7 -all"),
    ("inc.unknown", txt(f"v=spf1 include:broken.example {OURS} -all"), None),
    ("inc.unknown", "SERVFAIL", None),
    ("inc.unknown", txt("v=spf1 include:%{l}.macro.example -all"), None),
]


async def ask(zone, domain: str = "shop.example", ips: tuple[Ip, ...] = (), **more):
    answer = await check_spf(Zone(BASE | zone), SpfQuestion(domain, ips, include=I, **more))
    return answer.include


@pytest.mark.parametrize(("wanted", "rows", "publish"), CASES)
async def test_answer(wanted, rows, publish) -> None:
    included = await ask({"shop.example": rows})
    assert included.id == wanted
    if wanted == "inc.unknown":
        return
    assert included.publish == publish
    if publish:
        again = await ask({"shop.example": txt(publish)})
        assert again.answer == "yes"
        assert included.zone == f'shop.example. IN TXT "{publish}"'


async def test_subdomain_does_not_inherit() -> None:
    zone = {"shop.example": txt(f"v=spf1 {OURS} -all"), "mail.shop.example": {"A": ["192.0.2.1"]}}
    included = await ask(zone, "mail.shop.example")
    assert (included.id, included.publish) == ("inc.no.subdomain", f"v=spf1 {OURS} ~all")


async def test_alias_counts_as_nested() -> None:
    included = await ask({"shop.example": txt("v=spf1 include:good.example -all")}, aliases=("good.example",))
    assert (included.id, included.chain) == ("inc.yes.nested", ("shop.example", "good.example", I))


async def test_not_needed_when_the_domain_is_not_the_reverse_path() -> None:
    sending = Sending(Mode.REWRITTEN, "customers.platform.example", "bounce.platform.example")
    assert (await ask({"shop.example": txt("v=spf1 -all")}, sending=sending)).answer == "not needed"


async def test_nothing_is_proposed_that_would_not_help() -> None:
    assert (await ask({I: "SERVFAIL", "shop.example": txt("v=spf1 -all")})).publish is None


async def test_unknown_when_the_proposal_cannot_be_read() -> None:
    included = await ask({"shop.example": txt(f"v=spf1 include:broken.example {OURS} -all")})
    assert included.chain == ("shop.example", "broken.example")


async def test_second_record_is_to_be_removed() -> None:
    records = ("v=spf1 mx -all", f"v=spf1 {OURS} ?all")
    included = await ask({"shop.example": txt(*records)})
    assert (included.publish, included.removes) == (f"v=spf1 {OURS} mx ?all", records)


def test_long_records_are_split_with_the_space_inside_the_first_string() -> None:
    text = " ".join(["v=spf1", *(f"ip4:192.0.2.{number}" for number in range(40)), "-all"])
    strings = zone_line("shop.example", text).split('"')[1::2]
    assert "".join(strings) == text
    assert all(len(string) <= 255 for string in strings)
    assert strings[0].endswith(" ")

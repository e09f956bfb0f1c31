"""What stands beside the record: wildcards, the old type, the identities of the mail, PTR names, other servers."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from relay.checks.asking import Asking
from relay.checks.report import sentence
from relay.checks.sending import Mode, Sending
from relay.checks.spf.check import SpfQuestion, check_spf
from relay.checks.spf.part import include_text
from relay.locales import LANGUAGES, catalog
from relay.net.dns import Lookup
from relay.net.zone import Zone

I = "spf.relay.example"  # noqa: E741
OLD = {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}
NEW = {"TXT": [f"v=spf1 include:{I} ip4:192.0.2.1 -all"]}
RELAY = {I: {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]}}
NS = {"NS": ["ns1.host.example", "ns2.host.example"]}
HOSTS = {"ns1.host.example": {"A": ["192.0.2.53"]}, "ns2.host.example": {"A": ["192.0.2.54"]}}
IP = (ip_address("192.0.2.1"),)


class Wild(Zone):
    """A zone in which every name right below ``parent`` that is not there is answered by a wildcard (RFC 4592)."""

    def __init__(self, names, parent: str, rows) -> None:
        super().__init__(names)
        self.parent, self.rows = parent, rows

    def find(self, name: str, rdtype: str, hops: int) -> Lookup:
        if name not in self.names and name.partition(".")[2] == self.parent:
            return Zone({name: self.rows}).find(name, rdtype, hops)
        return super().find(name, rdtype, hops)


async def ids(zone, domain: str = "shop.example", ips=(), **more) -> list[str]:
    answer = await check_spf(zone, SpfQuestion(domain, ips, **more))
    for finding in answer.report.findings:
        assert all("{" not in sentence(finding, catalog(language)) for language in LANGUAGES)
    return [finding.id for finding in answer.report.findings]


async def test_wildcard() -> None:
    zone = Wild({}, "shop.example", OLD)
    answer = await check_spf(zone, SpfQuestion("mail.shop.example"))
    (finding,) = answer.report.findings
    assert (finding.id, finding.severity, finding.fix.name) == ("spf.wildcard", "info", "mail.shop.example")
    again = await check_spf(zone, SpfQuestion("mail.shop.example"))
    probes = {name for name, rdtype in zone.asked if rdtype == "TXT"} - {"mail.shop.example"}
    assert again.report.findings == answer.report.findings
    assert len(probes) == 2  # another label each time


async def test_include_by_a_wildcard() -> None:
    zone = Wild(RELAY, "shop.example", NEW)
    answer = await check_spf(zone, SpfQuestion("mail.shop.example", include=I))
    assert answer.include.id == "inc.yes.wildcard"


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        ({"mail.shop.example": OLD}, NEW),  # a wildcard, but the name has a record of its own
        ({"mail.shop.example": OLD}, {"TXT": ["hello"]}),
        ({"mail.shop.example": OLD}, "SERVFAIL"),
        ({"mail.shop.example": OLD}, "timeout"),
    ],
)
async def test_no_wildcard(names, rows) -> None:
    assert await ids(Wild(names, "shop.example", rows), "mail.shop.example") == []


async def test_a_domain_right_below_the_top_is_not_probed() -> None:
    zone = Zone({"shop.example": OLD})
    assert await ids(zone) == []
    assert sorted(zone.asked) == [("shop.example", "SPF"), ("shop.example", "TXT")]


@pytest.mark.parametrize("rows", ["SERVFAIL", "timeout", "NOTIMP"])
async def test_an_old_type_that_nobody_answers_for_means_nothing(rows) -> None:
    assert await ids(Zone({"shop.example": OLD | {"SPF": rows}})) == []


async def test_a_record_of_the_old_type_is_to_be_deleted() -> None:
    answer = await check_spf(Zone({"shop.example": OLD | {"SPF": ["v=spf1 mx -all"]}}), SpfQuestion("shop.example"))
    (finding,) = answer.report.findings
    assert (finding.id, finding.severity, finding.fix.removes) == ("spf.type99", "warning", ("SPF v=spf1 mx -all",))


REWRITTEN = Sending(Mode.REWRITTEN, "customers.platform.example", "bounce.platform.example", "mail.platform.example")


async def test_scope_says_whose_record_is_read() -> None:
    zone = Zone({"shop.example": OLD, "mail.platform.example": {"TXT": ["v=spf1 a -all"]}})
    answer = await check_spf(zone, SpfQuestion("shop.example", sending=REWRITTEN))
    (finding,) = answer.report.findings
    assert (finding.id, finding.severity) == ("spf.scope", "info")
    assert finding.facts == {"mail_from": "bounce.platform.example", "domain": "shop.example"}


async def test_no_scope_where_the_domain_is_the_reverse_path() -> None:
    own = Sending(Mode.OWN_SERVER, "shop.example", "Shop.example.")
    assert await ids(Zone({"shop.example": OLD}), sending=own) == []


async def test_a_missing_record_is_no_error_where_nobody_reads_it() -> None:
    zone = Zone({"shop.example": {"A": ["192.0.2.1"]}})
    answer = await check_spf(zone, SpfQuestion("shop.example", sending=REWRITTEN))
    severity = {finding.id: finding.severity for finding in answer.report.findings}
    assert severity["spf.none"] == "info"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ({"A": ["192.0.2.1"]}, True),
        ({"TXT": ["hello"]}, True),
        (None, True),
        ({"TXT": ["v=spf1 a -all"]}, False),
        ("SERVFAIL", False),
        ("timeout", False),
    ],
)
async def test_helo(rows, found: bool) -> None:
    zone = Zone({"shop.example": OLD} | ({"mail.platform.example": rows} if rows else {}))
    assert ("spf.helo" in await ids(zone, sending=REWRITTEN)) is found


@pytest.mark.parametrize(("count", "found"), [(10, []), (11, ["spf.ptr.over10"])])
async def test_ptr_names(count: int, found: list[str]) -> None:
    names = [f"n{number}.shop.example" for number in range(count)]
    zone = {"shop.example": {"TXT": ["v=spf1 ptr -all"]}, "1.2.0.192.in-addr.arpa": {"PTR": names}}
    assert [each for each in await ids(Zone(zone), ips=IP) if "over10" in each] == found


def zones(seen, *served, **more) -> Zone:
    """What the resolver sees, and what each authoritative server has."""
    servers = dict(zip(("192.0.2.53", "192.0.2.54"), (Zone({"shop.example": rows}) for rows in served), strict=True))
    return Zone(RELAY | HOSTS | {"shop.example": seen | NS} | more, servers=servers)


async def include(zone: Zone):
    return await check_spf(zone, SpfQuestion("shop.example", include=I))


async def test_a_record_that_has_arrived_on_some_servers() -> None:
    answer = await include(zones(OLD, OLD, NEW))
    assert (answer.include.id, answer.include.answer, answer.include.publish) == ("inc.part.ns", "partly", None)
    assert answer.include.ttl == 300
    assert "300" in include_text(answer.include, catalog("nl"))
    (finding,) = answer.report.findings
    assert (finding.id, finding.severity) == ("spf.secondary.diff", "unknown")
    assert finding.evidence == (
        "ns1.host.example: v=spf1 ip4:192.0.2.1 -all",
        f"ns2.host.example: v=spf1 include:{I} ip4:192.0.2.1 -all",
    )


async def test_a_record_that_only_the_resolver_does_not_have_yet() -> None:
    answer = await include(zones(OLD, NEW, NEW))
    assert (answer.include.id, answer.report.findings) == ("inc.part.ns", ())


async def test_a_first_record_that_has_arrived_on_some_servers() -> None:
    answer = await include(zones({"A": ["192.0.2.1"]}, NEW, {"A": ["192.0.2.1"]}))
    assert answer.include.id == "inc.part.ns"
    assert [finding.id for finding in answer.report.findings] == ["spf.none", "spf.secondary.diff"]


async def test_servers_that_agree_leave_the_answer() -> None:
    answer = await include(zones(OLD, OLD, OLD))
    assert (answer.include.id, answer.report.findings) == ("inc.no.absent", ())


async def test_servers_that_differ_in_what_does_not_help() -> None:
    answer = await include(zones(OLD, OLD, {"TXT": ["v=spf1 mx -all"]}))
    assert answer.include.id == "inc.no.absent"
    assert [finding.id for finding in answer.report.findings] == ["spf.secondary.diff"]


async def test_other_texts_on_other_servers_do_not_count() -> None:
    answer = await include(zones(OLD, OLD, {"TXT": [*OLD["TXT"], "verification=1"]}))
    assert answer.report.findings == ()


@pytest.mark.parametrize("silent", ["SERVFAIL", "timeout"])
async def test_a_server_that_does_not_answer_proves_nothing(silent) -> None:
    zone = zones(OLD, OLD, OLD)
    zone.servers["192.0.2.54"].names["shop.example"] = silent
    answer = await include(zone)
    assert (answer.include.id, answer.report.findings) == ("inc.no.absent", ())


async def test_nobody_asks_the_servers_where_mail_passes() -> None:
    zone = zones(NEW, OLD, OLD)
    assert (await include(zone)).include.answer == "yes"
    assert ("shop.example", "NS") not in zone.asked


async def test_a_part_of_a_larger_check_shares_its_answers() -> None:
    zone = Zone({"shop.example": OLD})
    asking = Asking(zone)
    await check_spf(asking, SpfQuestion("shop.example"))
    await check_spf(asking, SpfQuestion("shop.example"))
    assert len(zone.asked) == len(set(zone.asked))

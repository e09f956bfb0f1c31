"""``relay check domain``: every part at once, on shared answers."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from ipaddress import ip_address

import pytest

from relay.checks.asking import Asking
from relay.checks.domain import PROBES, DomainQuestion, check_domain
from relay.checks.model import Part
from relay.checks.page import Asked, report_html
from relay.checks.report import parts_json
from relay.checks.sending import Mode, Sending
from relay.cli.check.parts import echo_parts
from relay.locales import LANGUAGES, catalog
from relay.net.dns import Mx, NoData, Records, Unknown
from relay.net.zone import Zone

INCLUDE = "spf.relay.example"
IP = "198.51.100.7"
GOOD = {
    INCLUDE: {"TXT": [f"v=spf1 ip4:{IP} -all"]},
    "shop.example": {"TXT": [f"v=spf1 include:{INCLUDE} -all"], "MX": ["10 mx.shop.example"]},
    "mx.shop.example": {"A": ["192.0.2.1"]},
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:dmarc@shop.example"]},
    "s1._domainkey.shop.example": {"TXT": ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]},
}
TOPICS = ["spf", "dkim", "dmarc", "mx", "mta-sts", "tls-rpt", "dane", "dnsbl", "bimi", "bulk"]


def sending(domain: str = "shop.example", mode: Mode = Mode.OWN_DOMAIN) -> Sending:
    author = "mail.relay.example" if mode is Mode.REWRITTEN else domain
    return Sending(mode, author, "bounce.relay.example", dkim_domain=author, ips=(ip_address(IP),))


async def report_on(zone: Zone, mode: Mode = Mode.OWN_DOMAIN, **limits):
    return await check_domain(
        Asking(zone, most=300, **limits), DomainQuestion("shop.example", sending(mode=mode), INCLUDE)
    )


async def test_every_part_is_there() -> None:
    report = await report_on(Zone(GOOD))
    assert [part.topic for part in report.parts] == TOPICS
    assert report.included is not None
    assert report.included.id == "inc.yes.direct"


async def test_a_question_is_asked_once() -> None:
    zone = Zone(GOOD)
    await report_on(zone)
    assert sorted(zone.asked) == sorted(set(zone.asked))
    assert len(zone.asked) > 40


async def test_bulk_rules_are_about_the_domain_in_the_from() -> None:
    report = await report_on(Zone(GOOD), Mode.REWRITTEN)
    assert "bulk" not in [part.topic for part in report.parts]
    assert report.included is not None
    assert report.included.id == "inc.na"


@pytest.mark.parametrize("rows", ["SERVFAIL", "timeout"])
async def test_a_domain_that_nobody_knows_is_unknown_in_every_part(rows) -> None:
    class Nobody(Zone):
        def find(self, name, rdtype, hops):
            return Unknown(rows)

    report = await report_on(Nobody({}))
    severities = {finding.severity.value for part in report.parts for finding in part.findings}
    assert "error" not in severities
    assert report.included is not None
    assert report.included.answer == "unknown"


async def test_a_part_that_gives_up_leaves_the_answer_to_the_others() -> None:
    class Slow(Zone):
        async def lookup(self, name, rdtype):
            await asyncio.sleep(0.05)
            return NoData()

    whole = Asking(Slow({}))
    hasty, patient = Asking(whole, seconds_a_name=0.01), Asking(whole)
    assert await asyncio.gather(hasty.lookup("shop.example", "A"), patient.lookup("shop.example", "A")) == [
        Unknown("timeout"),
        NoData(),
    ]
    assert (whole.queries, whole.failed) == (1, {})


async def test_probes_are_parts() -> None:
    question = DomainQuestion("shop.example", sending())
    parts = await asyncio.gather(*(probe(Asking(Zone(GOOD)), question) for probe in PROBES))
    assert all(isinstance(part, Part) for part in parts)


HOSTILE = b'"><script>alert(1)</script>\x1b]0;x\x07\xff\x00'
TEXTS = [
    (b"v=spf1 include:" + HOSTILE + b" a:%{ mx:%{l1r-}.example redirect=" + HOSTILE,),
    (b"v=spf1 " + HOSTILE + b" -all", b"v=spf1 +all " + HOSTILE, HOSTILE),
    (b"v=DMARC1; p=" + HOSTILE + b"; rua=mailto:" + HOSTILE + b",mailto:a@" + HOSTILE, b"v=DMARC1; p=none"),
    (b"v=DMARC1;p=reject;rua=mailto:x@other.example!9q;sp=" + HOSTILE,),
    (b"v=DKIM1; k=" + HOSTILE + b"; p=" + HOSTILE,),
    (b"v=DKIM1; h=sha1; s=" + HOSTILE + b"; t=y:s; p=MIGf",),
    (b"v=STSv1; id=" + HOSTILE, b"v=TLSRPTv1; rua=" + HOSTILE, b"v=BIMI1; l=https://" + HOSTILE),
    (b"v=TLSRPTv1; rua=mailto:" + HOSTILE,),
    (b"",),
]


@pytest.mark.parametrize("texts", TEXTS)
async def test_hostile_zones(texts) -> None:
    """The same text at every name, and hosts that are none."""

    class Hostile(Zone):
        def find(self, name, rdtype, hops):
            hosts = {"MX": Mx(10, HOSTILE.decode("latin-1")), "A": "192.0.2.1", "AAAA": "2001:db8::1"}
            hosts |= {"NS": HOSTILE.decode("latin-1"), "CNAME": HOSTILE.decode("latin-1")}
            values = texts if rdtype in {"TXT", "SPF"} else (hosts[rdtype],) if rdtype in hosts else ()
            return Records(values, 60, name) if values else NoData()

    report = await report_on(Hostile({}))
    assert [part.topic for part in report.parts] == TOPICS
    for language in LANGUAGES:
        html = report_html(report.domain, report.parts, report.included, catalog(language), Asked(0))
        assert "<script" not in html
        assert {char for char in html if ord(char) < 32 or 126 < ord(char) < 160} <= {"\n"}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            echo_parts(report.parts, catalog(language), report.domain, report.included)
        assert {char for char in printed.getvalue() if ord(char) < 32 or 126 < ord(char) < 160} <= {"\n"}
    json.dumps(parts_json(report.parts, catalog("en"), 1, 1))


@pytest.mark.parametrize(
    "name", ["", ".", "localhost", "a b.example", "[192.0.2.1]", "a..example", "x" * 64 + ".example"]
)
def test_what_is_no_domain(nameserver, checks, name) -> None:
    result = checks.run("domain", name, servers=(nameserver,))
    assert (result.exit_code, nameserver.asked) == (2, [])
    assert "not a domain name" in result.stderr


def test_json(nameserver, checks) -> None:
    nameserver.zone = GOOD
    answer = checks.json("domain", "Shop.example.", "--include", INCLUDE, "--selector", "s1", servers=(nameserver,))
    assert (answer["domain"], answer["mode"], answer["include"]["answer"]) == ("shop.example", "own-domain", "yes")
    parts = {part["topic"]: part for part in answer["parts"]}
    assert list(parts) == TOPICS
    assert parts["spf"]["record"] == GOOD["shop.example"]["TXT"][0]
    assert parts["spf"]["tree"]["terms"][0]["lookups"] == 1
    assert parts["dmarc"]["policy"] == "reject"
    assert parts["dkim"]["selectors"][0]["state"] == "found"
    assert all(finding.keys() >= {"id", "severity", "text"} for part in parts.values() for finding in part["findings"])
    assert answer["queries"] > 20
    assert answer["summary"].startswith("Errors: ")


def test_exit_codes(nameserver, checks) -> None:
    nameserver.zone = GOOD
    assert checks.run("domain", "shop.example", "--include", INCLUDE, servers=(nameserver,)).exit_code == 0
    assert checks.run("domain", "shop.example", "--include", "other.example", servers=(nameserver,)).exit_code != 0
    nameserver.zone = GOOD | {"shop.example": "SERVFAIL"}
    assert checks.run("domain", "shop.example", servers=(nameserver,)).exit_code == 75
    nameserver.zone = GOOD | {"shop.example": {"TXT": ["v=spf1 +all"], "MX": ["10 mx.shop.example"]}}
    assert checks.run("domain", "shop.example", servers=(nameserver,)).exit_code == 1


def test_the_include_is_that_of_the_configuration_unless_it_is_the_example(nameserver, checks, tmp_path) -> None:
    nameserver.zone = GOOD
    assert checks.json("domain", "shop.example", servers=(nameserver,))["include"] is None
    (tmp_path / "relay.toml").write_text(f'[platform]\nspf_include = "{INCLUDE}"\n')
    assert checks.json("domain", "shop.example", servers=(nameserver,))["include"]["answer"] == "yes"


def test_what_to_publish_comes_first(nameserver, checks) -> None:
    nameserver.zone = GOOD | {"shop.example": {"TXT": ["v=spf1 ?all"], "MX": ["10 mx.shop.example"]}}
    for language in ("en", "nl", "de", "fr"):
        arguments = ("domain", "shop.example", "--include", INCLUDE, "--lang", language)
        text = checks.run(*arguments, servers=(nameserver,)).stdout
        lines = text.splitlines()
        assert lines[0] == "● shop.example"
        assert lines.index(f"v=spf1 include:{INCLUDE} ?all") < 8
        assert "\x1b" not in text
        assert [line for line in lines if len(line) > 80 and not line.lstrip().startswith(("v=", "http"))] == []


def test_a_report_to_hand_over(nameserver, checks, tmp_path) -> None:
    nameserver.zone = GOOD | {"shop.example": {"TXT": ["v=spf1 <script>alert(1)</script> -all"]}}
    file = tmp_path / "report.html"
    file.write_text("old")
    arguments = ("domain", "shop.example", "--include", INCLUDE, "--lang", "nl", "--report", str(file))
    assert checks.run(*arguments, servers=(nameserver,)).exit_code == 1
    html = file.read_text()
    assert '<html lang="nl">' in html
    assert "<script" not in html
    assert nameserver.address in html
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("topic", ["spf", "dmarc", "dkim", "mx", "tls-rpt"])
def test_every_part_makes_a_report(nameserver, checks, tmp_path, topic) -> None:
    nameserver.zone = GOOD
    file = tmp_path / "report.html"
    result = checks.run(topic, "shop.example", "--json", "--report", str(file), servers=(nameserver,))
    json.loads(result.stdout)
    assert "<h1>shop.example</h1>" in file.read_text()


def test_a_report_goes_to_the_end_of_a_link_and_keeps_it(nameserver, checks, tmp_path) -> None:
    nameserver.zone = GOOD
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to("real.html")
    checks.run("spf", "shop.example", "--report", str(tmp_path / "link.html"), servers=(nameserver,))
    assert (tmp_path / "link.html").is_symlink()
    assert "<html" in (tmp_path / "real.html").read_text()


@pytest.mark.parametrize("name", ["missing/report.html", ".", "/dev/null", "/proc/report.html", "x" * 300])
def test_a_report_that_cannot_be_written(nameserver, checks, tmp_path, name) -> None:
    nameserver.zone = GOOD
    result = checks.run("spf", "shop.example", "--report", str(tmp_path / name), servers=(nameserver,))
    assert result.exit_code == 2
    assert "report" in result.stderr.lower() or "file" in result.stderr.lower()
    assert result.stdout == ""
    assert list(tmp_path.iterdir()) == []

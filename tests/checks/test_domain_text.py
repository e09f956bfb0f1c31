"""What a person reads of ``relay check domain``, and how all checks are asked alike."""

from __future__ import annotations

import pytest

from relay.checks.model import Finding, Part, Severity
from relay.cli.check.parts import echo_parts
from relay.locales import LANGUAGES, catalog

INCLUDE = "spf.relay.example"
KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
GOOD = {
    INCLUDE: {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]},
    "shop.example": {"TXT": [f"v=spf1 include:{INCLUDE} -all"], "MX": ["10 mx.shop.example"]},
    "mx.shop.example": {"A": ["192.0.2.1"]},
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:dmarc@shop.example"]},
    "google._domainkey.shop.example": {"TXT": [KEY]},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_healthy_domain_fits_one_screen(nameserver, checks, language) -> None:
    nameserver.zone = GOOD
    result = checks.run("domain", "shop.example", "--include", INCLUDE, "--lang", language, servers=(nameserver,))
    lines = result.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert lines[1].strip() == catalog(language).text("page.report.light.green")


def test_notes_are_named_and_printed_when_asked_for(nameserver, checks) -> None:
    nameserver.zone = GOOD
    brief = checks.run("domain", "shop.example", servers=(nameserver,)).stdout
    whole = checks.run("domain", "shop.example", "--notes", servers=(nameserver,)).stdout
    assert "tlsrpt.none" in brief
    assert "NOTE  tlsrpt.none" not in brief
    assert "NOTE  tlsrpt.none" in whole


def test_a_record_is_printed_once_and_its_findings_name_the_step(nameserver, checks) -> None:
    nameserver.zone = GOOD | {"shop.example": {"TXT": ["v=spf1 mx -all", "v=spf1 a ~all"]}}
    shown = checks.run("domain", "shop.example", "--include", INCLUDE, servers=(nameserver,)).stdout
    assert shown.count(f"\nv=spf1 include:{INCLUDE} a mx ~all\n") == 1
    assert "ERROR  spf.multiple" in shown
    assert "  Step 1 mends this.\n" in shown


def test_a_name_that_does_not_exist_is_told_once(nameserver, checks) -> None:
    nameserver.zone = {}
    shown = checks.run("domain", "shop.example", servers=(nameserver,)).stdout
    assert [line for line in shown.splitlines() if ".nxdomain" in line] == ["ERROR  spf.nxdomain"]


def test_errors_come_first(capsys) -> None:
    def part(topic: str, severity: Severity) -> Part:
        return Part(topic, "shop.example", {}, (Finding(f"{topic}.none", severity, "shop.example", {"name": "x"}),))

    echo_parts([part("dkim", Severity.WARNING), part("spf", Severity.ERROR)], catalog("en"), "shop.example")
    shown = capsys.readouterr().out
    assert shown.index("ERROR  spf.none") < shown.index("WARNING  dkim.none")
    assert "\n! dkim\n✗ spf\n" in shown


@pytest.mark.parametrize("check", ["dkim", "dmarc", "mx", "mta-sts", "tls-rpt", "dane", "bimi", "domain"])
@pytest.mark.parametrize("name", ["", "..", "a b.example", "x..example", "[192.0.2.1]"])
def test_what_is_no_domain_ends_every_check_alike(nameserver, checks, check, name) -> None:
    result = checks.run(check, name, servers=(nameserver,))
    assert (result.exit_code, nameserver.asked) == (2, [])
    assert "is not a domain name" in result.stderr


@pytest.mark.parametrize("check", ["spf", "dmarc", "domain"])
def test_how_mail_is_sent_has_the_same_words_everywhere(checks, check) -> None:
    usage = " ".join(checks.run(check, "--help").stdout.split())
    assert "--mode [rewritten|own-domain|own-server]" in usage


def test_the_line_of_spf_and_the_light_follow_the_answer(nameserver, checks) -> None:
    nameserver.zone = GOOD
    shown = checks.run("domain", "shop.example", "--include", "mx.shop.example", servers=(nameserver,)).stdout
    assert "\n✗ spf " in shown
    assert "\n✓ spf " in checks.run("domain", "shop.example", "--include", INCLUDE, servers=(nameserver,)).stdout

"""``relay dns``: the records, read back by dnspython as a name server would."""

from __future__ import annotations

import json

import dns.zone
import pytest
from click.testing import CliRunner

from relay.cli.dns import dns_command
from relay.cli.key import key_group

PLATFORM = """\
[platform]
address = "mail@customers.platform.example"
bounce_domain = "bounce.platform.example"
spf_include = "spf.platform.example"
hostname = "relay.platform.example"
"""


@pytest.fixture
def relay(tmp_path, monkeypatch):
    """Run ``relay dns`` with a configuration; with keys unless told otherwise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY_CONFIG", raising=False)

    def run(*arguments: str, config: str = PLATFORM, keys: bool = True):
        if keys:
            made = CliRunner().invoke(key_group, ["generate", "--json"], catch_exceptions=False)
            config += json.loads(made.stdout)["config"]
        (tmp_path / "relay.toml").write_text(config)
        return CliRunner().invoke(dns_command, list(arguments), catch_exceptions=False)

    return run


def test_the_zone_file_can_be_read(relay):
    result = relay("--form", "zone")
    assert result.exit_code == 0
    zone = dns.zone.from_text("$TTL 300\n" + result.stdout, "platform.example.", check_origin=False)
    found = {
        (name.derelativize(zone.origin).to_text(), dns.rdatatype.to_text(kind)): [
            b"".join(data.strings).decode() if kind == dns.rdatatype.TXT else data.to_text() for data in rdataset
        ]
        for name, node in zone.nodes.items()
        for rdataset in node
        for kind in [rdataset.rdtype]
    }
    rsa = found.pop(("r1._domainkey.customers.platform.example.", "TXT"))[0]
    ed25519 = found.pop(("e1._domainkey.customers.platform.example.", "TXT"))[0]
    assert rsa.startswith("v=DKIM1; k=rsa; p=MII")
    assert ed25519.startswith("v=DKIM1; k=ed25519; p=")
    assert found == {
        ("bounce.platform.example.", "TXT"): ["v=spf1 include:spf.platform.example ~all"],
        ("customers.platform.example.", "TXT"): ["v=spf1 include:spf.platform.example ~all"],
        ("relay.platform.example.", "TXT"): ["v=spf1 a -all"],
        ("bounce.platform.example.", "MX"): ["10 relay"],
        ("_dmarc.customers.platform.example.", "TXT"): [
            "v=DMARC1; p=reject; adkim=s; aspf=r; rua=mailto:dmarc@customers.platform.example"
        ],
    }


def test_what_must_be_filled_in_first_is_a_comment(relay):
    result = relay("--form", "zone")
    assert '; spf.platform.example. IN TXT "v=spf1 ip4:IPV4-ADDRESS' in result.stdout


def test_json_and_form_say_the_same(relay):
    told = json.loads(relay("--json").stdout)
    assert told["problem"] is None
    assert [record["name"] for record in told["records"] if record["template"]] == ["spf.platform.example"]
    panel = CliRunner().invoke(dns_command, ["--form", "panel"], catch_exceptions=False).stdout
    for record in told["records"]:
        assert f"Name:  {record['name']}\nType:  {record['type']}\nValue: {record['value']}\n" in panel


def test_one_domain_for_from_and_bounces_gets_one_spf_record(relay):
    config = '[platform]\naddress = "mail@one.example"\nbounce_domain = "one.example"\nhostname = "relay.one.example"\n'
    records = json.loads(relay("--json", config=config, keys=False).stdout)["records"]
    spf = [record for record in records if record["name"] == "one.example" and record["type"] == "TXT"]
    assert len(spf) == 1


def test_another_signing_domain_makes_the_alignment_relaxed(relay):
    result = relay("--json", config=PLATFORM + '[dkim]\ndomain = "platform.example"\n', keys=False)
    dmarc = next(record for record in json.loads(result.stdout)["records"] if record["name"].startswith("_dmarc."))
    assert "adkim=r" in dmarc["value"]


def test_without_usable_keys_the_rest_is_printed_and_the_problem_told(relay):
    result = relay(keys=False)
    assert result.exit_code == 1
    assert "relay key generate" in result.stderr
    assert "IN MX 10 relay.platform.example." in result.stdout
    broken = PLATFORM + '[dkim]\nkeys = [{selector = "r1", algorithm = "rsa-sha256", file = "gone.pem"}]\n'
    result = relay("--json", config=broken, keys=False)
    assert result.exit_code == 1
    assert "gone.pem" in json.loads(result.stdout)["problem"]


def test_the_platforms_address_gets_an_mx_where_mail_comes_in(shell):
    def exchangers():
        return [record["name"] for record in shell.json("dns", code=1)["records"] if record["type"] == "MX"]

    assert "customers.platform.example" not in exchangers()
    shell.config.write_text(shell.config.read_text() + '\n[[listener]]\nport = 0\nauth = "none"\n')
    assert "customers.platform.example" in exchangers()

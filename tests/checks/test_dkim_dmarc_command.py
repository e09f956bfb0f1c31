"""``relay check dkim`` and ``relay check dmarc`` against a nameserver on loopback."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from relay.cli.key import key_group
from relay.locales import LANGUAGES

SHOP = {
    "shop.example": {"A": ["192.0.2.1"], "MX": ["10 mx.shop.example"]},
    "_dmarc.shop.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:dmarc@shop.example"]},
}


@pytest.fixture
def keys(tmp_path, checks) -> dict[str, str]:
    """Configured keys: selector -> the record that publishes it."""
    made = json.loads(CliRunner().invoke(key_group, ["generate", "--json"], catch_exceptions=False).stdout)
    (tmp_path / "relay.toml").write_text(made["config"])
    return {key["selector"]: key["record"]["value"] for key in made["keys"]}


def ids(answer) -> list[str]:
    return [finding["id"] for finding in answer["findings"]]


def test_dmarc_json_has_what_others_read(nameserver, checks) -> None:
    nameserver.zone = SHOP
    answer = checks.json("dmarc", "Shop.example.", servers=(nameserver,))
    record = SHOP["_dmarc.shop.example"]["TXT"][0]
    assert (answer["record"], answer["found_at"], answer["org_domain"]) == (record, "shop.example", "shop.example")
    assert (answer["policy"], answer["valid"], answer["findings"]) == ("reject", True, [])
    below = checks.json("dmarc", "no.such.shop.example", servers=(nameserver,))
    assert (below["domain"], below["found_at"], below["policy"]) == ("no.such.shop.example", "shop.example", "reject")
    assert {"summary", "elapsed_ms", "queries"} <= below.keys()


def test_dmarc_exit_codes(nameserver, checks) -> None:
    nameserver.zone = SHOP | {"_dmarc.broken.example": "SERVFAIL", "_dmarc.bad.example": {"TXT": ["v=dmarc1; p=none"]}}
    codes = [
        checks.run("dmarc", f"{name}.example", servers=(nameserver,)).exit_code for name in ("shop", "broken", "bad")
    ]
    assert codes == [0, 75, 1]


def test_dmarc_says_what_a_mode_comes_to(nameserver, checks) -> None:
    nameserver.zone = SHOP
    asked = ("dmarc", "shop.example", "--mode")
    answers = [
        ids(checks.json(*asked, mode, servers=(nameserver,))) for mode in ("rewritten", "own-domain", "own-server")
    ]
    assert answers == [["dmarc.scope"], [], ["dmarc.spf_only"]]
    unsigned = checks.json(*asked, "own-domain", "--dkim-domain", "other.test", servers=(nameserver,))
    assert ids(unsigned) == ["dmarc.own_from.reject", "dmarc.align.spf", "dmarc.align.dkim"]


def test_dkim_of_the_signing_domain_is_compared_with_the_keys(nameserver, checks, keys) -> None:
    domain = "customers.platform.example"
    nameserver.zone = {f"{selector}._domainkey.{domain}": {"TXT": [record]} for selector, record in keys.items()}
    answer = checks.json("dkim", domain, servers=(nameserver,))
    assert (answer["findings"], answer["guessed"]) == ([], False)
    assert [each["selector"] for each in answer["selectors"]] == list(keys)
    nameserver.zone[f"r1._domainkey.{domain}"] = {"TXT": [keys["r1"].replace("p=MIIB", "p=MIIC")]}
    del nameserver.zone[f"e1._domainkey.{domain}"]
    answer = checks.json("dkim", domain, servers=(nameserver,))
    assert ids(answer) == ["dkim.truncated", "dkim.none"]
    assert [finding["fix"]["value"] for finding in answer["findings"]] == list(keys.values())
    assert ids(checks.json("dkim", domain, "--selector", "e1", servers=(nameserver,))) == ["dkim.none"]


def test_dkim_with_a_key_file(nameserver, checks, keys, tmp_path) -> None:
    nameserver.zone = {"x._domainkey.shop.example": {"TXT": [keys["e1"]]}}
    asked = ("dkim", "shop.example", "--selector", "x", "--key")
    assert checks.run(*asked, str(tmp_path / "e1.pem"), servers=(nameserver,)).exit_code == 0
    assert ids(checks.json(*asked, str(tmp_path / "r1.pem"), servers=(nameserver,))) == ["dkim.mismatch"]
    missing, wrong = tmp_path / "none.pem", tmp_path / "relay.toml"
    assert [checks.run(*asked, str(file)).exit_code for file in (missing, wrong)] == [2, 2]
    assert checks.run("dkim", "shop.example", "--key", str(tmp_path / "e1.pem")).exit_code == 2


def test_a_configured_key_that_is_missing_is_one_clear_line(nameserver, checks, keys, tmp_path) -> None:
    (tmp_path / "r1.pem").unlink()
    result = checks.run("dkim", "customers.platform.example", servers=(nameserver,))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no such file" in result.stderr


def test_dkim_guesses_at_a_domain_of_others(nameserver, checks) -> None:
    nameserver.zone = {"shop.example": {"A": ["192.0.2.1"]}}
    result = checks.run("dkim", "shop.example", servers=(nameserver,))
    assert result.exit_code == 0
    assert "dkim.cannot_enumerate" in result.stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_fits_eighty_columns(nameserver, checks, language) -> None:
    hostile = "v=DMARC1; p=reject; sp=none; pct=50; rua=mailto:a@taker.example!5m; \x1b[31m"
    nameserver.zone = SHOP | {
        "_dmarc.shop.example": {"TXT": [hostile, "other \x1b[2J"]},
        "r1._domainkey.shop.example": {"TXT": ["v=DKIM1\\; k=rsa\\; p=AAAA"]},
    }
    options = ("--lang", language)
    shown = checks.run("dmarc", "shop.example", "--mode", "own-server", *options, servers=(nameserver,)).stdout
    shown += checks.run("dkim", "shop.example", "--selector", "r1", *options, servers=(nameserver,)).stdout
    assert [line for line in shown.splitlines() if len(line) > 80 and not line.startswith("v=D")] == []
    assert "\x1b" not in shown
    assert "dmarc.removed" in shown
    assert "dkim.split" in shown

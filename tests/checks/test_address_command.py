"""``relay check address`` from the outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from relay.locales import LANGUAGES


def test_json_and_exit_codes(checks: Any) -> None:
    result = checks.run("address", "--no-dns", "--json", "jan@gmial.com", "jan@x.nl")
    first, second = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (first["address"], first["verdict"], first["normalized"], first["suggestion"], first["reasons"]) == (
        "jan@gmial.com",
        "warn",
        "jan@gmial.com",
        "jan@gmail.com",
        ["addr.typo"],
    )
    assert "jan@gmail.com" in first["findings"][0]["text"]
    assert (second["verdict"], second["suggestion"], second["reasons"]) == ("ok", None, [])
    assert checks.run("address", "--no-dns", "jan@x.nl", "jan").exit_code == 1
    assert checks.run("address", "--no-dns").exit_code == 2


def test_a_nameserver_is_asked(checks: Any, nameserver: Any) -> None:
    nameserver.zone = {
        "bakker.nl": {"MX": ["10 mx.bakker.nl"]},
        "mx.bakker.nl": {"A": ["192.0.2.1"]},
        "null.nl": {"MX": ["0 ."]},
        "slow.nl": "timeout",
        "fail.nl": "SERVFAIL",
    }
    texts = ["jan@bakker.nl", "jan@null.nl", "jan@gone.nl", "jan@slow.nl", "jan@fail.nl"]
    started = time.monotonic()
    reports = checks.json("address", "--dns-timeout", "0.5", *texts, servers=(nameserver,))
    assert [report["verdict"] for report in reports] == ["ok", "reject", "reject", "unknown", "unknown"]
    assert time.monotonic() - started < 2
    assert checks.run("address", "--dns-timeout", "0.5", "jan@fail.nl", servers=(nameserver,)).exit_code == 75


def test_ten_thousand_from_standard_input_take_seconds() -> None:
    texts = [f"user{number}@bedrijf{number * 7919 % 10007}.nl" for number in range(10_000)]
    texts[5] = "two\nlines@x.nl"
    given = "\0".join(texts).encode() + b"\0j\xffn@x.nl\0"
    started = time.monotonic()
    command = [sys.executable, "-m", "relay", "check", "address", "--no-dns", "--json", "--stdin0"]
    done = subprocess.run(command, input=given, capture_output=True, timeout=60)
    reports = json.loads(done.stdout)
    assert time.monotonic() - started < 15  # about two on an idle machine
    assert done.stderr == b""
    assert [report["address"] for report in reports[:10_000]] == texts
    assert len(reports) == 10_001
    assert {place for place, report in enumerate(reports) if report["verdict"] == "reject"} == {5, 10_000}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_people_read_a_sentence_and_no_control_character(checks: Any, lang: str) -> None:
    printed = checks.run("address", "--no-dns", "--lang", lang, "jan@gmial.com", "ja\x1b[31mn@x.nl").stdout
    assert "jan@gmail.com" in printed
    assert "\x1b" not in printed
    assert "\\x1b[31m" in printed

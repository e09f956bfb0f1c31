"""``relay check address`` from the outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from relay.locales import LANGUAGES
from relay.mail.delivery import Answer, Attempt, Delivery, Failed, State
from relay.mail.route import RouteKind
from relay.store.model import MessageKind, Queued, Settlement, StoredMessage
from relay.store.store import open_store


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


def test_what_asks_nothing_loads_nothing_to_ask_with() -> None:
    program = (
        "import sys; from relay.cli import main\n"
        "try: main(['check', 'address', '--no-dns', 'jan@gmial.com'])\n"
        "except SystemExit: pass\n"
        "print({'asyncio', 'sqlite3', 'dns', 'ssl'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr


@pytest.mark.parametrize("lang", LANGUAGES)
def test_people_read_a_sentence_and_no_control_character(checks: Any, lang: str) -> None:
    printed = checks.run("address", "--no-dns", "--lang", lang, "jan@gmial.com", "ja\x1b[31mn@x.nl").stdout
    assert "jan@gmail.com" in printed
    assert "\x1b" not in printed
    assert "\\x1b[31m" in printed


def test_the_database_tells_of_earlier_bounces_and_is_never_made(checks: Any, tmp_path: Path) -> None:
    file = tmp_path / "relay.db"
    config = tmp_path / "relay.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{file}"\n')
    command = ("address", "--config", str(config), "--no-dns", "--json", "gone@x.nl", "jan@x.nl")
    assert json.loads(checks.run(*command).stdout)[0]["verdict"] == "ok"
    assert not file.exists()
    remember_bounce(file, "Gone@x.nl")
    gone, jan = json.loads(checks.run(*command).stdout)
    assert (gone["verdict"], gone["reasons"], jan["verdict"]) == ("reject", ["addr.bounced"], "ok")
    file.write_bytes(b"no database" * 999)
    result = checks.run(*command)
    assert [report["verdict"] for report in json.loads(result.stdout)] == ["ok", "ok"]
    assert "earlier bounces are not known" in result.stderr


def remember_bounce(file: Path, recipient: str) -> None:
    """A database in which mail to a recipient came back an hour ago."""
    at = time.time() - 3600
    store = open_store(f"sqlite:///{file}")
    with store.transaction():
        store.enqueue(own_mail(recipient, at))
        delivery = store.lease("me", at, at + 60, 1)[0].delivery
        answer = Answer("no such user", 550, "5.1.1")
        after = delivery.after(Failed(answer), at)
        assert store.settle(Settlement(delivery, after, Attempt(1, at, 0.0, "failed", answer)))
    store.close()


def own_mail(recipient: str, at: float) -> Queued:
    """A mail of the relay's own."""
    message = StoredMessage(
        id="m1",
        kind=MessageKind.FAILURE,
        tenant_id=None,
        login="",
        author="mail@platform.example",
        subject="Niet bezorgd",
        document="",
        original_header=b"",
        header=b"From: mail@platform.example\r\n",
        body_size=0,
        body_sha256=bytes(32),
        changes=(),
        events=(),
        route=RouteKind.PLATFORM,
        reverse_path="null",
        smtputf8=False,
        eightbit=False,
        received_at=at,
        peer="",
    )
    delivery = Delivery("d1", message.id, recipient, recipient.rpartition("@")[2], State.QUEUED, 0, at, at)
    return Queued(message, (delivery,), b"")

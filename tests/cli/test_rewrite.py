"""``relay rewrite``: bytes in, bytes out, exit codes that scripts rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.cli.rewrite import rewrite_command

TABLE = json.loads((Path(__file__).parents[1] / "cases" / "rewrite.json").read_text("utf-8"))
FIXED = b"Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@x>\r\n"
MESSAGE = b"From: Jan <info@bakker.example>\r\n" + FIXED + b"\r\nline\r\n"
PLATFORM = ("--company", "Bakker B.V.", "--platform", "mail@customers.platform.example")
NEW = (
    b'From: "Bakker B.V." <mail@customers.platform.example>\r\n'
    b'Reply-To: "Bakker B.V." <info@bakker.example>\r\n' + FIXED + b"\r\nline\r\n"
)

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call the command with a message on standard input, away from any configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY_CONFIG", raising=False)

    def call(*arguments: str, stdin: bytes = MESSAGE) -> Result:
        return CliRunner().invoke(rewrite_command, [*PLATFORM, *arguments], input=stdin)

    return call


def test_the_message_comes_out_with_its_new_header(run: Run) -> None:
    result = run("-")
    assert result.exit_code == 0
    assert result.stdout_bytes == NEW
    assert result.stderr == ""


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["id"])
def test_published_case(case: dict[str, dict], run: Run, tmp_path: Path) -> None:
    verified = [text for address in TABLE["verified"] for text in ("--verified", address)]
    policy = case.get("settings", {}).get("reply_to", "refuse")
    arguments = ["-", *verified, "--display-name", "message", "--reply-to", policy, "--events", "events.json"]
    result = run(*arguments, stdin=case["input"].encode("latin-1"))
    expect = case["expect"]
    if "refuse" in expect:
        assert result.exit_code == 65
        assert result.stdout_bytes == b""
        assert result.stderr.startswith(expect["refuse"] + " ")
        assert result.stderr.count("\n") == 1
    else:
        assert result.exit_code == 0, result.stderr
        header = result.stdout_bytes.decode()
        assert header.startswith("\r\n".join(expect["headers"]) + "\r\n")
        assert json.loads((tmp_path / "events.json").read_text("utf-8")) == expect["events"]


def test_unix_line_ends_become_crlf(run: Run) -> None:
    assert run("-", stdin=MESSAGE.replace(b"\r\n", b"\n")).stdout_bytes == NEW
    half = MESSAGE.replace(b"\r\n\r\n", b"\n\n").replace(b"line\r\n", b"line\n")
    assert run("-", stdin=half).stdout_bytes == NEW


@pytest.mark.parametrize(
    "body", [b"", b"a\nb", b"a\rb\0\r\n.\r\n", b"\r\n\r\n", b"\xff" * 10, b"From: x\n\nSubject: y"]
)
def test_the_body_of_a_message_in_wire_format_is_not_touched(body: bytes, run: Run) -> None:
    header, _, _ = NEW.partition(b"\r\n\r\n")
    assert run("-", stdin=MESSAGE.removesuffix(b"line\r\n") + body).stdout_bytes == header + b"\r\n\r\n" + body


@pytest.mark.parametrize("header", [MESSAGE.partition(b"\r\n\r\n")[0], MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n"])
def test_a_header_alone_gets_an_empty_line(header: bytes, run: Run) -> None:
    assert run("-", stdin=header).stdout_bytes == NEW.removesuffix(b"line\r\n")


def test_date_and_message_id_are_made_up(run: Run) -> None:
    header = run("-", stdin=b"From: info@bakker.example\n\n").stdout_bytes.decode()
    assert header.count("\r\nDate: ") == 1
    assert "@customers.platform.example>\r\n\r\n" in header.partition("\r\nMessage-ID: <")[2]


def test_without_verified_every_address_counts_as_verified(run: Run) -> None:
    assert run("-").exit_code == 0
    refused = run("-", "--verified", "other@bakker.example")
    assert refused.exit_code == 65
    assert refused.stderr.startswith("550 5.7.1 ")
    assert "info@bakker.example" in refused.stderr


def test_json(run: Run) -> None:
    told = json.loads(run("-", "--json").stdout)
    assert told["message"] == NEW.decode()
    assert told["events"] == []
    assert told["changes"][0] == {
        "field": "From",
        "before": "From: Jan <info@bakker.example>",
        "after": 'From: "Bakker B.V." <mail@customers.platform.example>',
        "reason": "from",
    }
    refused = run("-", "--json", stdin=b"Subject: x\n\n")
    assert refused.exit_code == 65
    assert json.loads(refused.stdout)["topic"] == "from.missing"


def test_batch(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out" / "deep"
    source.mkdir()
    (source / "good.eml").write_bytes(MESSAGE)
    (source / "bad.eml").write_bytes(b"Subject: x\r\n\r\n")
    (source / "odd.eml").write_bytes(MESSAGE.replace(b"Jan", b"Jansen, Jan"))
    result = run("--batch", str(source), str(target), "--events", "events.json")
    assert result.exit_code == 0
    assert sorted(path.name for path in target.iterdir()) == ["bad.eml.refused", "good.eml", "odd.eml"]
    assert (target / "good.eml").read_bytes() == NEW
    line = (target / "bad.eml.refused").read_text("ascii")
    assert line.startswith("550 5.6.0 ")
    assert line.count("\n") == 1
    assert json.loads((tmp_path / "events.json").read_text("utf-8")) == {"good.eml": [], "odd.eml": ["from_repaired"]}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-", "--batch", ".", "out"),
        ("missing.eml",),
        ("-", "--platform", "nobody"),
        ("-", "--verified", "a b@c.example"),
        ("-", "--display-name", "none"),
        ("--batch", "missing", "out"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...], run: Run) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_the_configuration_gives_what_was_not_said(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "some.toml"
    config.write_text(
        '[platform]\nname = "P"\naddress = "{tenant}@p.example"\n[policy]\ndisplay_name = "message"\n', "utf-8"
    )
    result = CliRunner().invoke(
        rewrite_command, ["--config", str(config), "-", "--company", "Bakker B.V."], input=MESSAGE
    )
    assert result.stdout_bytes.startswith(b'From: "Jan" <bakker-b-v@p.example>\r\n')


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    file = tmp_path / "m.eml"
    file.write_bytes(MESSAGE)
    command = [sys.executable, "-m", "relay", "rewrite", str(file), *PLATFORM]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, NEW, b"")

"""``relay key``: what is written, what is printed, and that it fits together."""

from __future__ import annotations

import json
import stat

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from relay.cli.key import key_group
from relay.mail.sign import key_record, load_key


@pytest.fixture
def relay(tmp_path, monkeypatch):
    """Run a ``relay key`` command in an empty directory without a configuration of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELAY_CONFIG", raising=False)

    def run(*arguments: str):
        return CliRunner().invoke(key_group, [str(argument) for argument in arguments], catch_exceptions=False)

    return run


def test_two_keys_are_written_for_their_owner_only(relay, tmp_path):
    result = relay("generate", "--directory", tmp_path / "keys", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert [(key["selector"], key["algorithm"]) for key in told["keys"]] == [
        ("r1", "rsa-sha256"),
        ("e1", "ed25519-sha256"),
    ]
    for key in told["keys"]:
        file = tmp_path / "keys" / f"{key['selector']}.pem"
        assert key["file"] == str(file)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        loaded = load_key(
            file.read_bytes(), domain=told["domain"], selector=key["selector"], algorithm=key["algorithm"]
        )
        assert key["record"]["value"] == key_record(loaded)
        assert key["record"]["name"] == f"{key['selector']}._domainkey.customers.platform.example"
    assert "PRIVATE" not in result.stdout


def test_the_printed_lines_are_a_configuration_that_works(relay, tmp_path):
    told = json.loads(relay("generate", "--directory", "keys", "--domain", "platform.example", "--json").stdout)
    (tmp_path / "relay.toml").write_text(told["config"] + "\n")
    result = relay("list", "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [(row["selector"], row["domain"], row["bits"], row["problem"]) for row in rows] == [
        ("r1", "platform.example", 2048, None),
        ("e1", "platform.example", 256, None),
    ]
    assert [row["record"] for row in rows] == [key["record"] for key in told["keys"]]


def test_a_person_reads_the_same(relay):
    result = relay("generate", "--selector-rsa", "a", "--selector-ed25519", "b", "--domain", "mail.example")
    assert result.exit_code == 0
    for needed in (
        '{selector = "a", algorithm = "rsa-sha256"',
        'a._domainkey.mail.example. IN TXT ( "v=DKIM1; k=rsa; p=',
        'b._domainkey.mail.example. IN TXT "v=DKIM1; k=ed25519; p=',
        "Value: v=DKIM1; k=rsa; p=",
    ):
        assert needed in result.stdout


@pytest.mark.parametrize("taken", ["r1.pem", "e1.pem"])
def test_no_key_is_ever_replaced(relay, tmp_path, taken):
    (tmp_path / taken).write_text("precious")
    result = relay("generate")
    assert result.exit_code == 2
    assert f"{taken} exists already" in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--selector-rsa", "x", "--selector-ed25519", "x"], "need different selectors"),
        (["--selector-rsa", "../x"], "selector '../x' is not a DNS name"),
        (["--domain", "bad domain"], "domain 'bad domain' is not a DNS name"),
        (["--bits", "1024"], "1024"),
    ],
)
def test_wrong_usage_is_told_in_a_line(relay, tmp_path, arguments, words):
    result = relay("generate", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_used_is_a_problem(relay, tmp_path):
    relay("generate")
    (tmp_path / "e1.pem").chmod(0o644)
    weak = rsa.generate_private_key(65537, 1024)
    (tmp_path / "weak.pem").write_bytes(weak.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "relay.toml").write_text(
        "[dkim]\nkeys = [\n"
        '{selector = "r1", algorithm = "rsa-sha256", file = "r1.pem"},\n'
        '{selector = "e1", algorithm = "ed25519-sha256", file = "e1.pem"},\n'
        '{selector = "w", algorithm = "rsa-sha256", file = "weak.pem"},\n'
        '{selector = "gone", algorithm = "rsa-sha256", file = "gone.pem"}]\n'
    )
    result = relay("list", "--json")
    assert result.exit_code == 1
    problems = {row["selector"]: row["problem"] for row in json.loads(result.stdout)}
    assert problems["r1"] is None
    assert "everybody can read it" in problems["e1"]
    assert "1024 bits" in problems["w"]
    assert "there is no such file" in problems["gone"]
    assert relay("list").exit_code == 1


def test_without_keys_it_says_how_to_make_them(relay):
    result = relay("list")
    assert result.exit_code == 0
    assert "relay key generate" in result.stdout

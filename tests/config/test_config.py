"""relay.toml: what is read, what is refused, and in which words."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from relay.config import ConfigError, read_config
from relay.config.document import example_toml, reference_markdown


def read(tmp_path: Path, text: str, environment: dict[str, str] | None = None):
    file = tmp_path / "relay.toml"
    file.write_text(text)
    return read_config(file, environment or {})


def test_every_key_has_a_default(tmp_path: Path) -> None:
    config = read(tmp_path, "").config
    assert config.policy.size_limit == 25_000_000
    assert config.listener[0].tls == "starttls"
    assert config.policy.bodies_kept_for == 3600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[delivry]\nvia = "mx"', 'delivry: there is no such setting; did you mean "delivery"?'),
        ('[delivery]\nvai = "mx"', 'delivery.vai: there is no such setting; did you mean "via"?'),
        ("[delivery]\nzzz = 1", "delivery.zzz: there is no such setting; known here: via, smarthost"),
        ('[delivery]\nvia = "pigeon"', "delivery.via = 'pigeon': must be one of: mx, smarthost, capture"),
        ("[[listener]]\nport = 70000", "listener[0].port = 70000: expected a whole number <= 65535"),
        ('[[listener]]\nport = "x"', "listener[0].port = 'x': expected a whole number, got text"),
        ("listener = []", "listener: there must be at least one [[listener]]"),
        ('[policy]\nmessage_size = "25 XB"', "policy.message_size = '25 XB': expected a size such as 25 MB"),
        ('[policy]\nkeep_bodies = "soon"', "policy.keep_bodies = 'soon': expected a period such as 30m, 1h or 30d"),
        (
            '[delivery]\nvia = "smarthost"\n[[smarthost]]\nhost = "a.example"\nusername = "u"',
            "smarthost[0]: username and password_file belong together",
        ),
        (
            '[delivery]\nvia = "smarthost"\n[[smarthost]]\nhost = "a"\ntls = "none"\n'
            'username = "u"\npassword_file = "p"',
            "smarthost[0].tls = 'none': a login needs verified TLS",
        ),
        ('[[smarthost]]\nhost = "a.example"', 'is not used while delivery.via = "mx"'),
        ('[delivery]\nvia = "smarthost"\n[[smarthost]]\nport = 25', "smarthost[0]"),
        ('[[document]]\nnaam = "x"', 'document.naam: there is no such setting; did you mean "name"?'),
        ('[delivery]\nsmarthost = "mail"', "delivery.smarthost = 'mail': must be host:port"),
        ('[dns]\nnameservers = ["::"]', "dns.nameservers = '::': must be host:port"),
        ('[platform]\nbase_url = "mail.example"', "must begin with https:// and name a host"),
        ('[dkim]\nkeys = [{selector = "a", algorithm = "rsa", file = "x"}]', "rsa-sha256, ed25519-sha256"),
        ("platform = ", "is not valid TOML"),
        ('[platform]\naddress = "mail@{tenant}.platform.example"', "{tenant} may stand before the @ only"),
        ('[platform]\naddress = "mail"', "platform.address = 'mail': must be a mail address"),
        ('[platform]\nbounce_domain = "a b"', "platform.bounce_domain = 'a b': must be a domain"),
        ('[dkim]\ndomain = "other.example"', "dkim.domain = 'other.example': must belong to the same organisation"),
    ],
)
def test_a_bad_value_is_named_with_what_may_stand_there(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert str(tmp_path / "relay.toml") in str(caught.value)


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="relay config example"):
        read_config(tmp_path / "none.toml", {})


def test_the_environment_wins_and_is_named_as_source(tmp_path: Path) -> None:
    text = '[database]\nurl = "sqlite:///a.db"\n[http]\nport = 1'
    loaded = read(tmp_path, text, {"RELAY_DATABASE_URL": "sqlite:////tmp/b.db", "RELAY_HTTP_PORT": "0"})
    assert loaded.config.database.url == "sqlite:////tmp/b.db"
    assert loaded.config.http.port == 0
    assert loaded.sources["database.url"] == "RELAY_DATABASE_URL"


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("RELAY_HTTP_PROT", 'RELAY_HTTP_PROT: there is no such setting; did you mean "RELAY_HTTP_PORT"?'),
        ("RELAY_POLICY_ZZZ", "RELAY_POLICY_ZZZ: there is no such setting"),
    ],
)
def test_a_misspelt_variable_is_named(tmp_path: Path, variable: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "", {variable: "1"})
    assert said in str(caught.value)


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    assert read(tmp_path, "", {"RELAY_CONFIG": "x", "RELAYS_HTTP_PORT": "1"}).sources == {}


def test_a_relative_path_is_seen_from_the_file(tmp_path: Path) -> None:
    keys = '[dkim]\nkeys = [{selector = "a", algorithm = "rsa-sha256", file = "a.pem"}]'
    config = read(tmp_path, f'[database]\nurl = "sqlite:///x.db"\n{keys}').config
    assert config.database.url == f"sqlite:///{tmp_path}/x.db"
    assert config.dkim.keys[0].file == str(tmp_path / "a.pem")


def test_the_example_is_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, example_toml()).config == read(tmp_path, "").config


def test_the_example_comments_every_setting() -> None:
    tree = tomllib.loads(example_toml())
    lines = [line for line in example_toml().splitlines() if " = " in line and not line.startswith("#")]
    assert len(lines) == sum(len(table[0] if isinstance(table, list) else table) for table in tree.values())
    assert all(" # " in line and line.rpartition(" # ")[2] for line in lines)


def test_the_reference_describes_every_setting() -> None:
    page = reference_markdown()
    assert '| `via` | `"mx"` | `capture` `mx` `smarthost` |' in page
    assert "| |" not in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[listener]]\ncertificate = "none.pem"\nkey = "none.pem"', "none.pem"),
        ('[dkim]\nkeys = [{selector = "r1", algorithm = "rsa-sha256", file = "none.pem"}]', "relay key generate"),
    ],
)
def test_config_check_reads_the_files_that_are_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(text)
    command = [sys.executable, "-m", "relay", "config", "check", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), ("auto", "auto")])
def test_a_choice_of_words_and_truth_comes_from_the_environment(tmp_path, value, expected):
    loaded = read(tmp_path, "", {"RELAY_DNS_VALIDATING": value, "RELAY_PLATFORM_NAME": "true"})
    assert loaded.config.dns.validating == expected
    assert loaded.config.platform.name == "true"


OAUTH = '[[oauth]]\nname = "ms"\nprovider = "{provider}"\nclient_id = "x"\n{more}'
WRONG_OAUTH = [
    (OAUTH.format(provider="microsoft", more="") * 2, "oauth[0].name"),
    (OAUTH.format(provider="custom", more=""), "needs the endpoints"),
    (OAUTH.format(provider="google", more='token = "http://login.example/t"'), "oauth[0].token"),
    (OAUTH.format(provider="google", more='token = "http://127.0.0.1.evil.example/t"'), "oauth[0].token"),
    (OAUTH.format(provider="yahoo", more=""), "must be one of: microsoft, google, custom"),
    (OAUTH.format(provider="google", more="").replace('"x"', '""'), "client_id"),
]


@pytest.mark.parametrize(("text", "said"), WRONG_OAUTH)
def test_an_application_that_cannot_be_used(tmp_path, text, said) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_config(file, {})
    assert said in str(error.value)


def test_an_application_with_its_secret_in_a_file(tmp_path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(
        OAUTH.format(provider="custom", more="") + 'authorize = "https://a.example/"\ntoken = "http://[::1]:1/"\n'
    )
    with file.open("a") as opened:
        opened.write('client_secret_file = "secret"\n')
    [app] = read_config(file, {}).config.oauth
    assert app.client_secret_file == str(tmp_path / "secret")

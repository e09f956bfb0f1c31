"""``relay test-mail`` beside a real relay: by the platform, by an own server, and when something is in the way."""

from __future__ import annotations

import email
import json
import re
import subprocess
import sys
from email import policy
from typing import Any

import pytest

from relay.locales import catalog

AUTHOR = "info@bakker.example"
PASSWORD = "geheim-CANARY-1"
TENANT = "Bakker B.V."


def send(relay, *options: str, code: int = 0) -> Any:
    return json.loads(relay.cli("test-mail", TENANT, "--json", "--no-checks", "--lang", "en", *options, code=code))


def names(told: Any) -> list[str]:
    return [step["name"] for step in told["steps"]]


def fact(told: Any, name: str, of: str) -> Any:
    return next(step["facts"][of] for step in told["steps"] if step["name"] == name)


@pytest.fixture
def tenant(relay) -> str:
    return relay.add_tenant()["id"]


@pytest.fixture
def own(relay, own_smtp, tenant):
    """A running relay whose tenant sends by its own server."""
    own_smtp.write_authority(relay.folder / "ca.pem")
    text = relay.config.read_text().replace("[delivery]\n", '[delivery]\nallow_private = true\nca_file = "ca.pem"\n')
    relay.config.write_text(text)
    relay.start()
    command = [sys.executable, "-m", "relay", "--config", str(relay.config), "route", "set", tenant, "own"]
    command += [f"127.0.0.1:{own_smtp.port}", "--username", AUTHOR, "--password-stdin"]
    done = subprocess.run(command, input=f"{PASSWORD}\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return own_smtp


def test_every_step_of_the_platforms_way(relay, tenant, sink) -> None:
    relay.start()
    told = send(relay)
    assert names(told) == [
        *("verified", "addressed", "rewritten", "added", "signed", "signed", "accepted", "begun", "connected", "clear"),
        *("answered", "delivered"),
    ]
    assert (told["outcome"], told["cause"], told["do"], told["findings"]) == ("delivered", None, None, [])
    assert told["route"] == "smarthost"
    times = [step["at_ms"] for step in told["steps"]]
    assert times == sorted(times)
    assert fact(told, "rewritten", "after") == '"Bakker B.V." <mail@customers.platform.example>'
    assert fact(told, "signed", "domain") == "customers.platform.example"
    assert fact(told, "answered", "reply") == "250 2.0.0 taken"
    assert fact(told, "connected", "remote").startswith("127.0.0.1[127.0.0.1]:")
    [content] = sink.to(AUTHOR)
    mail = email.message_from_bytes(content, policy=policy.default)
    assert mail["Subject"] == "Testmail van Bakker B.V."
    assert mail["From"] == '"Bakker B.V." <mail@customers.platform.example>'
    for kind in ("plain", "html"):
        text = " ".join(mail.get_body((kind,)).get_content().split())
        assert "Klantenplatform en zijn uitgaande server" in text
        assert "mail@customers.platform.example" in text
        assert "http:" not in text
        assert "href" not in text
    assert relay.json("message", "show", told["message_id"])["sent"]


def test_to_somebody_else_for_people(relay, tenant, sink) -> None:
    relay.start()
    text = relay.cli("test-mail", TENANT, "--to", "klant@klant.example", "--no-checks", "--lang", "nl")
    sink.wait_for("klant@klant.example")
    lines = text.splitlines()
    assert lines[0] == "Van info@bakker.example naar klant@klant.example, via het platform en zijn"
    assert re.search(
        r"^ +\d+ ms  info@bakker.example is bevestigd: Bakker B.V. mag ermee versturen\.$", text, re.MULTILINE
    )
    assert "Antwoord: 250 2.0.0 taken" in text
    assert lines[-1] == "Afgeleverd."
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in text


def test_an_own_server_with_its_certificate(own, relay, sink) -> None:
    told = send(relay)
    assert names(told)[:4] == ["verified", "addressed", "as_it_came", "accepted"]
    assert names(told)[-4:] == ["secured", "answered", "delivered", "certificate"]
    assert fact(told, "secured", "tls").startswith("TLSv1.3 ")
    assert fact(told, "certificate", "names") == "127.0.0.1"
    [(mail_from, _, content)] = own.received
    assert mail_from == AUTHOR
    assert b"DKIM-Signature" not in content
    text = email.message_from_bytes(content, policy=policy.default).get_body(("plain",)).get_content()
    assert f"127.0.0.1:{own.port}, de eigen mailserver" in " ".join(text.split())
    assert sink.received == []


def test_an_own_server_that_refuses_the_login(own, relay, tenant) -> None:
    own.password = "anders"
    told = send(relay, code=1)
    assert names(told)[-1] == told["outcome"] == "held"
    assert fact(told, "answered", "reply").startswith("535 5.7.8 ")
    assert told["cause"].startswith(catalog("en").text("check.auth.535.password", reply="X").partition(" (")[0])
    assert f"relay route probe {tenant}" in told["do"]
    tried = len(own.logins)
    own.password = PASSWORD
    shown = relay.cli("test-mail", TENANT, "--lang", "en", "--nameserver", "127.0.0.1:9", "--wait", "5", code=1)
    assert len(own.logins) == tried  # a login that is refused is not tried again: that locks accounts
    assert "it is held" in shown
    assert PASSWORD not in shown


def test_a_refused_recipient_is_explained(relay, tenant, sink) -> None:
    sink.refused["weg@klant.example"] = "550 5.1.1 no such user"
    relay.start()
    told = send(relay, "--to", "weg@klant.example", code=1)
    assert names(told)[-2:] == ["answered", "failed"]
    assert (told["outcome"], told["cause"]) == ("failed", "The address weg@klant.example does not exist.")
    assert told["do"].startswith("Check the spelling of the address")


def test_greylisting_needs_nothing_but_time(relay, tenant, sink) -> None:
    sink.refused[AUTHOR] = "451 4.7.1 Greylisted, please come back"
    relay.start()
    told = send(relay, "--wait", "20", code=75)
    assert names(told)[-2:] == ["answered", "deferred"]
    assert 55 <= fact(told, "deferred", "seconds") <= 60
    assert (told["outcome"], "greylisting" in told["cause"]) == ("waiting", True)


def test_nothing_listens_there(relay, tenant) -> None:
    relay.config.write_text(
        re.sub(r'smarthost = "127.0.0.1:\d+"', 'smarthost = "127.0.0.1:9"', relay.config.read_text())
    )
    relay.start()
    told = send(relay, "--wait", "20", code=75)
    assert names(told)[-2:] == ["broken", "deferred"]
    assert told["cause"].startswith("No connection to 127.0.0.1")
    assert "firewall" in told["do"]
    [row] = relay.json("queue", "list")
    assert row["message_id"] == told["message_id"]


def test_where_all_mail_is_captured(relay, tenant, sink) -> None:
    relay.config.write_text(relay.config.read_text().replace('via = "smarthost"', 'via = "capture"'))
    relay.start()
    told = send(relay)
    assert names(told)[-2:] == ["captured", "delivered"]
    assert (told["outcome"], told["route"]) == ("delivered", "capture")
    assert sink.received == []


def test_no_relay_runs(relay, tenant, sink) -> None:
    told = send(relay, code=75)
    assert names(told)[-1] == "accepted"
    assert told["cause"].startswith("No relay process takes it up")
    assert "relay serve" in told["do"]
    relay.start()
    sink.wait_for(AUTHOR)


def test_an_unconfirmed_address_is_asked_first(relay, sink) -> None:
    relay.json("tenant", "add", TENANT, "--email", AUTHOR, "--locale", "en")
    relay.start()
    told = send(relay, code=65)
    assert names(told) == ["refused"]
    assert told["outcome"] == "refused"
    assert told["cause"].endswith("A verification mail has been sent.")
    assert told["do"].startswith(f"Open the link in the mail to {AUTHOR}")
    [mail] = sink.wait_for(AUTHOR)
    assert b"/confirm/" in mail


def test_it_waits_for_the_owner_where_that_is_the_policy(relay, sink) -> None:
    relay.config.write_text(f'{relay.config.read_text()}\n[policy]\nunverified = "hold"\n')
    relay.json("tenant", "add", TENANT, "--email", AUTHOR, "--locale", "en")
    relay.start()
    told = send(relay, code=75)
    assert names(told) == ["kept"]
    assert told["outcome"] == "waiting"
    assert "verification mail" in told["cause"]
    [held] = relay.json("queue", "list", "--state", "held")  # the verification mail may be in the queue as well
    assert held["message_id"] == told["message_id"]


def test_the_domain_and_the_route_are_checked_afterwards(own, relay) -> None:
    told = json.loads(relay.cli("test-mail", TENANT, "--json", "--nameserver", "127.0.0.1:9", "--dns-timeout", "0.1"))
    assert told["outcome"] == "delivered"
    assert {finding["severity"] for finding in told["findings"]} >= {"unknown"}
    assert len(own.logins) == 3  # as the route was set, for the mail, and for the probe

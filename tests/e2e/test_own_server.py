"""A tenant's own SMTP server: its From, its password, and what happens when it fails."""

from __future__ import annotations

import email
import json
import subprocess
import sys
import urllib.parse
from base64 import b64encode
from email import policy
from pathlib import Path
from typing import Any

import pytest

from relay.locales import catalog

AUTHOR = "info@bakker.example"
PASSWORD = "geheim-CANARY-1"
MESSAGE = (
    f'From: "Bakker, de beste" <{AUTHOR}>\r\nTo: klant@klant.example\r\nBcc: baas@bakker.example\r\n'
    "Reply-To: verkoop@elders.example\r\nX-Relay-Document: quote\r\nSubject: Offerte 7\r\n\r\nBeste klant\r\n"
)


@pytest.fixture
def started(relay, own_smtp):
    """A relay that may deliver to loopback and trusts the authority of the own server, with a tenant."""
    own_smtp.write_authority(relay.folder / "ca.pem")
    text = relay.config.read_text().replace("[delivery]\n", '[delivery]\nallow_private = true\nca_file = "ca.pem"\n')
    relay.config.write_text(f'{text}[policy]\nown_server_patience = "1s"\n')
    added = relay.add_tenant()
    relay.start()
    return relay, added["id"], added["login"]


def set_route(relay, tenant: str, own: Any, password: str = PASSWORD, *options: str, code: int = 0) -> Any:
    command = [sys.executable, "-m", "relay", "--config", str(relay.config), "route", "set", tenant, "own"]
    command += [f"127.0.0.1:{own.port}", "--username", AUTHOR, "--password-stdin", "--json", *options]
    done = subprocess.run(command, input=f"{password}\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    assert password not in done.stdout + done.stderr
    return json.loads(done.stdout)


def submit(relay, login, recipient: str = "klant@klant.example") -> None:
    with relay.client(login) as client:
        client.sendmail(AUTHOR, [recipient], MESSAGE)


def text_of(content: bytes) -> str:
    parsed = email.message_from_bytes(content, policy=policy.default)
    return " ".join(f"{parsed['Subject']} {parsed.get_body(('plain',)).get_content()}".split())


def states(relay, state: str = "") -> list[str]:
    return [row["state"] for row in relay.json("queue", "list", *(["--state", state] if state else []))]


def test_mail_goes_as_it_came_with_bounces_to_the_author(started, own_smtp, sink, until) -> None:
    relay, tenant, login = started
    saved = set_route(relay, tenant, own_smtp)
    assert (saved["saved"], saved["tls"], saved["host"]) == (True, "starttls", "127.0.0.1")
    submit(relay, login)
    until(lambda: own_smtp.received)
    [(mail_from, recipients, content)] = own_smtp.received
    assert (mail_from, recipients) == (AUTHOR, ["klant@klant.example"])
    header = content.partition(b"\r\n\r\n")[0]
    assert f'\r\nFrom: "Bakker, de beste" <{AUTHOR}>\r\n'.encode() in header
    assert b"\r\nReply-To: verkoop@elders.example\r\n" in header
    assert header.startswith(b"Received: from authenticated-client by relay.platform.example\r\n")
    for gone in (b"Bcc:", b"X-Relay", b"DKIM-Signature", b"platform@", b"customers.platform.example>\r\nTo"):
        assert gone not in header
    assert b"\r\nDate: " in header
    assert b"\r\nMessage-ID: <" in header
    assert sink.received == []
    assert PASSWORD not in relay.log
    database = b"".join(Path(each).read_bytes() for each in relay.folder.glob("relay.db*"))
    assert PASSWORD.encode() not in database
    assert PASSWORD not in json.dumps(relay.json("route", "show", tenant))


def test_a_wrong_password_holds_tells_once_and_a_right_one_frees(started, own_smtp, sink, until) -> None:
    relay, tenant, login = started
    set_route(relay, tenant, own_smtp)
    own_smtp.password = "nieuw-CANARY-2"
    tried = len(own_smtp.logins)
    for number in range(3):
        submit(relay, login, f"klant{number}@klant.example")
    until(lambda: states(relay) == ["held"] * 3)
    assert len(own_smtp.logins) == tried + 1  # one wrong password does not become three: the account would be locked
    notice = text_of(sink.wait_for(AUTHOR)[0])
    assert "127.0.0.1 weigert de aanmelding" in notice
    assert catalog("nl").text("check.auth.535.password", reply="X").partition(" (")[0] in notice
    assert "535 5.7.8 signing in was refused: wrong user name or password" in notice
    shown = relay.json("route", "show", tenant)
    assert (shown["state"], shown["held"]) == ("refused", 3)
    submit(relay, login, "later@klant.example")
    until(lambda: states(relay) == ["held"] * 4)
    assert len(own_smtp.logins) == tried + 1

    failed = set_route(relay, tenant, own_smtp, code=1)  # the same wrong password is not saved
    assert failed["saved"] is False
    assert states(relay) == ["held"] * 4
    released = set_route(relay, tenant, own_smtp, "nieuw-CANARY-2")
    assert released["released"] == 4
    until(lambda: len(own_smtp.received) == 4)
    until(lambda: states(relay) == [])
    assert len(sink.to(AUTHOR)) == 1
    assert states(relay, "failed") == []


def test_the_password_lies_nowhere_whatever_happens_to_it(started, own_smtp, sink, until) -> None:
    """S03, S04: accepted, refused, shown, diverted from: in no log, database, notice or output, however spelt."""
    relay, tenant, login = started
    relay.stop()
    relay.options = ("--verbose",)
    relay.start()
    set_route(relay, tenant, own_smtp)
    own_smtp.password = "een ander"
    submit(relay, login)
    until(lambda: states(relay) == ["held"])
    [notice] = sink.wait_for(AUTHOR)
    [row] = relay.json("queue", "list")
    outputs = [relay.cli(*words) for words in (("route", "show", tenant), ("message", "show", row["message_id"]))]
    outputs += [relay.cli("queue", "show", row["id"]), relay.cli("route", "probe", tenant, code=1)]
    own_smtp.password = PASSWORD
    outputs.append(relay.cli("route", "probe", tenant))
    until(lambda: own_smtp.received)
    files = {path.name: path.read_bytes() for path in relay.folder.iterdir() if path.is_file()}
    assert {"log", "relay.db"} <= files.keys()
    places = {**files, "notice": notice, "outputs": "\n".join(outputs).encode()}
    octets = PASSWORD.encode()
    spelt = [octets, octets.hex().encode(), urllib.parse.quote(PASSWORD, safe="").encode()]
    spelt += [b64encode(start + octets)[4:-4] for start in (b"\0", b"\0\0", f"\0{AUTHOR}\0".encode())]
    assert [name for name, content in places.items() for each in spelt if each in content] == []


def test_a_probe_that_works_frees_as_well(started, own_smtp, until) -> None:
    relay, tenant, login = started
    set_route(relay, tenant, own_smtp)
    own_smtp.password = "even anders"
    submit(relay, login)
    until(lambda: states(relay) == ["held"])
    relay.cli("route", "probe", tenant, code=1)
    assert states(relay) == ["held"]
    own_smtp.password = PASSWORD
    assert "1 delivery is let go" in relay.cli("route", "probe", tenant)
    until(lambda: own_smtp.to("klant@klant.example"))


def test_a_server_that_fails_for_long_gives_way_to_the_platform(started, own_smtp, sink, until) -> None:
    relay, tenant, login = started
    set_route(relay, tenant, own_smtp, PASSWORD, "--on-failure", "platform")
    own_smtp.stop()
    submit(relay, login)
    [content] = sink.wait_for("klant@klant.example")
    assert b'\r\nFrom: "Bakker B.V." <mail@customers.platform.example>\r\n' in content
    assert b'\r\nReply-To: "Bakker B.V." <info@bakker.example>\r\n' in content  # the other one nobody confirmed
    assert b"DKIM-Signature" in content
    assert "neemt geen mail aan: het platform verstuurt" in text_of(sink.wait_for(AUTHOR)[0])
    [mail_from] = [sender for sender, to, _ in sink.received if to == ["klant@klant.example"]]
    assert mail_from.endswith("@bounce.platform.example")
    submit(relay, login, "tweede@klant.example")
    sink.wait_for("tweede@klant.example")
    assert len(sink.to(AUTHOR)) == 1
    own_smtp.start()
    until(lambda: not relay.json("route", "show", tenant)["waiting"])


def test_back_to_the_platform_takes_along_what_waits(started, own_smtp, sink, until) -> None:
    relay, tenant, login = started
    set_route(relay, tenant, own_smtp)
    own_smtp.password = "anders"
    submit(relay, login)
    until(lambda: states(relay) == ["held"])
    relay.cli("route", "set", tenant, "platform")
    [content] = sink.wait_for("klant@klant.example")
    assert b"<mail@customers.platform.example>" in content
    assert relay.json("route", "show", tenant)["kind"] == "platform"


def test_a_login_may_not_use_the_own_server(started, own_smtp, sink) -> None:
    relay, tenant, _ = started
    set_route(relay, tenant, own_smtp)
    other = relay.json("login", "add", tenant, "--no-own-server")
    with relay.client(other) as client, pytest.raises(Exception, match="Reply-To"):
        client.sendmail(AUTHOR, ["klant@klant.example"], MESSAGE)
    with relay.client(other) as client:
        client.sendmail(AUTHOR, ["klant@klant.example"], MESSAGE.replace("verkoop@elders.example", AUTHOR))
    [content] = sink.wait_for("klant@klant.example")
    assert b"<mail@customers.platform.example>" in content
    assert own_smtp.received == []


def test_an_unconfirmed_sender_is_refused_here_too(started, own_smtp) -> None:
    relay, tenant, login = started
    set_route(relay, tenant, own_smtp)
    with relay.client(login) as client, pytest.raises(Exception, match="550"):
        client.sendmail("x@y.example", ["klant@klant.example"], MESSAGE.replace(AUTHOR, "x@y.example"))
    assert own_smtp.received == []

"""An own server that signs in with OAuth: connected by a person, renewed, revoked, connected again. A provider that
rotates and a server that knows XOAUTH2, both on loopback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode

import pytest

AUTHOR = "info@bakker.example"
MESSAGE = f"From: {AUTHOR}\r\nTo: klant@klant.example\r\nSubject: Offerte 7\r\n\r\nBeste klant\r\n"
MICROSOFT = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
GOOGLE = (
    "535-5.7.8 Username and Password not accepted.\r\n535 5.7.8 https://support.google.com/mail/?p=BadCredentials x"
)


@pytest.fixture
def started(relay, own_smtp, provider):
    """A relay of two processes with an application at the provider, and a tenant whose own server wants XOAUTH2."""
    own_smtp.signs_in = "XOAUTH2"
    own_smtp.tokens = provider.access  # every token that was given is good, until a test says otherwise
    own_smtp.write_authority(relay.folder / "ca.pem")
    (relay.folder / "app-secret").write_text("app-CANARY-secret\n")
    text = relay.config.read_text().replace("[delivery]\n", '[delivery]\nallow_private = true\nca_file = "ca.pem"\n')
    endpoints = "".join(f'{name} = "{provider.base}/{name}"\n' for name in ("authorize", "token", "device"))
    relay.config.write_text(
        f'{text}[[oauth]]\nname = "office"\nprovider = "microsoft"\nclient_id = "app-1"\n'
        f'client_secret_file = "app-secret"\ndirectory = "d-1"\n{endpoints}'
    )
    relay.processes = 2
    added = relay.add_tenant()
    relay.start()
    route = ("route", "set", added["id"], "own", f"127.0.0.1:{own_smtp.port}", "--username", AUTHOR)
    said = relay.cli(*route, "--auth", "xoauth2")
    assert "No account is connected for OAuth yet: until then mail is held" in said
    return relay, added["id"], added["login"]


def callback(relay, query: str, language: str = "nl") -> tuple[int, str]:
    """The page that a browser sees which the provider has sent back."""
    request = urllib.request.Request(f"{relay.page}/oauth/callback?{query}", headers={"Accept-Language": language})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, plain(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, plain(error.read())


def plain(page: bytes) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", page.decode()).split())


def link(relay, tenant: str) -> str:
    return relay.json("route", "connect", tenant)["open"]


def submit(relay, login, recipient: str) -> None:
    with relay.client(login) as client:
        client.sendmail(AUTHOR, [recipient], MESSAGE)


def states(relay) -> list[str]:
    return [row["state"] for row in relay.json("queue", "list")]


def test_held_connected_renewed_revoked_and_connected_again(started, own_smtp, provider, sink, until) -> None:
    relay, tenant, login = started
    submit(relay, login, "een@klant.example")
    until(lambda: states(relay) == ["held"])
    assert "niet meer gekoppeld" in sink_text(sink.wait_for(AUTHOR)[0])

    status, page = callback(relay, provider.agree(link(relay, tenant)))
    assert status == 200
    assert "info@bakker.example is gekoppeld" in page
    until(lambda: own_smtp.to("een@klant.example"))
    shown = relay.json("route", "show", tenant)
    assert (shown["state"], shown["account"], shown["connected_as"]) == ("ok", "connected", AUTHOR)
    assert shown["token_until"] - shown["token_since"] == pytest.approx(3600, abs=5)

    lapse(relay)  # both processes find the token old, and one of them asks
    asked = len(provider.asked)
    for number in range(6):
        submit(relay, login, f"n{number}@klant.example")
    until(lambda: all(own_smtp.to(f"n{number}@klant.example") for number in range(6)))
    assert len(provider.asked) == asked + 1

    lapse(relay)
    provider.good.clear()  # somebody has revoked the consent
    submit(relay, login, "twee@klant.example")
    submit(relay, login, "drie@klant.example")
    until(lambda: states(relay) == ["held", "held"])
    shown = relay.json("route", "show", tenant)
    assert (shown["state"], shown["account"], shown["held"]) == ("refused", "disconnected", 2)
    assert shown["token_error"] == "invalid_grant: Token has been expired or revoked."
    sink.wait_for(AUTHOR, 2)

    assert callback(relay, provider.agree(link(relay, tenant)))[0] == 200
    until(lambda: own_smtp.to("twee@klant.example") and own_smtp.to("drie@klant.example"))
    until(lambda: states(relay) == [])
    assert len(sink.to(AUTHOR)) == 2  # told once each time
    assert found_secrets(relay, tenant) == []


@pytest.mark.parametrize(("reply", "cause"), [(MICROSOFT, "SmtpClientAuthentication"), (GOOGLE, "5.7.8")])
def test_a_server_that_refuses_the_token(started, own_smtp, provider, sink, until, reply, cause) -> None:
    relay, tenant, login = started
    assert callback(relay, provider.agree(link(relay, tenant)))[0] == 200
    own_smtp.tokens, own_smtp.xoauth2_refusal = [], reply
    submit(relay, login, "een@klant.example")
    submit(relay, login, "twee@klant.example")
    until(lambda: states(relay) == ["held", "held"])
    assert len(own_smtp.logins) <= relay.processes  # a refused token is not tried again
    assert cause in relay.json("route", "show", tenant)["refused_reply"]
    assert cause in sink_text(sink.wait_for(AUTHOR)[0])
    relay.cli("route", "probe", tenant, code=1)
    own_smtp.tokens = provider.access
    assert "2 deliveries are let go" in relay.cli("route", "probe", tenant)
    until(lambda: own_smtp.to("een@klant.example") and own_smtp.to("twee@klant.example"))


def test_a_provider_that_is_down_is_waited_for(started, own_smtp, provider, sink, until) -> None:
    relay, tenant, login = started
    assert callback(relay, provider.agree(link(relay, tenant)))[0] == 200
    lapse(relay)
    provider.failure = (503, {"error": "temporarily_unavailable"})
    submit(relay, login, "een@klant.example")
    until(lambda: relay.json("route", "show", tenant)["token_error"])
    shown = relay.json("route", "show", tenant)
    assert (shown["account"], shown["held"], shown["waiting"]) == ("connected", 0, 1)
    assert sink.to(AUTHOR) == []


def test_what_a_person_sees_that_does_not_go_well(started, provider) -> None:
    relay, tenant, _ = started
    opened = link(relay, tenant)
    back = provider.agree(opened)
    state = back.partition("&")[0]
    assert callback(relay, f"{state}&error=access_denied", "fr")[1].count("Rien n’a été connecté")
    status, page = callback(relay, f"{state}&error=server_error&error_description=%3Cb%3Eoops", "en")
    assert (status, "The provider says: server_error: &lt;b&gt;oops" in page) == (400, True)
    provider.account = "piet@elders.example"
    status, page = callback(relay, back, "de")
    assert (status, "Sie haben sich mit einem anderen Konto angemeldet" in page) == (400, True)
    assert "piet@elders.example" in page
    provider.account = AUTHOR
    assert callback(relay, back)[0] == 410  # once
    assert callback(relay, back.replace("state=", "state=x"))[0] == 404
    assert callback(relay, "code=x")[0] == 404
    assert relay.json("route", "show", tenant)["account"] == "none"
    back = provider.agree(link(relay, tenant))
    execute(relay, "UPDATE oauth_consent SET expires_at = 1")
    status, page = callback(relay, back, "en")
    assert (status, "This link has expired" in page) == (410, True)


def test_a_device_and_an_application(started, own_smtp, provider) -> None:
    relay, tenant, _ = started
    provider.pending = ["authorization_pending", "authorization_pending"]
    said = relay.cli("route", "connect", tenant, "--device")
    assert f"Open {provider.base}/device and enter WDJB-MJHT, signed in as {AUTHOR}." in said
    assert said.rstrip().endswith(f"connected as {AUTHOR}; 0 deliveries are let go.")
    said = relay.cli("route", "connect", tenant, "--application")
    assert "New-ServicePrincipal -AppId app-1 -ObjectId OBJECT-ID" in said
    assert f'Add-MailboxPermission -Identity "{AUTHOR}"' in said
    assert relay.json("route", "show", tenant)["connected_by"] == "office (application)"
    assert "Works" in relay.cli("route", "probe", tenant)


def sink_text(content: bytes) -> str:
    import email
    from email import policy

    parsed = email.message_from_bytes(content, policy=policy.default)
    return " ".join(f"{parsed['Subject']} {parsed.get_body(('plain',)).get_content()}".split())


def lapse(relay) -> None:
    """The token that is kept is nearly over."""
    execute(relay, "UPDATE oauth_connection SET expires_at = 1, refreshed_at = 0")


def execute(relay, statement: str) -> None:
    """Change the database behind the relay's back, from a process of its own."""
    code = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], 30) as c: c.execute(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, str(relay.folder / "relay.db"), statement], check=True)


def found_secrets(relay, tenant: str) -> list[str]:
    """Where tokens or the application's secret lie, in the clear or in base64 (S03, S04)."""
    files = {path.name: path.read_bytes() for path in relay.folder.iterdir() if path.is_file()}
    assert files.pop("app-secret")
    files["show"] = json.dumps(relay.json("route", "show", tenant)).encode() + relay.cli("config", "show").encode()
    spelt = [b"-CANARY-", *(b64encode(start + b"-CANARY-")[4:-4] for start in (b"\0\0\0", b"\0", b"\0\0"))]
    return [name for name, content in files.items() for each in spelt if each in content]

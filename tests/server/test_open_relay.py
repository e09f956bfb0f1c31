"""H01: the classic ways to make a server pass on a stranger's mail, on every kind of listener: none is accepted."""

from __future__ import annotations

from itertools import product

import pytest

from relay.config.schema import Config, Platform
from relay.server.bounces import BounceDesk
from relay.server.inbound import Inbound
from relay.server.office import Office
from relay.server.replies import ReplyDesk
from relay.server.signer import UNSIGNED
from relay.store.group import CommitGroup

LISTENERS = ("starttls", "implicit", "none", "network")
USUAL = "MAIL FROM:<spam@sender.example>"

FORMS = {  # reverse-path and forward-path as they are sent
    "plain": (USUAL, "RCPT TO:<victim@other.example>"),
    "null sender": ("MAIL FROM:<>", "RCPT TO:<victim@other.example>"),
    "sender of ours": ("MAIL FROM:<mail@relay.example>", "RCPT TO:<victim@other.example>"),
    "sender of a tenant": ("MAIL FROM:<info@bakker.example>", "RCPT TO:<victim@other.example>"),
    "sender without domain": ("MAIL FROM:<spam>", "RCPT TO:<victim@other.example>"),
    "sender on this machine": ("MAIL FROM:<spam@localhost>", "RCPT TO:<victim@other.example>"),
    "sender is our address": ("MAIL FROM:<spam@[127.0.0.1]>", "RCPT TO:<victim@other.example>"),
    "percent": (USUAL, "RCPT TO:<victim%other.example@relay.example>"),
    "percent and literal": (USUAL, "RCPT TO:<victim%other.example@[127.0.0.1]>"),
    "percent without domain": (USUAL, "RCPT TO:<victim%other.example>"),
    "source route": (USUAL, "RCPT TO:<@relay.example:victim@other.example>"),
    "source route of literals": (USUAL, "RCPT TO:<@[127.0.0.1]:victim@other.example>"),
    "quoted": (USUAL, 'RCPT TO:<"victim@other.example">'),
    "quoted at us": (USUAL, 'RCPT TO:<"victim@other.example"@relay.example>'),
    "quoted percent": (USUAL, 'RCPT TO:<"victim%other.example"@relay.example>'),
    "two domains": (USUAL, "RCPT TO:<victim@other.example@relay.example>"),
    "two domains, literal": (USUAL, "RCPT TO:<victim@other.example@[127.0.0.1]>"),
    "bang": (USUAL, "RCPT TO:<other.example!victim>"),
    "bang at us": (USUAL, "RCPT TO:<other.example!victim@relay.example>"),
    "bang, literal": (USUAL, "RCPT TO:<other.example!victim@[127.0.0.1]>"),
    "without brackets": (USUAL, "RCPT TO: victim@other.example"),
}
MESSAGE = b"From: spam@sender.example\r\n\r\nspam\r\n.\r\n"
DIRECT = {"plain", "sender of ours", "sender of a tenant", "sender on this machine"}


def attempt(client, sender: str, recipient: str) -> list[str]:
    """Every reply of a stranger's attempt, which goes on whatever it hears, until it is shown the door."""
    heard = [client.command(line) for line in (sender, recipient, "DATA")]
    if not heard[-1].startswith("354"):
        return heard
    client.send(MESSAGE)
    return [*heard, client.reply()]


def test_there_are_twenty_forms_and_three_listeners() -> None:
    assert len(FORMS) >= 20
    assert len(LISTENERS) >= 3


@pytest.mark.parametrize(("listener", "form"), list(product(LISTENERS, FORMS)))
def test_a_stranger_gets_nothing_passed_on(serve, listener: str, form: str) -> None:
    settings = {"by_network": True} if listener == "network" else {"tls": listener}
    serving = serve(**settings)
    client = serving.connect(tls=listener == "implicit")
    greeting = client.reply()
    if listener == "network":
        assert greeting.startswith("554 5.7.1")
        assert client.closed
        return
    client.command("EHLO spam.example")
    if listener == "starttls":  # first in the clear, then under TLS
        assert {reply[:3] for reply in attempt(client, *FORMS[form])} == {"530"}
        client.command("STARTTLS")
        client.start_tls()
        client.command("EHLO spam.example")
    heard = attempt(client, *FORMS[form])
    assert {reply[:3] for reply in heard} == {"530"}
    assert not serving.desk.submissions


@pytest.mark.parametrize("form", [form for form in FORMS if form not in DIRECT])
def test_nobody_has_mail_passed_on_by_a_detour(serve, form: str) -> None:
    """Who signed in may write to anybody, but not have us look for the way in an address."""
    serving = serve()
    heard = attempt(serving.begin(), *FORMS[form])
    assert any(reply[:3] in {"501", "550", "553"} for reply in heard[:2])
    assert heard[2].startswith("503")
    assert not serving.desk.submissions


@pytest.fixture
def reception() -> Inbound:
    """Where mail for the platform's own addresses comes in. Its store is never asked: it would not answer."""
    ours = {"address": "mail@relay.example", "bounce_domain": "bounce.relay.example"}
    platform = Platform(**ours, postmaster="op@other.example")
    office, store = Office(Config(platform=platform), UNSIGNED, "relay.example"), CommitGroup("sqlite:///nowhere")
    answers = ReplyDesk(store, office, lambda: None, lambda: 0.0, b"loop")
    return Inbound(office, store, b"0123456789abcdef", BounceDesk(store, lambda: 0.0), answers, lambda: 0.0)


@pytest.mark.parametrize("form", FORMS)
def test_where_bounces_come_in_nothing_goes_through(serve, reception: Inbound, form: str) -> None:
    serving = serve(reception=reception, recipients=1)
    client = serving.connect()
    client.reply()
    assert "AUTH" not in client.command("EHLO spam.example")
    heard = attempt(client, *FORMS[form])
    assert heard[1][:3] in {"501", "503", "550", "553"}
    assert heard[2].startswith("503")
    assert client.command("RCPT TO:<mail@relay.example>")[:3] == ("250" if heard[0].startswith("250") else "503")

"""Advice by provider: dated data, found by host, by domain, by mail exchanger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from relay.checks.asking import Asking
from relay.checks.own_server.advice import Advice, advise, by_reply, find_provider, matched
from relay.checks.own_server.dated import Cause, cause_of, providers, replies, stage_on
from relay.checks.own_server.judge import judge
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Hello, Reach, Said, Seen, Speaks
from relay.locales import catalog
from relay.net.client import Endpoint
from relay.net.zone import Zone

ZONE = {
    "office.example": {"MX": ["0 office-example.mail.protection.outlook.com"]},
    "workspace.example": {"MX": ["1 aspmx.l.google.com", "5 alt1.aspmx.l.google.com"]},
    "smtp.example": {"MX": ["1 smtp.google.com"]},
    "at-zoho.example": {"MX": ["10 mx.zoho.eu"]},
    "zoho-au.example": {"MX": ["10 mx.zoho.com.au"]},
    "ionos.example": {"MX": ["10 mx00.ionos.fr"]},
    "schlund.example": {"MX": ["10 mx00.kundenserver.de"]},
    "transip.example": {"MX": ["10 mx.transip.email"]},
    "vimexx.example": {"MX": ["10 mail.vimexx.nl"]},
    "strato.example": {"MX": ["5 smtpin.rzone.de"]},
    "proton.example": {"MX": ["10 mail.protonmail.ch"]},
    "own.example": {
        "MX": ["10 mx.own.example"],
    },
    "_submissions._tcp.own.example": {"SRV": ["0 1 465 smtp.own.example."]},
    "_submission._tcp.own.example": {"SRV": ["0 1 587 smtp.own.example."]},
    "_submission._tcp.only.example": {"SRV": ["5 1 2587 second.only.example.", "0 1 587 first.only.example."]},
    "_submissions._tcp.only.example": {"SRV": ["0 0 0 ."]},
    "broken.example": "SERVFAIL",
}

# host, user name -> provider, its server
FOUND = [
    ("smtp.office365.com", "", "Microsoft 365", "smtp.office365.com"),
    ("SMTP.Office365.com", "a@workspace.example", "Microsoft 365", "smtp.office365.com"),
    ("mail.x.example", "a@office.example", "Microsoft 365", "smtp.office365.com"),
    ("mail.x.example", "a@hotmail.nl", "Outlook.com", "smtp-mail.outlook.com"),
    ("mail.x.example", "a@live.co.uk", "Outlook.com", "smtp-mail.outlook.com"),
    ("mail.x.example", "a@gmail.com", "Gmail", "smtp.gmail.com"),
    ("smtp-relay.gmail.com", "", "Google Workspace (relay)", "smtp-relay.gmail.com"),
    ("mail.x.example", "a@workspace.example", "Google Workspace", "smtp.gmail.com"),
    ("mail.x.example", "a@smtp.example", "Google Workspace", "smtp.gmail.com"),
    ("mail.x.example", "a@yahoo.de", "Yahoo", "smtp.mail.yahoo.com"),
    ("mail.x.example", "a@at-zoho.example", "Zoho Mail", "smtppro.zoho.eu"),
    ("mail.x.example", "a@zoho-au.example", "Zoho Mail", "smtppro.zoho.com.au"),
    ("mail.x.example", "a@zohomail.eu", "Zoho", "smtp.zoho.eu"),
    ("mail.x.example", "a@ionos.example", "IONOS", "smtp.ionos.fr"),
    ("mail.x.example", "a@schlund.example", "IONOS", "smtp.ionos.de"),
    ("mail.x.example", "a@transip.example", "TransIP", "smtp.transip.email"),
    ("mail.x.example", "a@vimexx.example", "Vimexx", "mail.vimexx.example"),
    ("mail.x.example", "a@strato.example", "Strato", "smtp.strato.de"),
    ("mail.x.example", "a@proton.example", "Proton", "smtp.protonmail.ch"),
    ("mail.x.example", "a@xs4all.nl", "KPN", "smtp.kpnmail.nl"),
    ("mail.x.example", "a@gmx.at", "GMX", "mail.gmx.net"),
    ("mail.x.example", "a@own.example", None, None),
    ("mail.x.example", "a@live.company.example", None, None),
    ("mail.x.example", "a@notgmail.com", None, None),
    ("mail.x.example", "a@broken.example", None, None),
    ("mail.x.example", "nobody", None, None),
]


async def found(host: str, username: str) -> Any:
    question = Question(host, datetime.now(UTC), username=username)
    return await find_provider(Asking(Zone(ZONE)), question)


@pytest.mark.parametrize(("host", "username", "provider", "server"), FOUND)
async def test_providers(host: str, username: str, provider: str | None, server: str | None) -> None:
    match, _ = await found(host, username)
    assert (match and match.provider.name, match and match.server) == (provider, server)


async def test_what_a_domain_announces() -> None:
    _, service = await found("mail.x.example", "a@own.example")
    assert (service.server, service.port, service.tls) == ("smtp.own.example", 465, "implicit")  # RFC 8314 5.1
    _, service = await found("mail.x.example", "a@only.example")
    assert (service.server, service.port, service.tls) == ("first.only.example", 587, "starttls")
    assert [each.key for each in advise(None, service, None, date(2026, 11, 24))] == [
        "announced.starttls",
        "general.ports",
    ]


@pytest.mark.parametrize(
    ("day", "stage"),
    [
        (date(2026, 11, 24), "unchanged"),
        (date(2026, 12, 31), "unchanged"),
        (date(2027, 1, 1), "off"),
        (date(2027, 6, 30), "off"),
        (date(2027, 7, 1), "ending"),
    ],
)
def test_the_stage_that_holds_on_a_day(day: date, stage: str) -> None:
    match = by_reply(Cause.TENANT)
    assert match is not None
    keys = [each.key for each in advise(match, None, None, day)]
    assert keys == ["sign.microsoft", "note.own_from", "note.send_as", f"stage.{stage}", "sure.A"]


def test_only_its_own_replies_give_a_provider_away() -> None:
    assert by_reply(Cause.PASSWORD) is None
    assert by_reply(None) is None
    assert stage_on(date(2026, 11, 24), "") is None


@pytest.mark.parametrize("language", ["en", "nl", "de", "fr"])
def test_every_provider_can_be_advised_about(language: str) -> None:
    assert len(providers()) >= 26
    for provider in providers():
        for each in advise(matched(provider, "example.nl", "mx.example.nl"), None, None, date(2026, 11, 24)):
            text = catalog(language).text(f"advice.{each.key}", **each.facts)
            assert "{" not in text
        assert provider.checked_on >= date(2026, 11, 24)
        assert provider.source
        assert 0 < provider.port < 65536


def test_every_reply_says_where_it_is_from() -> None:
    rows = (*replies(), *replies("envelope"))
    assert all(known.source and known.words == tuple(word.lower() for word in known.words) for known in rows)
    assert {known.cause for known in rows} == set(Cause) - {Cause.REFUSED, Cause.TEMPORARY}


def test_no_answer_is_no_refusal() -> None:
    assert cause_of(Said(0, "", "no answer in time")) is Cause.TEMPORARY
    assert cause_of(Said(454, "4.7.0", "5.7.139 disabled for the tenant")) is Cause.TEMPORARY


async def test_hints(serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any) -> None:
    server = serve(script(context=certificates.good()))
    zone = ZONE | {"mail.example.nl": {"A": ["127.0.0.1"]}}
    for username, hint in (("a@office.example", "starttls"), ("a@transip.example", "implicit")):
        answer = await ask(server.port, zone, username=username)
        assert [finding.id for finding in answer.part.findings] == [f"provider.hint.{hint}"]
        assert Advice("use.starttls", {"host": "mail.example.nl", "port": str(server.port)}) == answer.advice[0]


def test_starttls_that_is_known_to_be_there_was_taken_away() -> None:
    office = by_reply(Cause.TENANT)
    hello = Hello(True, {"8BITMIME": "", "SMTPUTF8": ""})
    question = Question("smtp.office365.com", datetime.now(UTC))
    for port, expected in ((587, "tls.starttls.stripped"), (2525, "tls.starttls.missing")):
        here = Seen(Endpoint("smtp.office365.com", "192.0.2.1", port), Reach.OPEN, speaks=Speaks.SMTP, before=hello)
        here.greeting, here.heard = Said(220, "", "office"), b"220 office"
        assert [finding.id for finding in judge(here, question, office)] == [expected]
    here.endpoint = Endpoint("smtp.office365.com", "192.0.2.1", 587)
    assert [finding.id for finding in judge(here, question, None)] == ["tls.starttls.missing"]

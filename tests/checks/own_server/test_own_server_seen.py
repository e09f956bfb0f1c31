"""Servers of every kind, and what is found about each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relay.checks.own_server.check import Answer
from relay.locales import catalog

TOPICS = ("net", "port", "tls", "auth", "send", "provider")

# What a server does -> what is found, exactly. A context is named as in `Certificates`.
GOOD = {"context": "good"}
LOGIN = {"username": "ann@example.nl", "password": "Secret-9word"}
SERVERS: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "fine": (GOOD, LOGIN, set()),
    "fine at once": (GOOD | {"implicit": True}, LOGIN, set()),
    "login only": (GOOD | {"inside": ("8BITMIME", "SMTPUTF8", "AUTH LOGIN")}, LOGIN, set()),
    "reset": ({"resets": True}, {}, {"net.reset"}),
    "hangs up": ({"greeting": None, "closes": True}, {}, {"net.reset"}),
    "silent": ({"greeting": None}, {"seconds": 1.5}, {"net.banner.none"}),
    "slow": (GOOD | {"delay": 0.8}, {"seconds": 3.6}, {"net.banner.slow"}),
    "refuses": ({"greeting": "554 5.7.1 not you"}, {}, {"net.banner.554"}),
    "busy": ({"greeting": "421 4.3.2 too busy"}, {}, {"net.banner.421"}),
    "imap": ({"raw": b"* OK [CAPABILITY IMAP4rev1] ready\r\n"}, {}, {"net.not_smtp.imap"}),
    "imaps": (GOOD | {"implicit": True, "raw": b"* OK IMAP4 ready\r\n"}, {}, {"net.not_smtp.imap"}),
    "pop3": ({"raw": b"+OK POP3 ready\r\n"}, {}, {"net.not_smtp.pop3"}),
    "ssh": ({"raw": b"SSH-2.0-OpenSSH_9.2\r\n"}, {}, {"net.not_smtp.ssh"}),
    "http": ({"raw": b"HTTP/1.1 400 Bad Request\r\n\r\n", "waits": True}, {}, {"net.not_smtp.http"}),
    "tls unasked": ({"raw": b"\x15\x03\x03\x00\x02\x02\x28\r\n"}, {}, {"net.not_smtp.tls"}),
    "other": ({"raw": b"\x00\x01\xff\x1b[31mhello\r\n"}, {}, {"net.not_smtp.other"}),
    "ftp": ({"greeting": "220 FTP", "ehlo": "500 what", "helo": "500 what"}, {}, {"net.not_smtp.other"}),
    "in the clear": ({"clear": ("8BITMIME", "SMTPUTF8")}, {}, {"tls.starttls.missing"}),
    "helo only": ({"ehlo": "502 what"}, {}, {"tls.starttls.missing"}),
    "masked": ({"clear": ("8BITMIME", "SMTPUTF8", "XXXXXXXA")}, {}, {"tls.starttls.stripped"}),
    "454": ({"starttls": "454 4.7.0 TLS not available"}, {}, {"tls.starttls.stripped"}),
    "injection": (GOOD | {"injected": b"250 mail.example.nl\r\n"}, {}, {"tls.injection"}),
    "handshake": ({"context": "wants_ours"}, {}, {"tls.handshake"}),
    "garbage for TLS": ({"injected": b"", "starttls": "220 go"}, {"seconds": 1.8}, {"tls.handshake"}),
    "old TLS": ({"context": "old_tls"}, {}, {"tls.version"}),
    "old TLS at once": ({"context": "old_tls", "implicit": True}, {}, {"tls.version"}),
    "old cipher": ({"context": "old_cipher"}, {}, {"tls.cipher"}),
    "expired": ({"context": "expired"}, LOGIN, {"tls.cert.expired", "auth.withheld"}),
    "not yet": ({"context": "not_yet"}, {}, {"tls.cert.not_yet"}),
    "soon": ({"context": "soon"}, {}, {"tls.cert.soon"}),
    "self-signed": ({"context": "self_signed"}, LOGIN, {"tls.cert.self", "auth.withheld"}),
    "weak": ({"context": ("self_signed", 1024)}, {}, {"tls.cert.self", "tls.cert.key"}),
    "untrusted": ({"context": "of_another_authority"}, {}, {"tls.cert.chain"}),
    "no intermediate": ({"context": "without_intermediate"}, {}, {"tls.cert.chain.missing"}),
    "other name": ({"context": ("good", "www.example.nl", "mx.example.nl")}, {}, {"tls.cert.hostname"}),
    "wildcard": ({"context": ("good", "*.example.nl")}, {"host": "a.mail.example.nl"}, {"tls.cert.wildcard"}),
    "right wildcard": ({"context": ("good", "*.example.nl")}, {}, set()),
    "no AUTH": (GOOD | {"inside": ("8BITMIME", "SMTPUTF8")}, {}, {"auth.none"}),
    "AUTH in the clear": (
        GOOD | {"clear": ("8BITMIME", "STARTTLS", "AUTH PLAIN"), "inside": ("8BITMIME", "SMTPUTF8")},
        LOGIN,
        {"auth.plain.clear", "auth.clear"},
    ),
    "no TLS, but AUTH": (
        {"clear": ("8BITMIME", "SMTPUTF8", "AUTH LOGIN PLAIN")},
        LOGIN,
        {"tls.starttls.missing", "auth.plain.clear", "auth.withheld"},
    ),
    "NTLM": (GOOD | {"inside": ("8BITMIME", "SMTPUTF8", "AUTH NTLM GSSAPI")}, LOGIN, {"auth.mechs"}),
    "OAuth": (GOOD | {"inside": ("8BITMIME", "SMTPUTF8", "AUTH XOAUTH2")}, LOGIN, {"auth.mechs.oauth"}),
    "size": (GOOD, {"size": 40_000_000}, {"send.size"}),
    "old": (GOOD | {"inside": ("AUTH PLAIN",)}, {}, {"send.8bit", "send.smtputf8"}),
    "temporary": (GOOD | {"login": "454 4.7.0 later"}, LOGIN, {"auth.535.temporary"}),
    "spaces": (
        GOOD | {"login": "535 5.7.8 no"},
        {"username": "ann", "password": "abcd efgh ijkl "},
        {"auth.535.password", "auth.space", "auth.space.ends", "auth.space.domain"},
    ),
    "spaces accepted": (GOOD, {"username": "ann", "password": "abcd efgh "}, set()),
}

MICROSOFT = "535 5.7.139 Authentication unsuccessful, "
REPLIES = {
    f"{MICROSOFT}SmtpClientAuthentication is disabled for the Tenant.": "535.tenant",
    f"{MICROSOFT}SmtpClientAuthentication is disabled for the Mailbox.": "535.mailbox",
    f"{MICROSOFT}user is locked by your organization's security defaults policy.": "535.defaults",
    f"{MICROSOFT}the request did not meet the criteria to be authenticated successfully.": "535.criteria",
    f"{MICROSOFT}basic authentication is disabled.": "535.basic",
    f"{MICROSOFT}something new.": "535.gates",
    f"{MICROSOFT}the user credentials were incorrect.": "535.password",
    "530 5.7.57 Client not authenticated to send mail.": "535.anonymous",
    "550 5.7.30 Basic authentication is not supported for Client Submission.": "535.retired",
    "550 5.7.64 TenantAttribution; Relay Access Denied": "535.connector",
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender": "from.denied",
    "553 5.7.1 <a@b.nl>: Sender address rejected: not owned by user c": "from.denied",
    "534 5.7.9 Application-specific password required.": "535.app",
    "534 5.7.14 Please log in via your web browser": "535.browser",
    "535 5.7.8 Username and Password not accepted. x - gsmtp": "535.google",
    "535 5.7.0 Too many failed logins": "535.locked",
    "535 5.7.8 Error: authentication failed": "535.password",
    "535 Incorrect authentication data": "535.password",
    "534 5.7.9 Mechanism too weak": "535.weak",
    "550 5.7.1 go away": "535.refused",
}
JUDGED_ELSEWHERE = {
    # tests/checks/own_server/test_own_server_judge.py, test_own_server_places.py and test_own_server_advice.py
    *("net.dns", "net.dns.address", "net.dns.unknown", "net.refused", "net.timeout", "net.unreachable"),
    *("net.banner.unfinished", "port.25.cloud", "port.465.starttls", "port.587.implicit", "port.none"),
    *("port.found.starttls", "port.found.implicit", "provider.hint.starttls", "provider.hint.implicit"),
    "tls.cert.sha1",
    # tests/checks/own_server/test_own_server_envelope.py
    *("send.relay_denied", "send.login", "send.from", "send.to", "send.temporary"),
}


def ids(answer: Answer) -> set[str]:
    return {finding.id for finding in answer.part.findings}


@pytest.mark.parametrize("name", SERVERS)
async def test_what_is_found(
    name: str, serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    behaviour, settings, expected = SERVERS[name]
    if "context" in behaviour:
        made = behaviour["context"]
        kind, *arguments = (made,) if isinstance(made, str) else made
        behaviour = behaviour | {"context": getattr(certificates, kind)(*arguments)}
    server = serve(script(**behaviour))
    zone = {settings.get("host", "mail.example.nl"): {"A": ["127.0.0.1"]}}
    answer = await ask(server.port, zone, **settings)
    assert ids(answer) == expected
    assert {"MAIL", "RCPT", "DATA"} & set(server.commands) == set()


@pytest.mark.parametrize("reply", REPLIES)
async def test_what_a_refused_login_means(
    reply: str, serve: Callable[..., Any], ask: Callable[..., Any], script: Any, certificates: Any
) -> None:
    server = serve(script(context=certificates.good(), login=reply))
    answer = await ask(server.port, **LOGIN)
    assert answer.part.facts["login_reply"] == reply
    assert ids(answer) - {"provider.hint.starttls"} == {f"auth.{REPLIES[reply]}"}
    assert server.commands.count("AUTH") == 1


def test_every_finding_is_found_somewhere() -> None:
    prefixes = tuple(f"check.{topic}." for topic in TOPICS)
    known = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith(prefixes)}
    here = set().union(*(expected for _, _, expected in SERVERS.values())) | {f"auth.{id}" for id in REPLIES.values()}
    assert known == here | JUDGED_ELSEWHERE
    assert here & JUDGED_ELSEWHERE == set()

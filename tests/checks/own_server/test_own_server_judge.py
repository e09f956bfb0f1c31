"""Judging what was seen: the cases that need ports of the system's, or clocks that cannot be had."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from relay.checks.model import Severity
from relay.checks.own_server.certificate import Certificate, read_certificate
from relay.checks.own_server.judge import judge, judge_families, judge_ports
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Hello, Reach, Said, Seen, Speaks, TlsSeen, TlsTrouble, spoken
from relay.checks.own_server.talk import reached
from relay.net.client import Endpoint

HOST = "mail.example.nl"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
QUESTION = Question(HOST, NOW)
OFFERS = {"8BITMIME": "", "SMTPUTF8": "", "AUTH": "PLAIN LOGIN"}

# Signed with SHA-1 by an authority, for mail.example.nl, for a hundred years.
SHA1 = base64.b64decode("""
MIIBeTCCASCgAwIBAgIBBzAJBgcqhkjOPQQBMBIxEDAOBgNVBAMMB1Rlc3QgQ0Ew
IBcNMjYxMTI0MTMxMzI0WhgPMjEyNjEwMzExMzEzMjRaMBoxGDAWBgNVBAMMD21h
aWwuZXhhbXBsZS5ubDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABL2iOdnRpK6L
STH2yong2KpVPerNq5orbZ6VlaIFPNQUZDAf08OIfPGhJCic7t79NK5Id2KTswWs
yXG3es+AH6qjXjBcMBoGA1UdEQQTMBGCD21haWwuZXhhbXBsZS5ubDAdBgNVHQ4E
FgQUmvMePX8A6r7lfVbyk412Bv+EGx8wHwYDVR0jBBgwFoAU6QQscbcjeJdnN01K
XBBE3yTtjUgwCQYHKoZIzj0EAQNIADBFAiEAtP+CLv9b8Hf9S0RPCN1JrC7DWVgm
yp/ujBXpGSJ7KBQCIFWdUyfHeEZEStrebrqGxsvnTTQ9wpbwS0eTv+/k36Sl
""")


def seen(port: int = 587, address: str = "192.0.2.1", **more: object) -> Seen:
    return Seen(Endpoint(HOST, address, port), **({"over": True} | more))  # type: ignore[arg-type]


def good(port: int = 587, address: str = "192.0.2.1", implicit: bool = False, **more: object) -> Seen:
    return seen(
        port,
        address,
        **{
            "reach": Reach.OPEN,
            "speaks": Speaks.SMTP,
            "implicit_tls": implicit,
            "heard": b"220 mail",
            "greeting": Said(220, "", "mail"),
            "before": None if implicit else Hello(True, {"STARTTLS": ""}),
            "tls": TlsSeen("TLSv1.3", "TLS_AES_256_GCM_SHA384", b"", None),
            "verified": True,
            "after": Hello(True, OFFERS),
        }
        | more,
    )


CASES = {
    "good": (good(), {}),
    "good at once": (good(465, implicit=True), {}),
    "refused": (seen(reach=Reach.REFUSED), {"net.refused": Severity.ERROR}),
    "filtered": (seen(reach=Reach.TIMEOUT), {"net.timeout": Severity.ERROR}),
    "filtered at 25": (seen(25, reach=Reach.TIMEOUT), {"port.25.cloud": Severity.ERROR}),
    "refused at 25": (seen(25, reach=Reach.REFUSED), {"net.refused": Severity.ERROR}),
    "no way": (seen(reach=Reach.UNREACHABLE), {"net.unreachable": Severity.ERROR}),
    "too slow to say": (seen(reach=Reach.OPEN, over=False), {"net.banner.unfinished": Severity.UNKNOWN}),
    "STARTTLS at 465": (good(465), {"port.465.starttls": Severity.WARNING}),
    "TLS at 587": (good(587, implicit=True), {"port.587.implicit": Severity.WARNING}),
    "25 in the clear": (
        good(25, before=Hello(True, OFFERS | {"AUTH": ""}), tls=None, verified=False, after=None),
        {"tls.starttls.missing": Severity.WARNING},
    ),
    "forgeable": (
        good(tls=TlsSeen("TLSv1.3", "", SHA1, (SHA1, SHA1)), verified=False, trouble=TlsTrouble("CA md too weak", 68)),
        {"tls.cert.sha1": Severity.ERROR},
    ),
    "issuer's key": (
        good(tls=TlsSeen("TLSv1.3", "", SHA1, None), verified=False, trouble=TlsTrouble("CA key too small", 67)),
        {"tls.cert.sha1": Severity.ERROR, "tls.cert.chain": Severity.ERROR},
    ),
    "unreadable certificate": (
        good(tls=TlsSeen("TLSv1.3", "", b"\x30\x00", None), verified=False, trouble=TlsTrouble("what is this", 1)),
        {"tls.cert.chain": Severity.ERROR},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_judging(name: str) -> None:
    place, expected = CASES[name]
    assert {finding.id: finding.severity for finding in judge(place, QUESTION, None)} == expected


def test_a_risk_where_the_other_family_works() -> None:
    sick = seen(address="2001:db8::1", reach=Reach.TIMEOUT)
    found = judge_families(good(), [sick], QUESTION, None)
    assert [(each.id, each.severity, each.facts["family"]) for each in found] == [
        ("net.timeout", Severity.WARNING, "IPv6")
    ]
    found = judge_families(seen(reach=Reach.REFUSED), [sick], QUESTION, None)
    assert [(each.id, each.severity) for each in found] == [
        ("net.refused", Severity.ERROR),
        ("net.timeout", Severity.ERROR),
    ]


def test_the_gravest_comes_first() -> None:
    place = good(after=Hello(True, {"AUTH": "NTLM"}), before=Hello(True, {"STARTTLS": "", "AUTH": "PLAIN"}))
    severities = [finding.severity for finding in judge(place, QUESTION, None)]
    assert severities == [Severity.ERROR, Severity.WARNING, Severity.WARNING, Severity.INFO]


def test_another_port_that_works() -> None:
    main, other = seen(25, reach=Reach.TIMEOUT), good(465, implicit=True)
    assert [each.id for each in judge_ports(main, [main, other], other)] == ["port.found.implicit"]
    assert [each.id for each in judge_ports(main, [main, other], good())] == ["port.found.starttls"]
    assert judge_ports(other, [other], other) == []


def test_no_port_answers() -> None:
    both = [seen(587, reach=Reach.REFUSED), seen(465, reach=Reach.TIMEOUT)]
    (found,) = judge_ports(both[0], both, None)
    assert (found.id, found.facts["ports"]) == ("port.none", "587, 465")


@pytest.mark.parametrize(
    ("error", "reach"),
    [
        (TimeoutError(), Reach.TIMEOUT),
        (ConnectionRefusedError(), Reach.REFUSED),
        (ConnectionResetError(), Reach.RESET),
        (OSError(101, "Network is unreachable"), Reach.UNREACHABLE),
    ],
)
def test_how_far_a_connection_came(error: OSError, reach: Reach) -> None:
    assert reached(error) is reach


CERTIFICATE = Certificate(
    ("*.example.nl", "192.0.2.7"), "CA", NOW, NOW + timedelta(days=90), False, "sha256", "", False
)


@pytest.mark.parametrize(
    ("host", "covered", "wildcard"),
    [
        ("mail.example.nl", True, ""),
        ("MAIL.example.nl", True, ""),
        ("example.nl", False, "*.example.nl"),
        ("a.mail.example.nl", False, "*.example.nl"),
        ("mail.example.be", False, ""),
        ("192.0.2.7", True, ""),
        ("192.0.2.8", False, ""),
    ],
)
def test_whom_a_certificate_is_for(host: str, covered: bool, wildcard: str) -> None:
    assert CERTIFICATE.covers(host) is covered
    assert CERTIFICATE.wildcard_beside(host) == wildcard


def test_what_is_no_certificate() -> None:
    assert read_certificate(b"") is None
    assert read_certificate(b"\x30\x82\x01\x01nonsense") is None


def test_octets_that_are_no_protocol() -> None:
    assert spoken(b"") is Speaks.NOTHING
    assert spoken(b"2200 what") is Speaks.OTHER
    assert spoken(b"220") is Speaks.SMTP


def test_a_certificate_expires_in_its_last_fortnight() -> None:
    expires = read_certificate(SHA1)
    assert expires is not None
    for days, expected in ((15, []), (13, ["tls.cert.soon"])):
        question = replace(QUESTION, now=expires.not_after - timedelta(days=days))
        place = good(tls=TlsSeen("TLSv1.3", "", SHA1, None))
        assert [finding.id for finding in judge(place, question, None)] == expected

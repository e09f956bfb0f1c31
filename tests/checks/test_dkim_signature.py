"""What the signatures of a message say of themselves, each finding from a field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.checks.dkim.signature import judge_signatures
from relay.checks.report import sentence
from relay.locales import LANGUAGES, catalog
from relay.mail.message import Field

NOW = 1_800_000_000
SOUND = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=shop.example; s=r1; h=From:From:To; bh=AAAA; b=BBBB"
AUTHOR = '"Shop, the" <info@shop.example>'

CASES = [
    ("dkim.sha1", SOUND.replace("rsa-sha256", "rsa-sha1"), AUTHOR),
    ("dkim.sig.length", f"{SOUND}; l=120", AUTHOR),
    ("dkim.sig.headers", SOUND.replace("From:From:", ""), AUTHOR),
    ("dkim.sig.future", f"{SOUND}; t={NOW + 7200}", AUTHOR),
    ("dkim.sig.expired", f"{SOUND}; x={NOW - 1}", AUTHOR),
    ("dkim.sig.expired", f"{SOUND}; t={NOW - 10}; x={NOW - 20}", AUTHOR),
    ("dkim.sig.lifetime", f"{SOUND}; t={NOW}; x={NOW + 3600}", AUTHOR),
    ("dkim.sig.lifetime", f"{SOUND}; x={NOW + 3600}", AUTHOR),
    ("dkim.sig.identity", f"{SOUND}; i=@other.example", AUTHOR),
    ("dkim.sig.syntax", SOUND.replace("bh=AAAA; ", ""), AUTHOR),
    ("dkim.sig.syntax", f"{SOUND}; b=CCCC", AUTHOR),
    ("dkim.sig.syntax", "", AUTHOR),
    ("dkim.align", SOUND, "info@other.test"),
    ("dkim.align", SOUND.replace("shop.example", "platform.co.uk"), "info@shop.co.uk"),
]
FINE = [
    (SOUND, AUTHOR),
    (SOUND.replace("; ", ";\r\n\t"), AUTHOR),
    (f"{SOUND}; t={NOW - 60}; x={NOW + 604800}; i=@mail.shop.example", AUTHOR),
    (SOUND.replace("d=shop", "d=mail.shop"), "info@news.shop.example"),
    (SOUND.replace("d=shop.example", "d=Shop.Example").replace("h=From", "h=from"), "INFO@SHOP.EXAMPLE"),
]


def findings(signature: str, author: str) -> tuple:
    return judge_signatures([Field.make("DKIM-Signature", signature), Field.make("From", author)], NOW)


@pytest.mark.parametrize(("wanted", "signature", "author"), CASES)
def test_finding(wanted, signature, author) -> None:
    (finding,) = findings(signature, author)
    assert finding.id == wanted
    for language in LANGUAGES:
        assert "{" not in sentence(finding, catalog(language))


@pytest.mark.parametrize(("signature", "author"), FINE)
def test_nothing_is_found_in_a_sound_signature(signature, author) -> None:
    assert findings(signature, author) == ()


def test_one_aligned_signature_is_enough() -> None:
    fields = [
        Field.make("DKIM-Signature", SOUND.replace("shop.example", "platform.test")),
        Field.make("DKIM-Signature", SOUND),
        Field.make("From", AUTHOR),
    ]
    assert judge_signatures(fields, NOW) == ()


def test_a_message_without_signatures_has_no_findings() -> None:
    assert judge_signatures([Field.make("From", AUTHOR)], NOW) == ()
    assert judge_signatures([], NOW) == ()


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_no_octets_are_too_odd(signature, author) -> None:
    raw = [
        Field("dkim-signature", b"DKIM-Signature:" + signature + b"\r\n"),
        Field("from", b"From:" + author + b"\r\n"),
    ]
    for finding in judge_signatures(raw, NOW):
        assert sentence(finding, catalog("en")).isprintable()


def test_every_finding_about_signatures_has_a_case() -> None:
    known = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith("check.dkim.sig.")}
    assert {case[0] for case in CASES} == known | {"dkim.sha1", "dkim.align"}

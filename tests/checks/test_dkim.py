"""DKIM keys in DNS: each finding from a zone, sound keys without any, and what to publish."""

from __future__ import annotations

import re
from base64 import b64encode

import dns.zonefile
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from relay.checks.asking import Asking
from relay.checks.dkim.check import DkimQuestion, answer_dkim
from relay.checks.dkim.record import read_key
from relay.checks.report import finding_json, sentence
from relay.locales import LANGUAGES, catalog
from relay.mail.signing_key import key_record
from relay.net.zone import Zone


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2)
    return bytes([tag]) + length + content


def rsa_record(bits: int) -> str:
    """A key of any size, as its bare RSAPublicKey: nobody has to be able to sign with it."""
    modulus = ((1 << (bits - 1)) | 1).to_bytes(bits // 8 + 1)
    octets = der(0x30, der(0x02, modulus) + der(0x02, b"\x01\x00\x01"))
    return f"v=DKIM1; k=rsa; p={b64encode(octets).decode()}"


OURS = key_record(rsa.generate_private_key(65537, 2048).public_key())
OTHER = key_record(rsa.generate_private_key(65537, 2048).public_key())
ED25519 = key_record(ed25519.Ed25519PrivateKey.generate().public_key())
AT = "r1._domainkey.shop.example"


def with_tag(tag: str) -> str:
    return OURS.replace("p=", f"{tag}; p=")


def txt(*records: str | bytes) -> dict[str, list[str | bytes]]:
    return {"TXT": list(records)}


# What stands at the selector r1 -> what is found, and the value to publish (None: no record is proposed).
CASES = [
    ("dkim.none", {"A": ["192.0.2.1"]}, None),
    ("dkim.none", None, None),
    ("dkim.unknown", "SERVFAIL", None),
    ("dkim.unknown", {"TXT": "timeout"}, None),
    ("dkim.multiple", txt(OURS, OTHER), None),
    ("dkim.multiple", txt(OURS, "v=spf1 -all"), OURS),
    ("dkim.multiple", txt(OURS, OURS + " "), OURS),
    ("dkim.truncated", txt(OURS[:255]), None),
    ("dkim.truncated", txt("v=DKIM1; k=rsa; p=" + OURS[200:]), None),
    ("dkim.truncated", txt(ED25519[:-8]), None),
    ("dkim.truncated", txt("v=DKIM1; p=A"), None),
    ("dkim.split", txt(OURS.replace(";", "\\;")), OURS),
    ("dkim.split", txt(f'"{OURS}"'), OURS),
    ("dkim.split", txt(OURS[:255] + '" "' + OURS[255:]), OURS),
    ("dkim.split", txt(f"“{OURS}”"), OURS),
    ("dkim.split", txt('v=DKIM1; p="AAAA"'), None),
    ("dkim.syntax", txt("hello"), None),
    ("dkim.syntax", txt(""), None),
    ("dkim.syntax", txt("v=DKIM2; " + OURS[9:]), None),
    ("dkim.syntax", txt(OURS[9:] + "; v=DKIM1"), None),
    ("dkim.syntax", txt(OURS.replace("p=", "P=")), None),
    ("dkim.syntax", txt("v=DKIM1; p=!!!!"), None),
    ("dkim.syntax", txt(ED25519.replace("ed25519", "rsa")), None),
    ("dkim.syntax", txt(b"v=DKIM1; p=\x00\xff\x1b[31m"), None),
    ("dkim.keytype", txt("v=DKIM1; k=dsa; p=AAAA"), None),
    ("dkim.revoked", txt("v=DKIM1; p="), None),
    ("dkim.revoked", txt("v=DKIM1; k=rsa; p= ; t=y"), None),
    ("dkim.test", txt(with_tag("t=y")), OURS),
    ("dkim.test", txt(with_tag("t=y:s")), with_tag("t=s")),
    ("dkim.flags", txt(with_tag("t=s")), None),
    ("dkim.keysize", txt(rsa_record(512)), None),
    ("dkim.keysize", txt(rsa_record(1024)), None),
    ("dkim.keysize", txt(rsa_record(8192)), None),
    ("dkim.sha1", txt(with_tag("h=sha1")), OURS),
    ("dkim.service", txt(with_tag("s=tlsrpt")), OURS),
    ("dkim.cname.wrong", {"CNAME": ["r1.other.example"]}, None),
    ("dkim.ed25519.only", txt(ED25519), None),
]
SOUND = [
    OURS,
    OURS.replace("v=DKIM1; ", ""),
    OURS.replace("k=rsa; ", ""),
    OURS.replace("; ", ";") + ";",
    OURS.replace("; ", " ; ").replace("=M", " = M"),
    OURS[:200] + " " + OURS[200:],
    with_tag("h=sha1:sha256"),
    with_tag("s=email:other"),
    with_tag('n="a note"; x=1'),
    with_tag("s=*"),
    rsa_record(4096),
    rsa_record(2048),
]


async def look(zone: dict, selectors=("r1",), wanted=None, domain: str = "shop.example"):
    question = DkimQuestion(domain, tuple(selectors), wanted or {}, probe="probe")
    return await answer_dkim(Asking(Zone(zone)), question)


def ids(part) -> list[str]:
    return [finding.id for finding in part.findings]


@pytest.mark.parametrize(("wanted", "rows", "value"), CASES)
async def test_finding(wanted, rows, value) -> None:
    part = await look({AT: rows} if rows is not None else {})
    found = {finding.id: finding for finding in part.findings}
    assert wanted in found
    fix = found[wanted].fix
    assert (fix and fix.value) == value
    for finding in part.findings:
        for language in LANGUAGES:
            assert "{" not in sentence(finding, catalog(language))
        assert "\x1b" not in str(finding_json(finding, catalog("en")))


@pytest.mark.parametrize("record", SOUND)
async def test_nothing_is_found_at_a_sound_key(record) -> None:
    part = await look({AT: txt(record)})
    assert ids(part) == []
    assert part.facts["selectors"][0]["state"] == "found"


async def test_severities() -> None:
    sizes = {512: "error", 1024: "warning", 8192: "warning"}
    for bits, severity in sizes.items():
        (finding,) = (await look({AT: txt(rsa_record(bits))})).findings
        assert (finding.severity, finding.facts["bits"]) == (severity, str(bits))
    assert {f.severity for f in (await look({AT: "SERVFAIL"})).findings} == {"unknown"}


# ---- our own key ----------------------------------------------------------------------------------------------------

COMPARED = [
    ("dkim.mismatch", txt(OTHER)),
    ("dkim.mismatch", txt(ED25519)),
    ("dkim.none", {}),
    ("dkim.truncated", txt(OURS[:255])),
    ("dkim.split", txt(OURS.replace(";", "\\;"))),
    ("dkim.revoked", txt("v=DKIM1; p=")),
    ("dkim.syntax", txt("v=spf1 -all")),
    ("dkim.multiple", txt(OTHER, OURS)),
    ("dkim.cname.wrong", {"CNAME": ["r1.other.example"]}),
    ("dkim.test", txt(with_tag("t=y"))),
]


@pytest.mark.parametrize(("wanted", "rows"), COMPARED)
async def test_what_to_publish_is_our_key(wanted, rows) -> None:
    zone = {AT: rows, "shop.example": {"A": ["192.0.2.1"]}, "r1.other.example": txt(OTHER)}
    part = await look(zone, wanted={"r1": OURS})
    (finding,) = part.findings
    assert finding.id == wanted
    assert (finding.fix.name, finding.fix.type, finding.fix.value) == (AT, "TXT", OURS)
    assert OURS not in finding.fix.removes
    (published,) = dns.zonefile.read_rrsets(finding.fix.zone, rdclass=None, default_ttl=300, relativize=False)
    (rdata,) = published
    assert published.name.to_text() == f"{AT}."
    assert len(rdata.strings) == 2
    assert b"".join(rdata.strings).decode() == OURS


async def test_our_key_at_the_end_of_an_alias_is_fine() -> None:
    zone = {AT: {"CNAME": ["r1.platform.example"]}, "r1.platform.example": txt(OURS)}
    part = await look(zone, wanted={"r1": OURS})
    assert ids(part) == []
    assert part.facts["selectors"][0]["alias"] == "r1.platform.example"


async def test_a_mismatch_shows_where_the_keys_part() -> None:
    ours = "v=DKIM1; k=ed25519; p=" + "A" * 43 + "="
    theirs = "v=DKIM1; k=ed25519; p=" + "A" * 20 + "B" + "A" * 22 + "="
    part = await look({AT: txt(theirs)}, wanted={"r1": ours})
    (finding,) = [each for each in part.findings if each.id == "dkim.mismatch"]
    assert finding.facts["place"] == "21"
    assert finding.evidence[0].startswith("- p=AAAA")
    assert finding.evidence[1].startswith("+ p=AAAA")


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "wrong", "entry"),
    [
        ("shop.example", "r1._domainkey.shop.example.shop.example", "r1._domainkey"),
        ("mail.shop.example", "r1._domainkey.mail.shop.example.shop.example", "r1._domainkey.mail"),
    ],
)
async def test_a_key_with_the_zone_twice_behind_it(domain, wrong, entry) -> None:
    (finding,) = (await look({wrong: txt(OURS)}, domain=domain)).findings
    assert (finding.id, finding.facts["entry"]) == ("dkim.placed_twice", entry)
    assert (finding.fix.name, finding.fix.value) == (f"r1._domainkey.{domain}", OURS)
    assert finding.fix.removes == (f"{wrong} TXT {OURS}",)


async def test_a_wildcard_is_no_key() -> None:
    zone = {f"{selector}._domainkey.shop.example": txt("v=spf1 -all") for selector in ("probe", "r1", "google")}
    assert ids(await look(zone)) == ["dkim.none", "dkim.wildcard"]
    assert ids(await look(zone, selectors=())) == ["dkim.cannot_enumerate", "dkim.wildcard"]


async def test_a_wildcard_that_is_a_key_counts() -> None:
    zone = {f"{selector}._domainkey.shop.example": txt(OURS) for selector in ("probe", "r1")}
    assert ids(await look(zone)) == ["dkim.wildcard"]


async def test_rsa_beside_ed25519_is_right() -> None:
    zone = {AT: txt(OURS), "e1._domainkey.shop.example": txt(ED25519)}
    assert ids(await look(zone, ("r1", "e1"))) == []
    assert ids(await look({**zone, AT: "timeout"}, ("r1", "e1"))) == ["dkim.unknown"]


# ---- guesses --------------------------------------------------------------------------------------------------------


async def test_guesses_never_say_that_there_is_no_dkim() -> None:
    part = await look({"shop.example": {"A": ["192.0.2.1"]}}, ())
    assert [(finding.id, finding.severity) for finding in part.findings] == [("dkim.cannot_enumerate", "info")]
    assert part.facts["guessed"] is True


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ("v=DKIM1; p=", ("dkim.revoked", "info")),
        (OURS[:255], ("dkim.truncated", "warning")),
        (rsa_record(512), ("dkim.keysize", "warning")),
    ],
)
async def test_nothing_about_a_guess_is_an_error(record, wanted) -> None:
    part = await look({"google._domainkey.shop.example": txt(record)}, ())
    assert [(finding.id, finding.severity) for finding in part.findings][:1] == [wanted]


async def test_guesses_find_what_is_there_and_say_once_what_is_unknown() -> None:
    zone = {"google._domainkey.shop.example": txt(OURS), "k1._domainkey.shop.example": "SERVFAIL"}
    zone["k2._domainkey.shop.example"] = "SERVFAIL"
    part = await look(zone, ())
    assert ids(part) == ["dkim.unknown", "dkim.cannot_enumerate"]
    assert part.findings[1].facts["found"] == " (google)"
    assert part.facts["found"] == "google (rsa 2048)"


async def test_everything_is_asked_at_once_and_within_the_limit() -> None:
    zone = Zone({})
    await answer_dkim(Asking(zone), DkimQuestion("shop.example", probe="probe"))
    assert len(zone.asked) == len(set(zone.asked)) <= 30


# ---- whatever a zone says -------------------------------------------------------------------------------------------


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda tail: b"v=DKIM1; p=" + b64encode(tail))))
def test_reading_a_key_never_fails(octets) -> None:
    assert read_key(octets).text == octets.decode("latin-1")


@given(st.integers(0, len(OURS)))
def test_no_part_of_a_key_is_taken_for_one(size) -> None:
    record = read_key(OURS[:size].encode())
    assert (record.fault == "") == (OURS[:size] == OURS)


@pytest.mark.parametrize("domain", ["", ".", "..", "x" * 300, "a b", "\x00", "-.example", "com"])
async def test_a_malformed_domain_comes_to_an_end(domain) -> None:
    for selectors in ((), ("r1",), ("",), ("a" * 70,)):
        part = await look({}, selectors, domain=domain)
        assert set(ids(part)) <= {"dkim.none", "dkim.cannot_enumerate"}


def test_every_finding_about_keys_has_a_case() -> None:
    elsewhere = {"dkim.mismatch", "dkim.placed_twice", "dkim.wildcard", "dkim.cannot_enumerate"}
    covered = {case[0] for case in CASES} | elsewhere
    known = {key.removeprefix("check.") for key in catalog("en").sentences if key.startswith("check.dkim.")}
    assert covered == {key for key in known if not re.match(r"dkim\.(sig\.|align)", key)}

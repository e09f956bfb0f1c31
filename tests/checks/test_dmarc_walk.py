"""The tree walk of RFC 9989 4.10 as a table: domain -> where the policy is, which, and the organizational domain."""

from __future__ import annotations

import pytest

from relay.checks.asking import Asking
from relay.checks.dmarc.check import check_dmarc
from relay.net.zone import Zone

DEEP = "mail.a.b.c.d.e.f.g.deep.example"
RECORDS = {
    "plain.example": "v=DMARC1; p=reject",
    "split.example": "v=DMARC1; p=reject; sp=quarantine; np=none",
    "only-sp.example": "v=DMARC1; p=reject; sp=none",
    "only-np.example": "v=DMARC1; p=none; np=reject",
    "two.example": "v=DMARC1; p=reject",
    "team.two.example": "v=DMARC1; p=none",
    "own.two.example": "v=DMARC1; p=quarantine; psd=n",
    "deep.example": "v=DMARC1; p=quarantine",
    "g.deep.example": "v=DMARC1; p=none",
    "b.c.d.e.f.g.deep.example": "v=DMARC1; p=reject; psd=n",
    "a.b.c.d.e.f.g.deep.example": "v=DMARC1; p=reject; psd=n",
    "bank": "v=DMARC1; p=reject; sp=reject; np=reject; psd=y",
    "gov.uu": "v=DMARC1; p=quarantine; np=reject; psd=y",
    "tax.gov.uu": "v=DMARC1; p=none",
    "uu": "v=DMARC1; p=reject",
    "zz": "v=DMARC1; p=none",
    "reg.zz": "v=DMARC1; p=reject",
    "upper.example": "V = DMARC1 ; P = Reject ; PSD = N",
    "test.example": "v=DMARC1; p=reject; t=y",
    "nopolicy.example": "v=DMARC1; rua=mailto:r@nopolicy.example",
    "badp.example": "v=DMARC1; p=rejected",
    "badp-rua.example": "v=DMARC1; p=rejected; rua=mailto:r@badp-rua.example",
    "badsp.example": "v=DMARC1; p=reject; sp=all; rua=mailto:r@badsp.example",
    "oddpsd.example": "v=DMARC1; p=reject; psd=x",
    "onlyself.example": "v=DMARC1; p=quarantine; psd=y",
}
EXISTING = """
sub.only-sp.example x.team.two.example x.two.example x.own.two.example shop.bank x.shop.bank sea.gov.uu x.tax.gov.uu
x.reg.zz other.zz none.example sub.badsp.example x.oddpsd.example x.onlyself.example x.mix.example x.twice.example
x.servfail.example
"""
ZONE: dict = {f"_dmarc.{name}": {"TXT": [text]} for name, text in RECORDS.items()}
ZONE |= {name: {"A": ["192.0.2.1"]} for name in [*RECORDS, DEEP, "sub.plain.example", "sub.split.example"]}
ZONE |= {name: {"A": ["192.0.2.1"]} for name in EXISTING.split()}
ZONE |= {
    "_dmarc.twice.example": {"TXT": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]},
    "_dmarc.mix.example": {"TXT": ["hello", "v=DMARC1; p=quarantine"]},
    "_dmarc.other.example": {"TXT": ["v=DMARC2; p=reject", "v=dmarc1; p=reject", "p=reject"]},
    "other.example": {"A": ["192.0.2.1"]},
    "_dmarc.middle.servfail.example": "SERVFAIL",
    "_dmarc.servfail.example": {"TXT": ["v=DMARC1; p=reject"]},
    "x.middle.servfail.example": {"A": ["192.0.2.1"]},
    "_dmarc.own.middle.servfail.example": {"TXT": ["v=DMARC1; p=quarantine"]},
    "_dmarc.stop.middle.servfail.example": {"TXT": ["v=DMARC1; p=quarantine; psd=n"]},
    "stop.middle.servfail.example": {"A": ["192.0.2.1"]},
    "x.stop.middle.servfail.example": {"A": ["192.0.2.1"]},
    "_dmarc.silent.example": "timeout",
    "silent.example": {"A": ["192.0.2.1"]},
    "_dmarc.apex.example": {"TXT": ["v=DMARC1; p=reject; np=none"]},
    "unknown.apex.example": {"TXT": "SERVFAIL"},
    "_dmarc.same.example": {"TXT": ["v=DMARC1; p=reject; sp=none; np=none"]},
    "unknown.same.example": {"TXT": "SERVFAIL"},
}

# domain: (where the record is, the policy that holds, the organizational domain)
WALKS = {
    "plain.example": ("plain.example", "reject", "plain.example"),
    "sub.plain.example": ("plain.example", "reject", "plain.example"),
    "not.plain.example": ("plain.example", "reject", "plain.example"),
    "a.b.not.plain.example": ("plain.example", "reject", "plain.example"),
    "split.example": ("split.example", "reject", "split.example"),
    "sub.split.example": ("split.example", "quarantine", "split.example"),
    "not.split.example": ("split.example", "none", "split.example"),
    "sub.only-sp.example": ("only-sp.example", "none", "only-sp.example"),
    "not.only-sp.example": ("only-sp.example", "none", "only-sp.example"),
    "not.only-np.example": ("only-np.example", "reject", "only-np.example"),
    "only-np.example": ("only-np.example", "none", "only-np.example"),
    "team.two.example": ("team.two.example", "none", "two.example"),  # its own policy, not its own organization
    "x.team.two.example": ("two.example", "reject", "two.example"),  # the fewest labels, not the first found
    "x.two.example": ("two.example", "reject", "two.example"),
    "own.two.example": ("own.two.example", "quarantine", "own.two.example"),
    "x.own.two.example": ("own.two.example", "quarantine", "own.two.example"),  # psd=n ends the walk
    "g.deep.example": ("g.deep.example", "none", "deep.example"),
    DEEP: ("deep.example", "quarantine", "deep.example"),  # the jump to seven labels passes over psd=n
    "a.b.c.d.e.f.g.deep.example": ("a.b.c.d.e.f.g.deep.example", "reject", "a.b.c.d.e.f.g.deep.example"),
    "y.c.d.e.f.g.deep.example": ("deep.example", "quarantine", "deep.example"),
    "y.b.c.d.e.f.g.deep.example": ("deep.example", "quarantine", "deep.example"),
    "x.y.b.c.d.e.f.g.deep.example": ("deep.example", "quarantine", "deep.example"),
    "shop.bank": ("bank", "reject", "shop.bank"),  # one label below psd=y
    "x.shop.bank": ("bank", "reject", "shop.bank"),
    "bank": ("bank", "reject", "bank"),
    "sea.gov.uu": ("gov.uu", "quarantine", "sea.gov.uu"),
    "not.gov.uu": ("gov.uu", "reject", "not.gov.uu"),
    "tax.gov.uu": ("tax.gov.uu", "none", "tax.gov.uu"),  # psd=y ends the walk before uu
    "x.tax.gov.uu": ("tax.gov.uu", "none", "tax.gov.uu"),
    "gov.uu": ("gov.uu", "quarantine", "gov.uu"),
    "reg.zz": ("reg.zz", "reject", "zz"),  # a suffix without psd=y takes its domains over
    "x.reg.zz": ("zz", "none", "zz"),
    "other.zz": ("zz", "none", "zz"),
    "none.example": (None, None, "none.example"),
    "not.there.example": (None, None, "not.there.example"),
    "com": (None, None, "com"),
    "upper.example": ("upper.example", "reject", "upper.example"),
    "test.example": ("test.example", "reject", "test.example"),
    "nopolicy.example": ("nopolicy.example", "none", "nopolicy.example"),
    "badp.example": ("badp.example", None, "badp.example"),
    "badp-rua.example": ("badp-rua.example", "none", "badp-rua.example"),
    "badsp.example": ("badsp.example", "none", "badsp.example"),
    "sub.badsp.example": ("badsp.example", "none", "badsp.example"),
    "x.oddpsd.example": ("oddpsd.example", "reject", "oddpsd.example"),
    "onlyself.example": ("onlyself.example", "quarantine", "onlyself.example"),
    "x.onlyself.example": ("onlyself.example", "quarantine", "x.onlyself.example"),
    "twice.example": (None, None, "twice.example"),
    "x.twice.example": (None, None, "x.twice.example"),
    "mix.example": ("mix.example", "quarantine", "mix.example"),
    "x.mix.example": ("mix.example", "quarantine", "mix.example"),
    "other.example": (None, None, "other.example"),
    "x.middle.servfail.example": (None, None, None),  # what stands in the middle might have ended the walk
    "own.middle.servfail.example": ("own.middle.servfail.example", "quarantine", None),
    "x.stop.middle.servfail.example": ("stop.middle.servfail.example", "quarantine", "stop.middle.servfail.example"),
    "x.servfail.example": ("servfail.example", "reject", "servfail.example"),
    "silent.example": (None, None, None),
    "unknown.apex.example": ("apex.example", None, "apex.example"),  # exists or not: sp and np differ
    "unknown.same.example": ("same.example", "none", "same.example"),  # and here they do not
}
UNKNOWN = {"x.middle.servfail.example", "own.middle.servfail.example", "silent.example", "unknown.apex.example"}


@pytest.mark.parametrize("domain", WALKS)
async def test_walk(domain) -> None:
    part = await check_dmarc(Asking(Zone(ZONE)), domain)
    assert (part.facts["found_at"], part.facts["policy"], part.facts["org_domain"]) == WALKS[domain]
    assert ("dmarc.unknown" in {finding.id for finding in part.findings}) == (domain in UNKNOWN)


def test_the_table_is_long_enough() -> None:
    assert len(WALKS) >= 40


@pytest.mark.parametrize("domain", [DEEP, "a." * 30 + "example", "x.y", "com"])
async def test_at_most_eight_names_are_asked_all_at_once(domain) -> None:
    zone = Zone({})
    await check_dmarc(Asking(zone), domain)
    walked = [name for name, rdtype in zone.asked if rdtype == "TXT" and name.startswith("_dmarc.")]
    assert len(set(walked)) <= 9  # eight of the walk, and the domain twice
    assert len(zone.asked) == len(set(zone.asked)) <= 12


async def test_what_is_not_known_is_not_valid_or_invalid() -> None:
    states = {
        domain: (await check_dmarc(Asking(Zone(ZONE)), domain)).facts["valid"]
        for domain in (
            "plain.example",
            "twice.example",
            "none.example",
            "silent.example",
            "own.middle.servfail.example",
        )
    }
    assert list(states.values()) == [True, False, False, None, True]


async def test_test_mode_acts_one_step_lower() -> None:
    part = await check_dmarc(Asking(Zone(ZONE)), "test.example")
    assert (part.facts["policy"], part.facts["acts_as"]) == ("reject", "quarantine")

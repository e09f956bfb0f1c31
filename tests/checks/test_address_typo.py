"""Mistyped domains: how many are found on lists of both kinds, and that it abstains."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from relay.checks.address.judge import judge_address
from relay.checks.address.known import providers, real_domains, squatted_domains
from relay.checks.address.slip import slip_cost
from relay.checks.address.typo import meant_domain

LISTS = tomllib.loads(Path(__file__).with_name("address_typos.toml").read_text("utf-8"))


@pytest.mark.parametrize("part", sorted(LISTS))
def test_at_least_forty_of_forty_four_typos_are_found(part: str) -> None:
    typos = LISTS[part]["typos"]
    found = {typed for typed, meant in typos.items() if meant_domain(typed) == meant}
    assert len(found) / len(typos) >= 40 / 44, sorted(set(typos) - found)


@pytest.mark.parametrize("part", sorted(LISTS))
def test_at_most_one_of_sixty_four_real_domains_is_doubted(part: str) -> None:
    real = LISTS[part]["real"].split()
    doubted = {domain: meant for domain in real if (meant := meant_domain(domain))}
    assert len(doubted) / len(real) <= 1 / 64, doubted


def test_the_lists_share_nothing() -> None:
    names = [name for part in LISTS.values() for name in [*part["typos"], *part["real"].split()]]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_a_provider_itself_is_never_doubted() -> None:
    assert [
        domain for domain in sorted(real_domains()) if meant_domain(domain) or meant_domain(domain, dead=True)
    ] == []


def test_what_a_squatter_has_is_still_recognised() -> None:
    unknown = {domain for domain in squatted_domains() if meant_domain(domain) is None}
    assert len(unknown) <= 2, unknown


def test_two_that_are_as_likely_are_none() -> None:
    suffixes = {suffix for provider in providers() if provider.label == "hotmail" for suffix in provider.suffixes}
    assert {"ch", "com", "es", "be", "de"} <= suffixes
    assert meant_domain("hotmail.ce") is None
    assert meant_domain("hotmail.ve") is not None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("www.gmail.com", "gmail.com"), ("bakker.con", "bakker.com"), ("bakker.edu", None), ("bakker.ne", None)],
)
def test_endings(typed: str, meant: str | None) -> None:
    assert meant_domain(typed) == meant


def test_fingers_slip_more_easily_than_they_leap() -> None:
    assert slip_cost("gmail", "gmail") == 0
    assert slip_cost("gmaill", "gmail") < slip_cost("gmial", "gmail") < slip_cost("gmaik", "gmail")
    assert slip_cost("gmaik", "gmail") < slip_cost("gmal", "gmail") < slip_cost("gmarl", "gmail")
    assert slip_cost("fmail", "gmail") > slip_cost("gnail", "gmail")
    assert slip_cost("zihho", "ziggo") < slip_cost("zihwo", "ziggo")


@pytest.mark.parametrize(
    ("real", "likely"), [("hostmail.nl", "hootmail.nl"), ("xs2all.nl", "xs4akl.nl"), ("planer.nl", "plamet.nl")]
)
def test_a_new_letter_another_number_and_another_ending_of_a_word_make_a_name(real: str, likely: str) -> None:
    assert meant_domain(real) is None
    assert meant_domain(likely)


def test_punctuation_beside_the_right_key_is_a_slip_too() -> None:
    assert judge_address("jan@g,ail.com").suggestion == "jan@gmail.com"

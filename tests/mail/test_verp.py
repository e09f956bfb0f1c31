"""VERP addresses: they round-trip, survive a change of case, and cannot be guessed, altered or used too late."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.ids import id_text, make_id
from relay.mail.verp import read_verp, verp_address

KEY = b"0123456789abcdef0123456789abcdef"
NOW = 1_795_000_000.0
LATER = int(NOW) + 10 * 86400
DELIVERY = make_id(NOW, 7)


def local_part(identifier: str = DELIVERY, expires_at: int = LATER, key: bytes = KEY) -> str:
    local, _, domain = verp_address(identifier, expires_at, key, "bounce.platform.example").partition("@")
    assert domain == "bounce.platform.example"
    return local


@given(st.binary(min_size=10, max_size=10).map(id_text), st.integers(0, 2**32 - 1), st.binary(min_size=16))
def test_the_delivery_comes_back_until_it_expires(identifier, expires_at, key):
    local = local_part(identifier, expires_at, key)
    assert read_verp(local, key, expires_at) == identifier
    assert read_verp(local, key, expires_at + 1) is None


@given(st.data())
def test_the_case_of_letters_does_not_matter(data):
    local = "".join(char.upper() if data.draw(st.booleans()) else char for char in local_part())
    assert read_verp(local, KEY, NOW) == DELIVERY


def test_it_is_short_and_plain():
    local = local_part()
    assert len(local) <= 64
    assert local.isascii()
    assert local.isalnum()
    assert local == local.lower()


def test_every_altered_character_is_noticed():
    local = local_part()
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    for place in range(len(local)):
        for char in alphabet.replace(local[place], ""):
            assert read_verp(local[:place] + char + local[place + 1 :], KEY, NOW) is None


def test_guesses_are_noticed():
    dice = random.Random(3)
    named = local_part()[:20]
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    for _ in range(20_000):
        guess = named + "".join(dice.choices(alphabet, k=20))
        assert read_verp(guess, KEY, NOW) is None


def test_another_key_reads_nothing():
    assert read_verp(local_part(), KEY[::-1], NOW) is None


@given(st.text(max_size=70))
def test_anything_else_is_not_ours(text):
    assert read_verp(text, KEY, NOW) is None


@pytest.mark.parametrize("text", ["", "postmaster", "ß" * 40, "ı" * 40, "=" * 40, "a" * 39 + "=", "a" * 40, "0" * 40])
def test_malformed_local_parts_are_not_ours(text):
    assert read_verp(text, KEY, NOW) is None


def test_a_short_key_is_a_defect():
    with pytest.raises(ValueError, match="at least 16 octets"):
        verp_address(DELIVERY, LATER, b"short", "bounce.platform.example")

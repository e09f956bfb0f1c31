"""Every language says everything, with the same placeholders, and SMTP replies stay ASCII."""

from __future__ import annotations

import string

import pytest

from relay.locales import LANGUAGES, catalog

ENGLISH = catalog("en").sentences


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_keys(language: str) -> None:
    assert set(catalog(language).sentences) == set(ENGLISH)


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_placeholders(language: str) -> None:
    other = {key: placeholders(text) for key, text in catalog(language).sentences.items()}
    assert other == {key: placeholders(text) for key, text in ENGLISH.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_untranslated(language: str) -> None:
    if language != "en":
        long = {key: text for key, text in catalog(language).sentences.items() if len(text.split()) > 4}
        assert [key for key, text in long.items() if text == ENGLISH[key]] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_replies_are_ascii_and_at_most_three_lines(language: str) -> None:
    replies = {key: text for key, text in catalog(language).sentences.items() if key.startswith("reply.")}
    assert replies
    assert [key for key, text in replies.items() if not text.isascii()] == []
    assert [key for key, text in replies.items() if text.count("\n") > 2] == []
    assert [key for key, text in replies.items() if max(map(len, text.split("\n"))) > 400] == []


def test_an_unknown_language_is_answered_in_english() -> None:
    assert catalog("xx").language == "en"
    assert catalog("nl-BE").language == "nl"

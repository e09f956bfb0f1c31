"""The check on impersonal mail against mail as small firms write it, in four languages.

The rule was tuned on the mails at even places. Those at odd places were unseen when first scored: 48 of 48 right, as in
the half that it was tuned on. ``hard.toml`` is on the border, written later and never used to tune: 15 of 16, and the
one that is wrong is a family's letter with an archive. One author wrote mails and rule: this proves less than it looks.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from relay.checks.message.check import check_message

CORPUS = Path(__file__).parent / "message_corpus"
LANGUAGES = ("en", "nl", "de", "fr")


def rows(name: str) -> list[dict[str, Any]]:
    return tomllib.loads((CORPUS / f"{name}.toml").read_text("utf-8"))["mail"]


def octets(row: dict[str, Any]) -> bytes:
    text = row["text"].strip()
    header = f"From: {row['from']}\nTo: {row['to']}\nSubject: {row['subject']}\n"
    if "attachment" not in row:
        return f"{header}Content-Type: text/plain; charset=utf-8\n\n{text}\n".replace("\n", "\r\n").encode()
    name = f'filename="{row["attachment"]}"'
    parts = (
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        f"--b\nContent-Type: application/pdf\nContent-Disposition: attachment; {name}\n\n%PDF-1.4\n--b--\n"
    )
    return f"{header}Content-Type: multipart/mixed; boundary=b\n\n{parts}".replace("\n", "\r\n").encode()


def is_personal(row: dict[str, Any]) -> bool:
    return "msg.impersonal" not in {finding.id for finding in check_message(octets(row), 0).findings}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_is_told(language):
    assert [row["subject"] for row in rows(language) if check_message(octets(row), 0).language != language] == []


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("language", LANGUAGES)
def test_right(language, half):
    wrong = [row["subject"] for row in rows(language)[half::2] if is_personal(row) != row["personal"]]
    assert wrong == []


def test_on_the_border():
    hard = rows("hard")
    assert [row["subject"] for row in hard if is_personal(row) != row["personal"]] == ["Foto's"]


def test_false_alarms_are_at_most_one_in_twenty():
    good = [row for name in (*LANGUAGES, "hard") for row in rows(name) if row["personal"]]
    assert sum(not is_personal(row) for row in good) * 20 <= len(good)


def test_the_corpus_is_large_enough():
    every = [row["personal"] for name in LANGUAGES for row in rows(name)]
    assert min(every.count(True), every.count(False)) >= 40


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_better_text_is_personal(language):
    """Filled in, it passes its own check."""
    for row in rows(language):
        better = check_message(octets(row), 0).better
        if better is None:
            continue
        filled = {"subject": fill(better.subject), "text": fill(better.text), "from": row["from"], "to": row["to"]}
        assert is_personal(filled), filled


def fill(text: str) -> str:
    """Something for each place that is left open."""
    for number in range(20):
        before, brace, rest = text.partition("{")
        if not brace:
            return text
        text = f"{before}{('Jansen', '2026-0417', '845,25 euro', '050-1234567')[number % 4]}{rest.partition('}')[2]}"
    return text

"""S05: an event is one line of at most 4 kB without control characters, whatever it holds."""

from __future__ import annotations

import io
import logging
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.cli.logs import LONGEST, LineFormatter

FORGED = "2026-11-24 12:00:00,000 INFO relay.intake accepted id=forged"


def written(message: str, *arguments: object, error: BaseException | None = None) -> str:
    """What a logger writes of one event."""
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", newline="")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    record = logging.LogRecord("relay.smtp", logging.INFO, __file__, 1, message, arguments, None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    handler.emit(record)
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8")


def is_one_line(text: str) -> bool:
    """As every reader of lines would see it, one that knows the line ends of Unicode too."""
    return (
        text.endswith("\n")
        and len(text.splitlines()) == 1
        and len(text.encode()) <= LONGEST
        and not any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text[:-1])
    )


@pytest.mark.parametrize(
    "hostile",
    [
        f"a\n{FORGED}",
        f"a\r{FORGED}",
        f"a\u2028{FORGED}",
        f"a\x85{FORGED}",
        f"a\x0b\x0c\x1c\x1d\x1e{FORGED}",
        "\x1b[31mred\x1b[2J",
        "\u202eright to left\u2066",
        "\ud800",
        "\0",
        "x" * 1_000_000,
        "\n" * 10_000,
        "é" * 5000,
    ],
)
def test_what_a_stranger_says_stays_in_its_line(hostile: str) -> None:
    for text in (written("refused reply=%s", hostile), written(hostile)):
        assert is_one_line(text)
        assert FORGED not in text.splitlines()


@given(st.text(max_size=200))
def test_any_text_is_one_line(text: str) -> None:
    assert is_one_line(written("%s", text))


def test_words_stay_readable() -> None:
    assert written("tenant=%s to=%s", "Café Łódź", "klant@例え.example").endswith(
        "INFO relay.smtp tenant=Café Łódź to=klant@例え.example\n"
    )


def test_a_defect_is_one_line_that_ends_with_its_cause() -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        raise ValueError(f"the cause\n{FORGED}")

    for levels in (0, 900):
        with pytest.raises(ValueError, match="the cause") as caught:
            deep(levels)
        text = written("defect reference=%s", "abcd", error=caught.value)
        assert is_one_line(text)
        assert "defect reference=abcd | Traceback (most recent call last): | " in text
        assert text.rstrip().endswith("accepted id=forged")
        assert "ValueError: the cause | 2026" in text

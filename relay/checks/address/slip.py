"""How likely fingers made one word of another: an edit distance that knows keyboards.

Two letters that swapped places, a letter too many or too few of a pair, a key beside the right one: those cost little.
Any other letter costs more than a slip does, most of all a new one: that is how names are made of names. A word's first
letter is seldom wrong.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

SWAPPED = 0.7
DOUBLED = 0.6  # a letter twice for once, or once for twice
HYPHEN = 0.6  # left out or put in
BESIDE = 0.8
WRONG_PAIR = 0.9  # the letter beside it was doubled: yahho
DROPPED = 1.0
ADDED = 1.0
FOREIGN = 1.5  # a letter on top that is nowhere in the word nor beside: hostmail
OTHER = 1.2
NUMBER = 2.5  # xs2all, tele3: another number is another name
AT_START = 0.2  # on top, for the first letter
NEVER = 99.0
VOWELS = frozenset("aeiouy")

_ROWS = (  # QWERTY, QWERTZ and AZERTY: their keys, shifted as they lie
    ("1234567890-=", "qwertyuiop[", "asdfghjkl;", "zxcvbnm,."),
    ("1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm,."),
    ("1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn,;"),
)


def neighbours() -> frozenset[tuple[str, str]]:
    """The pairs of keys that lie side by side, or above each other, on a keyboard."""
    pairs: set[tuple[str, str]] = set()
    for rows in _ROWS:
        for row in rows:
            pairs |= set(pairwise(row))
        for upper, lower in pairwise(rows):
            pairs |= set(zip(upper, lower, strict=False)) | set(zip(upper[1:], lower, strict=False))
    return frozenset(pairs | {(right, left) for left, right in pairs})


BESIDES = neighbours()


@lru_cache(maxsize=4096)
def slip_cost(typed: str, meant: str) -> float:
    """What it costs to type ``typed`` for ``meant``: 0 for the same, about 1 for one slip (Damerau's four kinds)."""
    above: list[float] = []
    row = [0.0]
    for column in range(1, len(typed) + 1):
        row.append(row[-1] + added(typed, meant, column, 0))
    for line in range(1, len(meant) + 1):
        above, upper, row = row, above, [row[0] + dropped(meant, 0, line)]
        for column in range(1, len(typed) + 1):
            best = min(
                above[column - 1] + replaced(typed, meant, column, line),
                above[column] + dropped(meant, column, line),
                row[column - 1] + added(typed, meant, column, line),
            )
            if line > 1 < column:
                best = min(best, upper[column - 2] + paired(typed[column - 2 : column], meant[line - 2 : line]))
            row.append(best)
    return row[-1]


def paired(pressed: str, right: str) -> float:
    """Two letters as one slip: they swapped places, or one key was pressed twice beside the right one (zihho)."""
    if pressed == right[::-1]:
        return SWAPPED
    doubled = pressed[0] == pressed[1] and right[0] == right[1]
    return WRONG_PAIR if doubled and (pressed[0], right[0]) in BESIDES else NEVER


def replaced(typed: str, meant: str, column: int, line: int) -> float:
    """One key for another."""
    pressed, right = typed[column - 1], meant[line - 1]
    if pressed == right:
        return 0.0
    if pressed == typed[column - 2 : column - 1] and right == meant[line : line + 1]:
        return WRONG_PAIR
    if pressed.isdigit() and right.isdigit():
        return NUMBER
    if line == len(meant) and {pressed, right} <= VOWELS:
        return OTHER  # ziggi, ziggy: names with another ending
    return (BESIDE if (pressed, right) in BESIDES else OTHER) + (AT_START if line == 1 else 0.0)


def dropped(meant: str, column: int, line: int) -> float:
    """The letter ``line`` of ``meant`` was not typed."""
    letter = meant[line - 1]
    if letter == "-":
        return HYPHEN
    if letter in {meant[line - 2 : line - 1], meant[line : line + 1]}:
        return DOUBLED
    return DROPPED + (AT_START if column == 0 else 0.0)


def added(typed: str, meant: str, column: int, line: int) -> float:
    """The letter ``column`` of ``typed`` was typed on top."""
    letter = typed[column - 1]
    if letter == "-":
        return HYPHEN
    before, after = typed[column - 2 : column - 1] if column > 1 else "", typed[column : column + 1]
    if letter in {before, after}:
        return DOUBLED
    if (letter, before) in BESIDES or (letter, after) in BESIDES:
        return BESIDE + (AT_START if line == 0 else 0.0)
    return (ADDED if letter in meant else FOREIGN) + (AT_START if line in {0, len(meant)} else 0.0)

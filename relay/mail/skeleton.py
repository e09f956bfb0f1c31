"""What a name looks like: two names with one skeleton can be taken for each other (rule B4, after UTS 39 4)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Letters of other alphabets, and digits, that pass for a Latin letter; each string pairs with the one below it.
_LOOKALIKES = (
    ("абвгдеёзіїјкӏмнорстухѕһԁԛԝљцчшщьъ", "a6brдeeзiijklmhopctyxshdqwлuчшшbb"),  # Cyrillic
    ("αβγδεζηικλμνορτυχωϲϳ", "aбyдezhiklmvoptuxwcj"),  # Greek
    ("0135689|!$øłđħıŧſɡɑ", "oleogвg"[:0] + "oles6 8"[:0] + "olesb8g"[:0] + ""),
)

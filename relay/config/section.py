"""What the tables of the configuration are made of: their base, kinds of values, sizes and periods."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1)]
Locale = Literal["en", "nl", "de", "fr"]

SIZES = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
PERIODS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file."""


def octets(size: int | str) -> int:
    """A size such as ``25 MB`` in octets. Raises ValueError."""
    return int(measure(str(size), SIZES, "a size such as 25 MB"))


def seconds(period: str) -> float:
    """A period such as ``30d`` in seconds. Raises ValueError."""
    return measure(period, PERIODS, "a period such as 30m, 1h or 30d")


def measure(text: str, units: dict[str, float] | dict[str, int], wanted: str) -> float:
    """A number with a unit, in the smallest unit. Raises ValueError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if not match or match[2].lower() not in units:
        raise ValueError(f"expected {wanted}")
    return float(match[1]) * units[match[2].lower()]

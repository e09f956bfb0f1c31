"""MTA-STS (RFC 8461): the record that announces a policy, the policy, and whether it covers a mail server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

VERSION = "v=STSv1"
LONGEST_AGE = 31_557_600  # seconds; RFC 8461 3.2

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}"  # RFC 8461 3.1, 3.2: name of an extension
FIELD = re.compile(rf"(?P<name>{NAME})=(?P<value>[\x21-\x3a\x3c\x3e-\x7e]+)")
ID = re.compile(r"[A-Za-z0-9]{1,32}")
# RFC 8461 3.2: visible characters with spaces between them, and UTF-8, here octets read as latin-1
LINE = re.compile(
    rf"(?P<name>{NAME}):[ \t]*(?P<value>[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)"
)
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
PATTERN = re.compile(rf"(?:\*\.)?{LABEL}(?:\.{LABEL})*")  # RFC 8461 3.2: ["*."] Domain (RFC 5321 4.1.2)
AGE = re.compile(r"[0-9]{1,10}")


class Mode(StrEnum):
    """ENFORCE: no mail without TLS and a certificate that proves a covered name. TESTING: report only. NONE: no policy
    (any more)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Slip:
    """What is wrong in a policy: ``kind`` is the field, ``line`` for what is no field, ``missing``, ``duplicate`` or
    ``blank``; ``wrote`` the line, or the name of the field."""

    kind: str
    wrote: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A valid policy: its mode, its life in seconds, and the patterns of names that mail servers may have."""

    mode: Mode
    max_age: int
    mx: tuple[str, ...]

    def covers(self, host: str) -> bool:
        """True when mail may go to this host (RFC 8461 4.1)."""
        return any(matches(pattern, host) for pattern in self.mx)


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of a policy. ``faults`` make all of it invalid; ``remarks`` do not."""

    mode: Mode | None
    max_age: int | None
    mx: tuple[str, ...]
    faults: tuple[Slip, ...]
    remarks: tuple[Slip, ...] = ()

    @property
    def policy(self) -> Policy | None:
        """The policy; None when it is not valid, and then there is none (RFC 8461 3.3)."""
        if self.faults or self.mode is None or self.max_age is None:
            return None
        return Policy(self.mode, self.max_age, self.mx)


def sts_texts(texts: Sequence[str]) -> tuple[str, ...]:
    """The TXT records that count; exactly one may (RFC 8461 3.1)."""
    return tuple(text for text in texts if text.startswith(f"{VERSION};"))


def read_record(text: str) -> tuple[str | None, str]:
    """The id of a record, and the piece that is wrong; no piece, no fault (RFC 8461 3.1)."""
    pieces = [piece.strip(" \t") for piece in text.split(";")]
    if pieces[-1] == "":  # a delimiter may end the record
        pieces.pop()
    found = None
    for piece in pieces[1:]:
        match = FIELD.fullmatch(piece)
        if match is None and not piece.startswith("id="):
            return None, piece or ";"
        if piece.startswith("id=") and found is None:  # RFC 8461 3.1: of duplicates the first counts
            found = piece.removeprefix("id=")
    if found is None or not ID.fullmatch(found):
        return None, f"id={found or ''}"
    return found, ""


def read_policy(body: bytes) -> Reading:
    """Read a policy file, whatever it is (RFC 8461 3.2)."""
    fields: dict[str, str] = {}
    patterns: list[str] = []
    faults: list[Slip] = []
    remarks: list[Slip] = []
    for line in lines_of(body):
        match = LINE.fullmatch(line)
        if match is None:
            (faults if line else remarks).append(Slip("line" if line else "blank", line))
        elif match["name"] == "mx":
            patterns.append(match["value"])
        elif match["name"] in fields:  # RFC 8461 3.2: all but the first are ignored
            remarks.append(Slip("duplicate", match["name"]))
        else:
            fields[match["name"]] = match["value"]
    faults += value_faults(fields, patterns)
    mode, age = fields.get("mode", ""), fields.get("max_age", "")
    return Reading(
        Mode(mode) if mode in set(Mode) else None,
        int(age) if is_age(age) else None,
        tuple(pattern.lower() for pattern in patterns if is_pattern(pattern)),
        tuple(faults),
        tuple(dict.fromkeys(remarks)),
    )


def lines_of(body: bytes) -> list[str]:
    """Lines that end in LF or CRLF, without white space at their ends; the last one may lack its end."""
    lines = [line.removesuffix("\r").rstrip(" \t") for line in body.decode("latin-1").split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def value_faults(fields: dict[str, str], patterns: Sequence[str]) -> Iterator[Slip]:
    """Values that are none of those that are allowed, and what is missing."""
    valid = {"version": "STSv1".__eq__, "mode": set(Mode).__contains__, "max_age": is_age}
    for name, is_valid in valid.items():
        if name not in fields:
            yield Slip("missing", name)
        elif not is_valid(fields[name]):
            yield Slip(name, f"{name}: {fields[name]}")
    yield from (Slip("mx", f"mx: {pattern}") for pattern in patterns if not is_pattern(pattern))
    if not patterns and fields.get("mode") != Mode.NONE:  # RFC 8461 3.2: at least one, except in mode none
        yield Slip("missing", "mx")


def is_pattern(text: str) -> bool:
    """True for a name of a host, or for ``*.`` and one."""
    return PATTERN.fullmatch(text) is not None


def is_age(text: str) -> bool:
    """True for a life of a policy in seconds."""
    return AGE.fullmatch(text) is not None and int(text) <= LONGEST_AGE


def matches(pattern: str, host: str) -> bool:
    """True when a host has the name of a pattern; ``*.`` stands for exactly one label (RFC 8461 4.1)."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return host == pattern


def policy_text(policy: Policy) -> str:
    """A policy as the file to serve."""
    patterns = "".join(f"mx: {pattern}\n" for pattern in policy.mx)
    return f"version: STSv1\nmode: {policy.mode}\n{patterns}max_age: {policy.max_age}\n"

"""What somebody meant to write: the usual slips in SPF records, each with the term that is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relay.checks.spf.record import MECHANISMS, Record, Term, parse_record, parse_term

LONGEST_NAME = 10  # of a mechanism or modifier, with two letters too many
NAMES = MECHANISMS | {"redirect", "exp"}
EQUALS = re.compile(r"([+\-?~]?)(include|ip4|ip6|mx|a|ptr|exists)=(.+)", re.IGNORECASE)
GLUED_ALL = re.compile(r"(.+[A-Za-z0-9.])([+\-?~]all)", re.IGNORECASE)
GLUED_TERM = re.compile(r"(.+?)([+\-?~]?(?:include:|ip4:|ip6:|exists:|redirect=|mx:|a:).*)", re.IGNORECASE)
URL = re.compile(r"([+\-?~]?include:|redirect=)https?://([^/]+)/*", re.IGNORECASE)
DASH = re.compile(r"(?:\xe2\x80[\x90-\x95]|\xe2\x88\x92|[\x96\x97])all", re.IGNORECASE)
IPV4 = re.compile(r"([+\-?~]?)ip(v[46]|):(.+)", re.IGNORECASE)
HOST = re.compile(r"([+\-?~]?)ip[46]:([A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]*\.[A-Za-z]{2,})", re.IGNORECASE)
NAMED = re.compile(r"([+\-?~]?)([A-Za-z0-9]+)([:=/].+|)")
LOOKALIKE = re.compile(
    r"[\s\"'\u201c\u201d\u201e\ufeff]*(?:v\s*=\s*spf\s*\d*|spf\d?\s*=|spf1\b)[\s\"'\u201c\u201d]*(.*)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Repair:
    """One slip: the last part of its finding's id, what is there, and what was meant (empty: to be left out)."""

    slip: str
    wrote: str
    meant: str


@dataclass(frozen=True, slots=True)
class Mended:
    """A record as it was meant, with every slip that was found in it."""

    text: str
    repairs: tuple[Repair, ...]


def mend(record: Record) -> Mended:
    """The record without its slips. A term that nobody can guess the meaning of is left out."""
    repairs: list[Repair] = []
    words: list[str] = []
    for term in joined_spaces(record.terms, repairs):
        slip = slip_of(term)
        if slip is not None:
            repairs.append(slip)
        words.append(slip.meant if slip else term.text)
    return Mended(" ".join([record.text[: len("v=spf1")], *(word for word in words if word)]), tuple(repairs))


def joined_spaces(terms: Sequence[Term], repairs: list[Repair]) -> list[Term]:
    """``include: x`` as one term again."""
    joined: list[Term] = []
    waiting: Term | None = None
    for term in terms:
        if waiting is not None and "." in term.text and not term.text.endswith(":"):
            meant = parse_term(waiting.text + term.text)
            if not meant.fault:
                repairs.append(Repair("space", f"{waiting.text} {term.text}", meant.text))
                joined.append(meant)
                waiting = None
                continue
        if waiting is not None:
            joined.append(waiting)
        waiting = term if term.text.endswith((":", "=")) and term.fault else None
        if waiting is None:
            joined.append(term)
    return [*joined, waiting] if waiting else joined


def slip_of(term: Term) -> Repair | None:
    """The slip in one term, also where it is sound but cannot be meant (``include=x``); None for a good term."""
    for slip, guess in GUESSES:
        meant = guess(term)
        if meant and all(not parse_term(word).fault for word in meant.split(" ")) and meant != term.text:
            return Repair(slip, term.text, meant)
    return Repair("syntax", term.text, "") if term.fault else None


def equals(term: Term) -> str:
    found = EQUALS.fullmatch(term.text)
    return f"{found[1]}{found[2]}:{found[3]}" if found else ""


def colon(term: Term) -> str:
    name, _, rest = term.text.partition(":")
    return f"{name}={rest}" if name.lower() in {"redirect", "exp"} and term.fault else ""


def comma(term: Term) -> str:
    return term.text.rstrip(",;") if term.text.endswith((",", ";")) and (term.fault or term.modifier) else ""


def url(term: Term) -> str:
    found = URL.fullmatch(term.text)
    return f"{found[1]}{found[2]}" if found else ""


def dash(term: Term) -> str:
    return "-all" if DASH.fullmatch(term.text) else ""


def ipv4(term: Term) -> str:
    found = IPV4.fullmatch(term.text)
    return f"{found[1]}ip{'6' if ':' in found[3] else '4'}:{found[3]}" if found and term.fault else ""


def host(term: Term) -> str:
    found = HOST.fullmatch(term.text)
    return f"{found[1]}a:{found[2]}" if found and term.fault else ""


def glued(term: Term) -> str:
    found = GLUED_ALL.fullmatch(term.text)
    return f"{found[1]} {found[2]}" if found and "." in found[1] else ""


def grown_together(term: Term) -> str:
    found = GLUED_TERM.fullmatch(term.text) if term.fault else None
    return f"{found[1]} {found[2]}" if found and not parse_term(found[1]).fault else ""


def name(term: Term) -> str:
    found = NAMED.fullmatch(term.text) if term.fault == "unknown" else None
    if found is None or len(found[2]) > LONGEST_NAME:
        return ""
    near = sorted((distance(found[2].lower(), known), known) for known in NAMES if len(known) > 2)
    return f"{found[1]}{near[0][1]}{found[3]}" if near[0][0] <= 2 < len(found[2]) else ""


GUESSES: tuple[tuple[str, Callable[[Term], str]], ...] = (
    ("dash", dash),
    ("comma", comma),
    ("url", url),
    ("equals", equals),
    ("colon", colon),
    ("ipv4", ipv4),
    ("host", host),
    ("split", grown_together),
    ("glued", glued),
    ("name", name),
)


def lookalike(octets: bytes) -> str | None:
    """The record that a TXT record was meant to be which is none (RFC 7208 4.5); None if it does not look like one."""
    text = octets.decode("utf-8", "replace")
    found = LOOKALIKE.fullmatch(text)
    if found is None or text.lower().startswith("spf2.0/"):
        return None
    rest = found[1].strip(" \t\"'\u201c\u201d").encode("utf-8")
    return mend(parse_record(b"v=spf1 " + rest)).text


def distance(one: str, other: str) -> int:
    """Letters to change, put in, leave out or swap to get from one word to another."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        older, before = before, row
        row = [i]
        for j, right in enumerate(other, 1):
            best = min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right))
            if i > 1 < j and left == other[j - 2] and one[i - 2] == right:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]

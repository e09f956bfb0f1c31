"""The tree of an SPF record as rows of a drawing: every term, what it costs, what decides, what is dead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relay.checks.report import shown
from relay.locales import Catalog
from relay.net.dns import plain_name

LOOKUPS = 10  # RFC 7208 4.6.4
MOST_BOXES = 14
MOST_TERMS = 24  # of one record; what decides is drawn wherever it stands
MOST_ADDRESSES = 3  # in a row, of one record
MOST_ROWS = 120
LONGEST = 56
DEEPEST = 8
CHARACTER, SMALL, INDENT, MARGIN, PILL = 8.0, 6.6, 22, 14, 64  # pixels
LINE, NOTED = 30, 46
TOP, BELOW = 18, 12
DEAD = frozenset({"none", "nxdomain", "multiple", "loop", "fault", "void"})


@dataclass(frozen=True, slots=True)
class Line:
    """One row before it has its place. ``tone`` is its look: ``plain``, ``dead``, ``off`` (never reached), ``open``
    (not known), ``path``, ``more``."""

    depth: int
    text: str
    cost: int
    tone: str
    note: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row in its place; ``rises`` is how far its branch goes up, 0 at the root."""

    line: Line
    x: int
    y: int
    rises: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """All rows, the size that they need in pixels, the boxes of the look-ups, and the verdict's result."""

    rows: tuple[Row, ...]
    width: int
    height: int
    lookups: int
    boxes: tuple[str, ...]
    result: str


def draw(facts: Mapping[str, Any], language: Catalog) -> Drawing | None:
    """The drawing of the facts of an SPF part; None where there is no record to draw."""
    tree = facts.get("tree")
    if not tree or not tree["terms"]:
        return None
    evaluated = facts.get("evaluated") or {}
    result = str(facts.get("result") or "")
    lines = list(Lines(language, result, evaluated).of(tree, evaluated.get("chain", ()), 0))
    rows = placed(lines[:MOST_ROWS])
    width = max(int(row.x + max(len(row.line.text) * CHARACTER, len(row.line.note) * SMALL)) + PILL for row in rows)
    height = rows[-1].y + (BELOW if not rows[-1].line.note else NOTED - LINE + BELOW)
    return Drawing(rows, width, height, tree["lookups"], boxes(tree["lookups"]), result)


def boxes(lookups: int) -> tuple[str, ...]:
    """One box a look-up that is allowed, and some of those that are not."""
    number = min(max(lookups, LOOKUPS), MOST_BOXES)
    return tuple("over" if at >= LOOKUPS else "used" if at < lookups else "free" for at in range(number))


def placed(lines: list[Line]) -> tuple[Row, ...]:
    """The rows below each other; each hangs on the last one that is a step less deep."""
    rows: list[Row] = []
    y = TOP
    at: dict[int, int] = {}
    for line in lines:
        depth = min(line.depth, DEEPEST)
        rows.append(Row(line, MARGIN + depth * INDENT, y, y - at.get(depth - 1, y)))
        at[depth] = y
        y += NOTED if line.note else LINE
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Lines:
    """Reads a tree in one language."""

    language: Catalog
    result: str
    evaluated: Mapping[str, Any]

    def of(self, tree: Mapping[str, Any], chain: tuple[str, ...], depth: int) -> Iterator[Line]:
        """The rows of one record; ``chain`` is the rest of the domains to the one that decided, this one first."""
        if depth == 0:
            yield Line(0, f"{clipped(tree['domain'])}", tree["lookups"], "path" if chain else "plain", "")
        deciding = self.deciding(tree, chain)
        hidden = 0
        for place, term in enumerate(tree["terms"]):
            if place != deciding and is_hidden(tree["terms"], place):
                hidden += 1
                continue
            if hidden:
                yield Line(depth + 1, self.words("more", count=hidden), 0, "more", "")
                hidden = 0
            on_path = place == deciding
            yield self.line(term, depth + 1, on_path=on_path, last=len(chain) == 1)
            if term["tree"] is not None:
                yield from self.of(term["tree"], chain[1:] if on_path else (), depth + 1)
        if hidden:
            yield Line(depth + 1, self.words("more", count=hidden), 0, "more", "")

    def deciding(self, tree: Mapping[str, Any], chain: tuple[str, ...]) -> int | None:
        """The place of the term that decided, or that leads to it."""
        if not chain or plain_name(chain[0]) != tree["domain"]:
            return None
        wanted = self.evaluated["matched"] if len(chain) == 1 else None
        for place, term in enumerate(tree["terms"]):
            if not term["reached"] and not term["fault"]:
                continue
            if term["term"] == wanted if wanted is not None else leads_to(term, chain[1]):
                return place
        return None

    def line(self, term: Mapping[str, Any], depth: int, *, on_path: bool, last: bool) -> Line:
        """The row of one term."""
        state = state_of(term)
        if on_path and last:
            return Line(
                depth, clipped(term["term"]), term["lookups"], "path", self.words("decides", result=self.result)
            )
        dead = state in DEAD
        tone = "dead" if dead else "path" if on_path else {"off": "off", "unknown": "open"}.get(state, "plain")
        return Line(depth, clipped(term["term"]), term["lookups"], tone, self.words(state) if state else "")

    def words(self, state: str, **facts: object) -> str:
        """A few words about a row."""
        return self.language.text(f"page.report.tree.{state}", **facts)


def is_hidden(terms: Sequence[Mapping[str, Any]], place: int) -> bool:
    """True for a term that says no more than those before it: one more address in a row of them, or one too many."""
    if place >= MOST_TERMS:
        return True
    row = terms[max(0, place - MOST_ADDRESSES) : place + 1]
    return len(row) > MOST_ADDRESSES and all(is_address(term) for term in row)


def is_address(term: Mapping[str, Any]) -> bool:
    """True for a sound ``ip4`` or ``ip6``."""
    return not term["fault"] and term["term"].lower().lstrip("+").startswith(("ip4:", "ip6:"))


def leads_to(term: Mapping[str, Any], domain: str) -> bool:
    """True for a term whose record is that of a domain."""
    return term["tree"] is not None and term["tree"]["domain"] == plain_name(domain)


def state_of(term: Mapping[str, Any]) -> str:
    """What is to be said of a term: nothing of one that is as it should be."""
    if term["fault"]:
        return "fault"
    if not term["reached"]:
        return "off"
    below = term["tree"]
    if below is not None and below["state"] != "record":
        return str(below["state"])
    return "void" if term["void"] else ""


def clipped(text: str) -> str:
    """Text that fits a row, harmless, its middle left out where it is long."""
    whole = shown(text)
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST // 2]}…{whole[-LONGEST // 2 + 1 :]}"

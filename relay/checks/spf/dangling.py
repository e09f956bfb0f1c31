"""Names in a record that nobody has registered: whoever registers one may send as the domain that trusts it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

from relay.checks.asking import Asking
from relay.checks.model import Finding, Severity
from relay.checks.spf.macro import has_macro
from relay.checks.spf.tree import Node, everything
from relay.net.dns import NoName

# Second-level domains below which countries register names: co.uk, com.au, or.jp.
SECOND_LEVEL = re.compile(
    r"(?:ac|asso|biz|com?|edu?|gob|gouv|gov?|gv|info|int|ltd|me|mil|net?|nom|org?|plc)\.[a-z]{2}", re.IGNORECASE
)


async def judge_dangling(asking: Asking, root: Node) -> list[Finding]:
    """Every name in the tree below a domain that does not exist."""
    trusted = {registrable(name): term for term, name in dead_names(root)}
    trusted.pop("", None)
    answers = await asyncio.gather(*(asking.lookup(name, "NS") for name in trusted))
    return [
        Finding("spf.include.dangling", Severity.ERROR, root.domain, {"term": term, "name": name}, rfc="RFC 7208 11.1")
        for (name, term), answer in zip(trusted.items(), answers, strict=True)
        if isinstance(answer, NoName)
    ]


def dead_names(root: Node) -> Iterator[tuple[str, str]]:
    """Terms whose name does not exist, with that name."""
    for node, place in everything(root):
        term, child = node.terms[place], node.children.get(place)
        gone = isinstance(node.answers.get(place), NoName) or (child is not None and child.state == "nxdomain")
        if gone and not term.fault and not has_macro(term.target):
            yield term.text, node.name_of(place)


def registrable(name: str) -> str:
    """The part of a name that is bought as a whole: two labels, three below a country's second level (co.uk); empty
    for a name that is too short to be bought."""
    labels = name.split(".")
    wanted = 3 if SECOND_LEVEL.fullmatch(".".join(labels[-2:])) else 2
    return ".".join(labels[-wanted:]) if len(labels) >= wanted else ""

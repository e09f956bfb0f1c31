"""Do the authoritative servers of a zone say the same? Each is asked by itself, as a resolver would by chance.

1. `servers_of` finds the zone that a name is in, walking up from the name, and its NS records (RFC 1034 4.2.1).
2. `ask_each` asks every one of them the same question.
3. `judge_servers` compares the answers; servers that did not answer prove nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from relay.checks.asking import Asking
from relay.checks.model import Finding, Severity
from relay.checks.report import shown
from relay.net.dns import Lookup, Mx, NoData, NoName, Records, Unknown, Value, plain_name

MOST_ANCESTORS = 6
MOST_SERVERS = 8
MOST_QUERIES = 30
SECONDS_A_SERVER = 1.0  # one dead server must not hold up a report


async def ask_each(asking: Asking, name: str, rdtype: str) -> dict[str, Lookup]:
    """What each authoritative server of the zone of ``name`` answers, by the server's name. Empty where the servers
    are not known, or none may be asked (private addresses, unless a nameserver was chosen)."""
    within = Asking(asking, seconds_a_name=min(SECONDS_A_SERVER, asking.seconds_a_name), most=MOST_QUERIES)
    servers = await servers_of(asking, name)
    answers = await asyncio.gather(*(ask_server(within, server, name, rdtype) for server in servers))
    return {server: answer for server, answer in zip(servers, answers, strict=True) if answer is not None}


async def servers_of(asking: Asking, name: str) -> tuple[str, ...]:
    """The names of the servers that are authoritative for a name; none where that could not be determined."""
    labels = plain_name(name).split(".")
    names = [".".join(labels[place:]) for place in range(max(1, len(labels) - 1))][:MOST_ANCESTORS]
    answers = await asyncio.gather(*(asking.lookup(each, "NS") for each in names))
    for each, answer in zip(names, answers, strict=True):
        if isinstance(answer, Unknown):
            return ()  # there may be a zone cut here: whom to ask is not known
        if isinstance(answer, Records) and answer.canonical in {"", each}:  # not those behind an alias
            return tuple(sorted(str(value) for value in answer.values))[:MOST_SERVERS]
    return ()


async def ask_server(asking: Asking, server: str, name: str, rdtype: str) -> Lookup | None:
    """The answer of one server, at its first IPv4 address, else at its first IPv6 address; None: not to be asked."""
    found: Lookup = NoData()
    for family in ("A", "AAAA"):
        found = await asking.lookup(server, family)
        if isinstance(found, Records):
            resolver = asking.at(str(found.values[0]))
            return await resolver.lookup(name, rdtype) if resolver is not None else None
    return Unknown(found.reason if isinstance(found, Unknown) else "no address")


def judge_servers(name: str, rdtype: str, answers: Mapping[str, Lookup]) -> Iterator[Finding]:
    """One finding where two servers contradict each other."""
    if not differs(answers):
        return
    said = {server: shown_answer(answer) for server, answer in answers.items()}
    facts = {"name": name, "type": rdtype, "servers": "; ".join(f"{each}: {text}" for each, text in said.items())}
    evidence = tuple(f"{server}: {text}" for server, text in said.items())
    yield Finding("ns.inconsistent", Severity.UNKNOWN, name, facts, None, evidence, "RFC 1034 4.3.5")


def servers_json(answers: Mapping[str, Lookup]) -> dict[str, str]:
    """The answer of each server in one line, fit for JSON."""
    return {shown(server): shown(shown_answer(answer)) for server, answer in answers.items()}


def differs(answers: Mapping[str, Lookup]) -> bool:
    """True when two servers gave different answers; the order of records and their TTL do not count."""
    given = {shown_answer(answer) for answer in answers.values() if not isinstance(answer, Unknown)}
    return len(given) > 1


def shown_answer(answer: Lookup) -> str:
    """An answer in one line: records in a fixed order, else why there are none."""
    match answer:
        case Records(values):
            return ", ".join(sorted(map(shown_value, values)))
        case NoData():
            return "NODATA"
        case NoName():
            return "NXDOMAIN"
        case Unknown(reason):
            return reason


def shown_value(value: Value) -> str:
    """One record in one line."""
    match value:
        case Mx(preference, exchange):
            return f"{preference} {exchange or '.'}"
        case bytes():
            return value.decode("latin-1")
        case _:
            return value

"""The platform's own SPF record, the one that customers include: it may cost them one look-up and no more, and must
hold every address that mail leaves from (RFC 7208 4.6.4, 5.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from relay.checks.asking import Asking
from relay.checks.helo import Ip
from relay.checks.model import Finding, Fix, Part, Severity
from relay.checks.spf.findings import NEAR_OCTETS, judge_slips, several
from relay.checks.spf.publish import VERSION, spf_fix
from relay.checks.spf.record import Record
from relay.checks.spf.tree import Node, walk

PLAIN = frozenset({"ip4", "ip6", "all"})
FAMILIES = ((4, "ip4"), (6, "ip6"))


async def check_own_include(asking: Asking, include: str, ips: Sequence[Ip]) -> Part:
    """Ask for the record and judge it; ``ips`` are the addresses that mail leaves from, as far as they are known."""
    root = await walk(asking, include)
    facts = {
        "record": root.record.text if root.record else None,
        "lookups": root.lookups,
        "covered": {str(ip): covers(root.record, ip) if root.record else None for ip in ips},
    }
    return Part("spf-include", root.domain, facts, tuple(judge_include(root, ips)))


def judge_include(root: Node, ips: Sequence[Ip]) -> Iterator[Finding]:
    """Everything about the record."""
    if root.state == "unknown":
        yield found(root, "unknown", Severity.UNKNOWN, reason=root.reason)
    elif root.state == "multiple":
        yield several(root)
    elif root.record is None:
        yield found(root, "none", Severity.ERROR, fixed(root, ips))
    else:
        yield from judge_slips(root, root.record)
        yield from judge_terms(root, root.record, ips)
        yield from judge_addresses(root, root.record, ips)


def judge_terms(root: Node, record: Record, ips: Sequence[Ip]) -> Iterator[Finding]:
    """Terms that cost customers look-ups, that do nothing, that let everybody in; the size."""
    fix = fixed(root, ips)
    asking = [term.text for term in record.terms if term.asks]
    idle = [term.text for term in record.terms if not term.asks and not term.fault and term.name not in PLAIN]
    if asking:
        cost = str(1 + root.lookups)
        yield found(root, "lookups", Severity.ERROR, fix, terms=" ".join(asking), cost=cost)
    if idle:
        yield found(root, "terms", Severity.WARNING, fix, terms=" ".join(idle))
    if record.all is not None and record.all.qualifier == "+":
        yield found(root, "all", Severity.ERROR, fix, term=record.all.text)
    if len(record.text) >= NEAR_OCTETS:
        yield found(root, "size", Severity.ERROR, size=str(len(record.text)), limit=str(NEAR_OCTETS))


def judge_addresses(root: Node, record: Record, ips: Sequence[Ip]) -> Iterator[Finding]:
    """Addresses that are missing, and families: of a family without any term all addresses are."""
    there = {term.network.version for term in record.mechanisms if term.network is not None}
    for version, term in FAMILIES:
        ours = [ip for ip in ips if ip.version == version]
        missing = [str(ip) for ip in ours if not covers(record, ip)]
        if version not in there:
            severity = Severity.ERROR if missing else Severity.INFO
            yield found(root, "family", severity, fixed(root, ips) if missing else None, family=term)
        elif missing:
            yield found(root, "address", Severity.ERROR, fixed(root, ips), addresses=", ".join(missing))


def covers(record: Record, ip: Ip) -> bool:
    """True when the first ``ip4`` or ``ip6`` that fits an address lets it pass."""
    fitting = (term for term in record.mechanisms if term.network is not None and ip in term.network)
    return next((term.qualifier == "+" for term in fitting), False)


def fixed(root: Node, ips: Sequence[Ip]) -> Fix | None:
    """The record with addresses only, all of them; none where no address is known."""
    record = root.record
    kept = [term.text for term in record.terms if term.network is not None] if record else []
    added = [f"ip{ip.version}:{ip}" for ip in ips if record is None or not covers(record, ip)]
    if not kept and not added:
        return None
    keeps_end = record is not None and record.all is not None and record.all.qualifier != "+"
    end = record.all.text if record is not None and record.all is not None and keeps_end else "-all"
    removes = [record.text] if record else []
    return spf_fix(root.domain, " ".join([VERSION, *added, *kept, end]), removes)


def found(root: Node, topic: str, severity: Severity, fix: Fix | None = None, **facts: str) -> Finding:
    """A finding about our record."""
    evidence = (root.record.text,) if root.record else ()
    name = root.domain
    return Finding(f"spf.platform.{topic}", severity, name, {"name": name, **facts}, fix, evidence, "RFC 7208 4.6.4")

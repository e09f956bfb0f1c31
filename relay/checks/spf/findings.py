"""What is wrong with an SPF record: findings about the domain's own record, and with `spf_health` about its tree."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from relay.checks.asking import Asking
from relay.checks.model import Finding, Fix, Severity
from relay.checks.spf.aside import Aside, judge_aside
from relay.checks.spf.covered import covered_terms
from relay.checks.spf.cut import judge_cut
from relay.checks.spf.dangling import judge_dangling
from relay.checks.spf.evaluate import Verdict
from relay.checks.spf.health import judge_shared, judge_tree, term_finding
from relay.checks.spf.known import landlord_of
from relay.checks.spf.macro import Ip
from relay.checks.spf.mend import lookalike, mend
from relay.checks.spf.publish import VERSION, merged, senders_of, spf_fix
from relay.checks.spf.record import Network, Record, parse_record, spf_texts
from relay.checks.spf.tree import Node
from relay.checks.spf.under_ten import under_ten
from relay.net.dns import Records

KNOWN_SLIPS = frozenset({"comma", "url", "equals", "colon", "ipv4", "host", "glued", "name", "space", "dash"})
NEAR_OCTETS = 450  # RFC 7208 3.4: the answer should fit 512
TXT_OVERHEAD = 12  # name pointer, type, class, TTL, length
HEADER = 12 + 6  # message header and the fixed part of the question
WIDEST4, WIDEST6 = 16, 32


@dataclass(frozen=True, slots=True)
class Found:
    """What is known beside the tree; ``ours`` are the names of the include that is asked about. ``mail_from`` False:
    the domain is no reverse-path."""

    aside: Aside
    ips: tuple[Ip, ...] = ()
    verdict: Verdict | None = None
    ours: frozenset[str] = frozenset()
    mail_from: bool = True


async def judge_spf(asking: Asking, root: Node, found: Found) -> tuple[Finding, ...]:
    """Everything that can be said about the record of a domain and its tree."""
    if root.record is None:
        return tuple(await judge_absence(asking, root, found))
    covered, dangling, beside, savings = await asyncio.gather(
        covered_terms(asking, root),
        judge_dangling(asking, root),
        judge_aside(asking, found.aside, root, found.ips),
        under_ten(asking, root, found.ours),
    )
    return (
        *judge_record(root, root.record),
        *judge_answer(root),
        *judge_tree(root, found.verdict, savings),
        *judge_shared(root, covered),
        *dangling,
        *beside,
    )


async def judge_absence(asking: Asking, root: Node, found: Found) -> list[Finding]:
    """No record, several, or none that could be read."""
    domain, facts = root.domain, {"name": root.domain}
    if root.state == "unknown":
        return [Finding("spf.temperror", Severity.UNKNOWN, domain, facts | {"reason": root.reason}, rfc="RFC 7208 4.4")]
    if root.state == "nxdomain":
        return [Finding("spf.nxdomain", Severity.ERROR, domain, facts, rfc="RFC 7208 4.3")]
    if root.state == "multiple":
        return [several(root)]
    if alike := judge_lookalikes(root):
        return [alike]
    parent = domain.partition(".")[2]
    old, above, exchangers = await asyncio.gather(
        asking.lookup(domain, "SPF"), asking.lookup(parent or domain, "TXT"), asking.lookup(domain, "MX")
    )
    if isinstance(old, Records) and (typed := spf_texts(old.values)):
        fix = spf_fix(domain, typed[0].decode("latin-1"), [f"SPF {typed[0].decode('latin-1')}"])
        return [Finding("spf.type99", Severity.ERROR, domain, facts, fix, rfc="RFC 7208 3.1")]
    severity = Severity.ERROR if found.mail_from else Severity.INFO  # nobody reads the record of another identity
    if parent.count(".") >= 1 and isinstance(above, Records) and spf_texts(above.values):
        fix = spf_fix(domain, f"v=spf1 redirect={parent}")  # whoever may send for the parent
        return [Finding("spf.subdomain", severity, domain, facts | {"parent": parent}, fix, rfc="RFC 7208 3.1")]
    senders = senders_of(domain, exchangers) or ["mx" if isinstance(exchangers, Records) else "a"]
    fix = spf_fix(domain, " ".join([VERSION, *senders, "~all"]))
    return [Finding("spf.none", severity, domain, facts, fix, rfc="RFC 7208 4.5"), *judge_others(root)]


def judge_lookalikes(root: Node) -> Finding | None:
    """A record that was meant to be one (RFC 7208 4.5)."""
    for value in root.values:
        meant = lookalike(value) if isinstance(value, bytes) else None
        if meant is not None and isinstance(value, bytes):
            wrote = value.decode("latin-1")
            fix, evidence = spf_fix(root.domain, meant, [wrote]), (repr(value)[1:],)
            facts = {"wrote": wrote}
            return Finding("spf.version.lookalike", Severity.ERROR, root.domain, facts, fix, evidence, "RFC 7208 4.5")
    return None


def several(root: Node) -> Finding:
    """Two records or more, and the one that stands for them all."""
    texts = [text.decode("latin-1") for text in spf_texts(root.values)]
    one = merged([parse_record(text.encode("latin-1")) for text in texts])
    facts = {"count": str(len(texts))}
    fix = spf_fix(root.domain, one.text, texts)
    return Finding("spf.multiple", Severity.ERROR, root.domain, facts, fix, tuple(texts), "RFC 7208 4.5")


def judge_record(root: Node, record: Record) -> Iterator[Finding]:
    """The terms of the domain's own record."""
    if cut := judge_cut(root, record):
        yield cut
    else:
        yield from judge_slips(root, record)
        yield from judge_end(root, record)
    for term in record.terms:
        if term.name == "ptr" and not term.fault:
            yield term_finding("spf.ptr", Severity.WARNING, root, term, "RFC 7208 5.5")
        elif term.network is not None and term.qualifier != "-" and is_broad(term.network):
            yield term_finding("spf.a.broad", Severity.WARNING, root, term, "RFC 7208 5.6")
        elif term.name == "exp" and not term.fault:
            yield term_finding("spf.exp", Severity.INFO, root, term, "RFC 7208 6.2")
        elif term.modifier and term.name != "redirect" and not term.fault and not is_slip(record, term.text):
            yield term_finding("spf.unknown_modifier", Severity.INFO, root, term, "RFC 7208 6")


def is_broad(network: Network) -> bool:
    """True for a network that belongs to many."""
    widest = WIDEST4 if network.version == 4 else WIDEST6
    return network.prefixlen < widest or landlord_of(network) != ""


def is_slip(record: Record, text: str) -> bool:
    """True for a term that is reported as a slip already."""
    return any(repair.wrote == text for repair in mend(record).repairs)


def judge_slips(root: Node, record: Record) -> Iterator[Finding]:
    """Terms that are wrong, each with what was meant and all with the record put right."""
    mended = mend(record)
    fix = spf_fix(root.domain, mended.text, [record.text]) if mended.repairs else None
    behind = record.text.partition(record.all.text)[2].split() if record.all else []
    for repair in mended.repairs:
        facts = {"wrote": repair.wrote, "meant": repair.meant}
        if not repair.wrote.isascii() and repair.slip == "syntax":
            found = "spf.nonascii"
        elif repair.slip in KNOWN_SLIPS:
            found = f"spf.typo.{repair.slip}"
        elif repair.slip == "split":
            found = "spf.split.space"
        else:
            found = "spf.syntax.afterall" if repair.wrote in behind else "spf.syntax"
        yield Finding(found, Severity.ERROR, root.domain, facts, fix, (repair.wrote,), "RFC 7208 4.6")


def judge_end(root: Node, record: Record) -> Iterator[Finding]:
    """How the record ends: ``all`` and ``redirect`` (RFC 7208 5.1, 6.1)."""
    domain, end, text = root.domain, record.all, mend(record).text
    if end is None and record.redirect is None and not record.faults:
        fix = spf_fix(domain, f"{text} ~all", [record.text])
        yield Finding("spf.all.missing", Severity.WARNING, domain, fix=fix, rfc="RFC 7208 4.7")
    if end is None:
        return
    if record.redirect is not None:
        yield term_finding("spf.redirect.ignored", Severity.WARNING, root, record.redirect, "RFC 7208 6.1")
    if end.qualifier in "+?":
        found, severity = ("plus", Severity.ERROR) if end.qualifier == "+" else ("neutral", Severity.WARNING)
        words = ["~all" if word == end.text else word for word in text.split()]
        fix = spf_fix(domain, " ".join(words), [record.text])
        yield Finding(f"spf.all.{found}", severity, domain, {"term": end.text}, fix, (end.text,), "RFC 7208 5.1")


def judge_answer(root: Node) -> Iterator[Finding]:
    """The DNS answer that the record came in."""
    assert root.record is not None
    size = len(root.record.text)
    whole = (
        HEADER
        + len(root.domain)
        + sum(TXT_OVERHEAD + len(value) + len(value) // 256 + 1 for value in root.values if isinstance(value, bytes))
    )
    if whole > 512:
        yield Finding("spf.size.512", Severity.WARNING, root.domain, {"size": str(whole)}, rfc="RFC 7208 3.4")
    elif size > NEAR_OCTETS:
        yield Finding("spf.size.450", Severity.WARNING, root.domain, {"size": str(size)}, rfc="RFC 7208 3.4")
    if root.canonical not in {"", root.domain}:
        facts = {"name": root.domain, "target": root.canonical}
        yield Finding("spf.cname", Severity.INFO, root.domain, facts, rfc="RFC 1034 3.6.2")
    yield from judge_others(root)


def judge_others(root: Node) -> Iterator[Finding]:
    """TXT records beside the SPF record that look like one."""
    for value in root.values:
        if isinstance(value, bytes) and value.lower().startswith(b"spf2.0/"):
            text = value.decode("latin-1")
            facts, fix = {"wrote": text}, Fix(root.domain, "TXT", "", "", (text,))
            yield Finding("spf.senderid", Severity.INFO, root.domain, facts, fix, (text,), "RFC 6654")

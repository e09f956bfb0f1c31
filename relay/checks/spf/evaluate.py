"""``check_host`` of RFC 7208: does mail from an address pass for a domain? With the way it came to its answer.

Evaluated strictly from left to right, as a receiver does, and asked through a `Resolver`; whoever wants it fast
asks the questions beforehand and in parallel (`relay.checks.spf.tree`) of the same `Asking`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from relay.checks.spf.macro import (
    IN_EXPLANATIONS,
    Ip,
    dotted,
    expand,
    expand_name,
    is_macro_string,
    needs_validated_name,
    reverse_name,
)
from relay.checks.spf.record import Record, Term, parse_record, spf_texts
from relay.net.dns import Lookup, Mx, NoName, Records, Resolver, Unknown, plain_name

MOST_LOOKUPS = 10  # RFC 7208 4.6.4
MOST_VOID = 2  # RFC 7208 4.6.4
MOST_NAMES = 10  # of one mx or ptr term, RFC 7208 4.6.4
RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


@dataclass(frozen=True, slots=True)
class Stop:
    """Evaluation is over: ``permerror`` or ``temperror``, and why (``syntax``, ``lookups``, ``void``, ``none``,
    ``multiple``, ``names``, or what DNS said)."""

    result: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result (RFC 7208 2.6) for one address. ``chain`` is the domains from the one asked about to the one that
    decided; ``term`` is the term at the first of them, ``matched`` the one at the last."""

    result: str
    why: str = ""
    explanation: str | None = None
    lookups: int = 0
    void_lookups: int = 0
    chain: tuple[str, ...] = ()
    term: str = ""
    matched: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the record of one domain says, with the domains and terms that led there and the record's own ``exp``."""

    result: str
    why: str = ""
    path: tuple[tuple[str, str], ...] = ()
    exp: tuple[str, str] | None = None  # domain, domain-spec


@dataclass(slots=True)
class Evaluation:
    """One run of ``check_host`` with its counters."""

    resolver: Resolver
    ip: Ip
    sender: str
    helo: str
    receiver: str = "unknown"
    lookups: int = 0
    void: int = 0

    async def check(self, domain: str) -> Decision:
        """The decision of the record at ``domain``."""
        if not is_domain(domain):
            return Decision("none", "malformed", ((domain, ""),))
        answer = await self.resolver.lookup(domain, "TXT")
        if isinstance(answer, Unknown):
            return Decision("temperror", answer.reason, ((domain, ""),))  # RFC 7208 4.4
        texts = spf_texts(answer.values) if isinstance(answer, Records) else []
        if len(texts) != 1:  # RFC 7208 4.5
            why = "multiple" if texts else "nxdomain" if isinstance(answer, NoName) else "none"
            return Decision("permerror" if texts else "none", why, ((domain, ""),))
        record = parse_record(texts[0])
        if record.faults:  # RFC 7208 4.6: anywhere in the record
            return Decision("permerror", "syntax", ((domain, record.faults[0].text),))
        return await self.terms(domain, record)

    async def terms(self, domain: str, record: Record) -> Decision:
        """Try the mechanisms from left to right, then ``redirect`` (RFC 7208 4.6.2, 6.1)."""
        exp = (domain, record.exp.target) if record.exp else None
        for term in record.mechanisms:
            outcome, below = await self.matches(domain, term)
            if isinstance(outcome, Stop):
                return Decision(outcome.result, outcome.why, ((domain, term.text), *below))
            if outcome:
                return Decision(RESULTS[term.qualifier], "", ((domain, term.text), *below), exp)
        if record.redirect is None or record.all is not None:
            return Decision("neutral", "default", ((domain, ""),), exp)  # RFC 7208 4.7
        if stop := self.counted():
            return Decision(stop.result, stop.why, ((domain, record.redirect.text),))
        target = await self.target(domain, record.redirect)
        found = await self.check(target)
        result = "permerror" if found.result == "none" else found.result  # RFC 7208 6.1
        return Decision(result, found.why, ((domain, record.redirect.text), *found.path), found.exp)

    async def matches(self, domain: str, term: Term) -> tuple[bool | Stop, tuple[tuple[str, str], ...]]:
        """Whether a mechanism matches, with the path inside an include."""
        if term.name == "all":
            return True, ()
        if term.network is not None:
            return self.ip in term.network if self.ip.version == term.network.version else False, ()
        if stop := self.counted():
            return stop, ()
        target = await self.target(domain, term)
        match term.name:
            case "include":
                return await self.included(target)
            case "a":
                return await self.hosts(term, [target], count=True), ()
            case "mx":
                return await self.exchangers(term, target), ()
            case "ptr":
                names = await self.validated_names()
                return any(is_within(name, plain_name(target)) for name in names), ()
            case _:
                answer = self.seen(await self.resolver.lookup(target, "A"))  # RFC 7208 5.7: A, for IPv6 too
                return answer if isinstance(answer, Stop) else bool(answer), ()

    async def included(self, target: str) -> tuple[bool | Stop, tuple[tuple[str, str], ...]]:
        """RFC 7208 5.2: only a pass inside matches."""
        found = await self.check(target)
        if found.result == "temperror":
            return Stop("temperror", found.why), found.path
        if found.result in {"permerror", "none"}:
            return Stop("permerror", found.why), found.path
        return found.result == "pass", found.path

    async def exchangers(self, term: Term, target: str) -> bool | Stop:
        """RFC 7208 5.4: the addresses of the mail exchangers; never those of the name itself."""
        answer = self.seen(await self.resolver.lookup(target, "MX"))
        if isinstance(answer, Stop):
            return answer
        records = sorted((value for value in answer if isinstance(value, Mx)), key=lambda mx: mx.preference)
        if len(records) > MOST_NAMES:
            return Stop("permerror", "names")
        return await self.hosts(term, [mx.exchange for mx in records if mx.exchange], count=False)

    async def hosts(self, term: Term, names: Sequence[str], *, count: bool) -> bool | Stop:
        """Whether one of the names has the address, within the prefix length of its family (RFC 7208 5.3)."""
        answers = await asyncio.gather(*(self.resolver.lookup(name, self.rdtype) for name in names))
        length = term.cidr4 if isinstance(self.ip, IPv4Address) else term.cidr6
        for answer in answers:
            values = self.seen(answer, count=count)
            if isinstance(values, Stop):
                return values
            if any(self.ip in ip_network((str(value), length), strict=False) for value in values):
                return True
        return False

    async def validated_names(self) -> list[str]:
        """The names of the address that lead back to it (RFC 7208 5.5): at most ten; errors are skipped."""
        answer = await self.resolver.lookup(reverse_name(self.ip), "PTR")
        names = [plain_name(str(name)) for name in answer.values] if isinstance(answer, Records) else []
        names = names[:MOST_NAMES]
        answers = await asyncio.gather(*(self.resolver.lookup(name, self.rdtype) for name in names))
        return [
            name
            for name, found in zip(names, answers, strict=True)
            if isinstance(found, Records) and any(ip_address(str(value)) == self.ip for value in found.values)
        ]

    @property
    def rdtype(self) -> str:
        """The type of address records that this address is compared with."""
        return "A" if isinstance(self.ip, IPv4Address) else "AAAA"

    def counted(self) -> Stop | None:
        """Count a term that asks DNS (RFC 7208 4.6.4)."""
        self.lookups += 1
        return Stop("permerror", "lookups") if self.lookups > MOST_LOOKUPS else None

    def seen(self, answer: Lookup, *, count: bool = True) -> Sequence[object] | Stop:
        """The values of an answer; nothing there is a void look-up (RFC 7208 4.6.4), no answer a temporary error."""
        if isinstance(answer, Unknown):
            return Stop("temperror", answer.reason)
        if isinstance(answer, Records):
            return answer.values
        self.void += count
        return Stop("permerror", "void") if self.void > MOST_VOID else ()

    async def target(self, domain: str, term: Term) -> str:
        """The name that a term speaks of (RFC 7208 4.8)."""
        return expand_name(term.target, await self.values(domain, term.target)) if term.target else domain

    async def values(self, domain: str, text: str) -> dict[str, str]:
        """What the macros in ``text`` stand for (RFC 7208 7.2)."""
        local, _, sender_domain = self.sender.rpartition("@")
        return {
            "s": self.sender,
            "l": local,
            "o": sender_domain,
            "d": domain,
            "i": dotted(self.ip),
            "p": await self.best_name(domain) if needs_validated_name(text) else "unknown",
            "v": "in-addr" if isinstance(self.ip, IPv4Address) else "ip6",
            "h": self.helo,
            "c": str(self.ip),
            "r": self.receiver,
            "t": str(int(time.time())),
        }

    async def best_name(self, domain: str) -> str:
        """``%{p}`` (RFC 7208 7.3): the domain itself if validated, else a name below it, else any."""
        names = await self.validated_names()
        best = [name for name in names if name == plain_name(domain)]
        below = [name for name in names if is_within(name, plain_name(domain))]
        return next(iter([*best, *below, *names]), "unknown")

    async def explanation(self, decision: Decision) -> str | None:
        """The domain's own words for a fail (RFC 7208 6.2); None when there are none, or none that are sound."""
        if decision.result != "fail" or decision.exp is None:
            return None
        domain, spec = decision.exp
        answer = await self.resolver.lookup(expand_name(spec, await self.values(domain, spec)), "TXT")
        if not isinstance(answer, Records) or len(answer.values) != 1:
            return None
        text = bytes(answer.values[0]).decode("latin-1")  # type: ignore[arg-type]
        if not text.isascii() or not is_macro_string(text.replace(" ", ""), IN_EXPLANATIONS):
            return None
        return expand(text, await self.values(domain, text))


async def check_host(resolver: Resolver, ip: str | Ip, domain: str, sender: str = "", helo: str = "") -> Verdict:
    """RFC 7208 4. A sender without local part is ``postmaster`` (4.3); without sender it is the HELO identity (2.4)."""
    local, _, at = sender.rpartition("@")
    full = f"{local or 'postmaster'}@{at or domain}"
    if is_literal(domain):
        return Verdict("none", "malformed", chain=(domain,))  # RFC 7208 4.3
    run = Evaluation(resolver, plain_ip(ip), full, helo or domain)
    decision = await run.check(domain.removesuffix("."))
    return Verdict(
        result=decision.result,
        why=decision.why,
        explanation=await run.explanation(decision),
        lookups=min(run.lookups, MOST_LOOKUPS + 1),
        void_lookups=run.void,
        chain=tuple(name for name, _ in decision.path),
        term=decision.path[0][1],
        matched=decision.path[-1][1],
    )


def plain_ip(ip: str | Ip) -> Ip:
    """An address; one of IPv4 that was mapped to IPv6 is IPv4 (RFC 7208 5). Raises ValueError for anything else."""
    read = ip_address(ip) if isinstance(ip, str) else ip
    return read.ipv4_mapped or read if isinstance(read, IPv6Address) else read


def is_domain(name: str) -> bool:
    """True for a name that can be asked for and has more than one label (RFC 7208 4.3)."""
    labels = name.removesuffix(".").split(".")
    return len(labels) > 1 and len(name) <= 254 and all(0 < len(label) <= 63 for label in labels)


def is_literal(domain: str) -> bool:
    """True for an address literal, or what has characters that no host name has."""
    return domain.startswith("[") or not domain.isascii() or any(char <= " " or char in "@\x7f" for char in domain)


def is_within(name: str, domain: str) -> bool:
    """True for the domain itself and names below it."""
    return name == domain or name.endswith(f".{domain}")

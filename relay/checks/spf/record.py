"""An SPF record as terms (RFC 7208 4.5, 4.6, 12): read completely, faults included."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network

from relay.checks.spf.macro import is_domain_spec, is_macro_string
from relay.net.dns import Value

Network = IPv4Network | IPv6Network

VERSION = re.compile(rb"v=spf1(?= |\Z)", re.IGNORECASE)  # RFC 7208 4.5: "v=spf10" is another version
MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*)=(.*)", re.DOTALL)
MECHANISM = re.compile(r"([+\-?~]?)([A-Za-z0-9]+)([:/].*)?", re.DOTALL)
DUAL_CIDR = re.compile(r"(?::(.*?))?(?:/(0|[1-9][0-9]{0,2}))?(?://(0|[1-9][0-9]{0,2}))?", re.DOTALL)
ADDRESS = re.compile(r":([0-9A-Fa-f:.]+)(?:/(0|[1-9][0-9]{0,2}))?")
ASKING_TERMS = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})  # RFC 7208 4.6.4
MECHANISMS = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})


@dataclass(frozen=True, slots=True)
class Term:
    """One term. ``target`` is its domain-spec, empty for the current domain; ``fault`` says what is wrong with it:
    ``unknown``, ``domain``, ``cidr``, ``address``, ``argument``, ``macro``, ``twice``; empty when nothing is."""

    text: str
    name: str
    qualifier: str = "+"
    target: str = ""
    cidr4: int = 32
    cidr6: int = 128
    network: Network | None = None
    modifier: bool = False
    fault: str = ""

    @property
    def asks(self) -> bool:
        """True when it costs a look-up."""
        return self.name in ASKING_TERMS and not self.fault


@dataclass(frozen=True, slots=True)
class Record:
    """A record: its text as published, its terms in order, and the place of its first ``all`` (their number, without
    one): nothing behind it is reached."""

    text: str
    terms: tuple[Term, ...]
    all_at: int

    @property
    def faults(self) -> tuple[Term, ...]:
        """The terms that make the record a permanent error wherever they stand (RFC 7208 4.6)."""
        return tuple(term for term in self.terms if term.fault)

    @property
    def mechanisms(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if not term.modifier)

    @property
    def all(self) -> Term | None:
        """The first ``all``."""
        return self.terms[self.all_at] if self.all_at < len(self.terms) else None

    @property
    def redirect(self) -> Term | None:
        return self.named("redirect")

    @property
    def exp(self) -> Term | None:
        return self.named("exp")

    def named(self, name: str) -> Term | None:
        """The first sound modifier of that name."""
        return next((term for term in self.terms if term.modifier and term.name == name and not term.fault), None)


def spf_texts(values: Sequence[Value]) -> list[bytes]:
    """The SPF records among the TXT records of a name (RFC 7208 4.5)."""
    return [value for value in values if isinstance(value, bytes) and VERSION.match(value)]


@lru_cache(maxsize=64)  # verdict, tree and proposals read the same few
def parse_record(octets: bytes) -> Record:
    """Read a record. Octets beyond ASCII are kept as characters and make their term faulty (RFC 7208 3.1)."""
    text = octets.decode("latin-1")
    seen: set[str] = set()
    terms = []
    for word in text[len("v=spf1") :].split(" "):
        if word:
            term = parse_term(word)
            if term.modifier and term.name in {"exp", "redirect"} and term.name in seen:
                term = faulty(word, term.name, "twice")  # RFC 7208 6
            seen.add(term.name if term.modifier else "")
            terms.append(term)
    ends = (place for place, term in enumerate(terms) if term.name == "all" and not term.fault)
    return Record(text, tuple(terms), next(ends, len(terms)))


def parse_term(text: str) -> Term:
    """Read one term, whatever it is."""
    if modifier := MODIFIER.fullmatch(text):
        return parse_modifier(text, modifier[1].lower(), modifier[2])
    found = MECHANISM.fullmatch(text)
    if found is None or found[2].lower() not in MECHANISMS:
        return faulty(text, found[2].lower() if found else "", "unknown")
    qualifier, name, rest = found[1] or "+", found[2].lower(), found[3] or ""
    if name in {"ip4", "ip6"}:
        return parse_address(text, name, qualifier, rest)
    if name == "all":
        return faulty(text, name, "argument") if rest else Term(text, name, qualifier)
    if name in {"a", "mx"}:
        return parse_host(text, name, qualifier, rest)
    target = rest.removeprefix(":")
    if name == "ptr" and not rest:
        return Term(text, name, qualifier)
    if not rest.startswith(":") or not is_domain_spec(target):
        return faulty(text, name, "domain" if target else "argument")
    return Term(text, name, qualifier, target)


def parse_modifier(text: str, name: str, value: str) -> Term:
    """``redirect=`` and ``exp=`` need a name; others only well-formed macros (RFC 7208 6)."""
    if name in {"redirect", "exp"}:
        return Term(text, name, target=value, modifier=True) if is_domain_spec(value) else faulty(text, name, "domain")
    own = f"{name}="  # "include=x" is a modifier that nobody knows, never the mechanism
    return Term(text, own, target=value, modifier=True) if is_macro_string(value) else faulty(text, own, "macro")


def parse_host(text: str, name: str, qualifier: str, rest: str) -> Term:
    """``a`` and ``mx`` (RFC 7208 5.3, 5.4): an optional name and prefix lengths for both families."""
    found = DUAL_CIDR.fullmatch(rest)
    if found is None:
        return faulty(text, name, "cidr")
    target, cidr4, cidr6 = found[1], int(found[2] or 32), int(found[3] or 128)
    if target is not None and not is_domain_spec(target):
        return faulty(text, name, "domain" if target else "argument")
    if cidr4 > 32 or cidr6 > 128:
        return faulty(text, name, "cidr")
    return Term(text, name, qualifier, target or "", cidr4, cidr6)


def parse_address(text: str, name: str, qualifier: str, rest: str) -> Term:
    """``ip4`` and ``ip6`` (RFC 7208 5.6): complete addresses, prefix lengths without leading zeros."""
    found = ADDRESS.fullmatch(rest)
    if found is None:
        return faulty(text, name, "argument" if rest in {"", ":"} else "address")
    kind, longest = (IPv4Network, 32) if name == "ip4" else (IPv6Network, 128)
    if int(found[2] or 0) > longest:
        return faulty(text, name, "cidr")
    try:
        network = kind((found[1], int(found[2] or longest)), strict=False)
    except ValueError:
        return faulty(text, name, "address")
    return Term(text, name, qualifier, network=network)


def faulty(text: str, name: str, fault: str) -> Term:
    """A term that is wrong."""
    return Term(text, name, fault=fault, modifier=fault == "twice")


def is_inside(network: Network, wider: Network) -> bool:
    """True for a network in another of its family, or the same."""
    return network.prefixlen >= wider.prefixlen and network.network_address in wider

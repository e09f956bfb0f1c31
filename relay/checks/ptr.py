"""``relay check ptr``: the names of sending addresses, and whether they lead back (RFC 1912 2.1); the HELO name.

1. `check_ptr` takes addresses, and names that stand for the addresses they have.
2. `read_back` asks for the PTR records of an address, and for the addresses of every name in them.
3. `judge_address` and `relay.checks.helo` say what is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from relay.checks.address.domain import is_reachable
from relay.checks.asking import Asking
from relay.checks.generic_name import is_generic
from relay.checks.helo import Helo, judge_helo, read_helo
from relay.checks.model import Finding, Fix, Part, Severity
from relay.checks.publish import record_fix
from relay.checks.report import shown
from relay.net.dns import Lookup, Records, Unknown, plain_name

Ip = IPv4Address | IPv6Address

MOST_NAMES = 5  # PTR records of one address that are followed


@dataclass(frozen=True, slots=True)
class Reverse:
    """An address with its PTR records, and what each of their names leads to."""

    ip: Ip
    answer: Lookup
    forward: Mapping[str, Lookup]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the address, in alphabetical order."""
        return tuple(sorted(str(value) for value in self.answer.values)) if isinstance(self.answer, Records) else ()

    @property
    def confirmed(self) -> bool | None:
        """True when one of its names leads back to the address; None where that could not be determined."""
        if any(self.leads_back(name) for name in self.forward):
            return True
        return None if any(isinstance(each, Unknown) for each in (self.answer, *self.forward.values())) else False

    def leads_back(self, name: str) -> bool:
        """True for a name that has this very address."""
        answer = self.forward[name]
        return isinstance(answer, Records) and any(ip_address(str(value)) == self.ip for value in answer.values)

    @property
    def reason(self) -> str:
        """Why nobody could say."""
        unknown = (each.reason for each in (self.answer, *self.forward.values()) if isinstance(each, Unknown))
        return "; ".join(dict.fromkeys(unknown))


async def check_ptr(asking: Asking, targets: Sequence[Ip | str], helo: str = "") -> Part:
    """Ask for the names of addresses and judge them. A target that is a name stands for its own addresses; ``helo`` is
    the name that the server greets with, "" where that is not known."""
    named = [plain_name(target) for target in targets if isinstance(target, str)]
    greeting, *found = await asyncio.gather(read_helo(asking, helo), *(read_helo(asking, name) for name in named))
    ips = [target for target in targets if not isinstance(target, str)]
    ips += [ip for name in found for ip in name.ips]
    seen = await asyncio.gather(*(read_back(asking, ip) for ip in dict.fromkeys(ips)))
    wanted = greeting if greeting.name else next((name for name in found if name.ips), greeting)
    findings = [finding for name in found for finding in judge_name(name)]
    findings += [finding for reverse in seen for finding in judge_address(reverse, wanted)]
    findings += judge_helo(greeting, {reverse.ip: reverse.names for reverse in seen})
    return Part("ptr", ", ".join(str(target) for target in targets), facts_of(seen, greeting), tuple(findings))


async def read_back(asking: Asking, ip: Ip) -> Reverse:
    """The PTR records of an address and the addresses of their names, in its own family."""
    answer = await asking.lookup(ip.reverse_pointer, "PTR")
    names = Reverse(ip, answer, {}).names[:MOST_NAMES]
    family = "A" if ip.version == 4 else "AAAA"
    answers = await asyncio.gather(*(asking.lookup(name, family) for name in names))
    return Reverse(ip, answer, dict(zip(names, answers, strict=True)))


def judge_name(name: Helo) -> Iterator[Finding]:
    """A name that was given in place of addresses, and has none."""
    facts = {"name": name.name, "reason": name.reason}
    if name.reason and not name.ips:
        yield Finding("ptr.unknown", Severity.UNKNOWN, name.name, {"address": name.name, **facts}, rfc="RFC 1912 2.1")
    elif not name.ips:
        yield Finding("ptr.noaddress", Severity.ERROR, name.name, facts, rfc="RFC 1912 2.1")


def judge_address(reverse: Reverse, wanted: Helo) -> Iterator[Finding]:
    """One address. ``wanted`` is the name that it should have, where we know one that leads back."""
    ip, names = reverse.ip, reverse.names
    facts = {"address": str(ip), "reverse": ip.reverse_pointer, "names": ", ".join(names), "reason": reverse.reason}
    found, severity = fault_of(reverse)
    if found:
        yield Finding(found, severity, str(ip), facts, fix_of(reverse, wanted), names, "RFC 1912 2.1")
    generic = [name for name in names if is_generic(name, ip)]
    if generic and len(generic) == len(names):
        facts = {**facts, "names": ", ".join(generic)}
        yield Finding("ptr.generic", Severity.WARNING, str(ip), facts, pointer(reverse, wanted), names, "RFC 1912 2.1")


def fault_of(reverse: Reverse) -> tuple[str, Severity]:
    """What is wrong with the names of an address, and how bad it is; nothing where they lead back."""
    if not is_reachable(str(reverse.ip)):
        return "ptr.private", Severity.WARNING
    if reverse.confirmed is None:
        return "ptr.unknown", Severity.UNKNOWN
    if not reverse.names:
        return ("ptr.none" if reverse.ip.version == 4 else "ipv6.noptr"), Severity.ERROR
    return ("" if reverse.confirmed else "ptr.fcrdns"), Severity.ERROR


def fix_of(reverse: Reverse, wanted: Helo) -> Fix | None:
    """The PTR record to ask for; else, for a name that does not lead back, the address to give it."""
    if not is_reachable(str(reverse.ip)) or reverse.confirmed is None:
        return None
    fix = pointer(reverse, wanted)
    if fix is None and reverse.names:
        return record_fix(reverse.names[0], "A" if reverse.ip.version == 4 else "AAAA", str(reverse.ip))
    return fix


def pointer(reverse: Reverse, wanted: Helo) -> Fix | None:
    """The PTR record, where a name is known that leads to the address."""
    if reverse.ip not in wanted.ips:
        return None
    return record_fix(reverse.ip.reverse_pointer, "PTR", wanted.name, reverse.names)


def facts_of(seen: Sequence[Reverse], helo: Helo) -> dict[str, object]:
    """The names are stable; ``found`` is for people. ``confirmed`` is null where it could not be determined."""
    named = {str(reverse.ip): [*map(shown, reverse.names)] for reverse in seen}
    return {
        "found": ", ".join(f"{ip} {'/'.join(names) or '-'}" for ip, names in named.items()),
        "ptr": named,
        "confirmed": {str(reverse.ip): reverse.confirmed for reverse in seen},
        "helo": shown(helo.name) or None,
    }

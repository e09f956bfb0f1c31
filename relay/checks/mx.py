"""``relay check mx``: can mail for a domain be delivered, and are its mail hosts named as they must be?

1. `check_mx` asks for the MX records, and each authoritative server of the zone for the same (`relay.checks.ns`).
2. `relay.checks.mail_host` asks for both kinds of address of every host at once.
3. `judge_mx` says what is wrong.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from relay.checks.address.domain import is_reachable
from relay.checks.address.mail import Mail
from relay.checks.asking import Asking
from relay.checks.dated import table
from relay.checks.mail_host import MailHost, is_address, look_at, provider_among, provider_of
from relay.checks.model import Finding, Fix, Part, Severity
from relay.checks.ns import ask_each, judge_servers, servers_json
from relay.checks.publish import record_fix, removal
from relay.checks.report import shown
from relay.net.dns import Lookup, Mx, NoData, NoName, Records, Unknown, plain_name

MOST_HOSTS = 10  # looked at, by preference


@dataclass(frozen=True, slots=True)
class Seen:
    """What DNS says of a domain's mail: its MX records, its hosts by preference; the domain itself where there is no MX
    record (``own``, RFC 5321 5.1)."""

    domain: str
    answer: Lookup
    hosts: tuple[MailHost, ...] = ()
    own: MailHost | None = None

    @property
    def exchangers(self) -> tuple[Mx, ...]:
        """All MX records by preference, those of the null MX with an empty name."""
        values = self.answer.values if isinstance(self.answer, Records) else ()
        return tuple(sorted((mx for mx in values if isinstance(mx, Mx)), key=lambda mx: (mx.preference, mx.exchange)))

    @property
    def is_null(self) -> bool:
        """True for a domain that says it takes no mail (RFC 7505 3)."""
        return bool(self.exchangers) and not any(mx.exchange for mx in self.exchangers)


async def check_mx(asking: Asking, domain: str) -> Part:
    """Ask for the mail hosts of a domain and judge them."""
    name = plain_name(domain)
    seen, servers = await asyncio.gather(read_mx(asking, name), ask_each(asking, name, "MX"))
    findings = (*judge_mx(seen), *judge_servers(name, "MX", servers))
    return Part("mx", name, {**facts_of(seen), "servers": servers_json(servers)}, findings)


async def read_mx(asking: Asking, domain: str) -> Seen:
    """The MX records and the addresses of the hosts."""
    seen = Seen(domain, await asking.lookup(domain, "MX"))
    if isinstance(seen.answer, NoData):
        return Seen(domain, seen.answer, (), await look_at(asking, Mx(0, domain)))
    named = [mx for mx in seen.exchangers if mx.exchange][:MOST_HOSTS]
    hosts = await asyncio.gather(*(look_at(asking, mx) for mx in named))
    return Seen(domain, seen.answer, tuple(hosts))


def judge_mx(seen: Seen) -> Iterator[Finding]:
    """All findings about the mail hosts of a domain."""
    match seen.answer:
        case Unknown(reason):
            yield found(seen, "unknown", Severity.UNKNOWN, "RFC 5321 5.1", reason=reason)
        case NoName():
            yield found(seen, "nxdomain", Severity.ERROR, "RFC 5321 5.1")
        case NoData():
            yield from judge_own(seen)
        case Records():
            yield from judge_null(seen)
            works = any(host.mail in {Mail.TAKEN, Mail.UNKNOWN} and not host.is_local for host in seen.hosts)
            for host in seen.hosts:
                yield from judge_host(seen, host, Severity.WARNING if works else Severity.ERROR)
            yield from judge_twice(seen)
            yield from judge_provider(seen)


def judge_own(seen: Seen) -> Iterator[Finding]:
    """No MX record: the domain itself is the mail host, if it has an address (RFC 5321 5.1)."""
    assert seen.own is not None
    if seen.own.mail is Mail.UNKNOWN:
        yield found(seen, "unknown", Severity.UNKNOWN, "RFC 5321 5.1", reason=seen.own.reasons)
    elif seen.own.mail is Mail.NO_HOST:
        yield found(seen, "none", Severity.ERROR, "RFC 5321 5.1")
    else:
        fix = record_fix(seen.domain, "MX", f"10 {seen.domain}")
        yield found(seen, "none.a", Severity.WARNING, "RFC 5321 5.1", fix, addresses=", ".join(seen.own.addresses))
        yield from judge_host(seen, seen.own, Severity.ERROR)


def judge_null(seen: Seen) -> Iterator[Finding]:
    """The null MX: alone, and with preference 0 (RFC 7505 3)."""
    null = [mx for mx in seen.exchangers if not mx.exchange]
    if seen.is_null:
        yield found(seen, "null", Severity.ERROR, "RFC 7505 3")
        if null[0].preference:
            wrote = f"{null[0].preference} ."
            fix = record_fix(seen.domain, "MX", "0 .", [wrote])
            yield found(seen, "null.pref", Severity.WARNING, "RFC 7505 3", fix, wrote=wrote)
    elif null:
        fix = removal(seen.domain, "MX", f"{null[0].preference} .")
        yield found(seen, "null.mixed", Severity.WARNING, "RFC 7505 3", fix)


def judge_host(seen: Seen, host: MailHost, severity: Severity) -> Iterator[Finding]:
    """One mail host; ``severity`` is ERROR where no other takes mail."""
    topic, level, fix = fault_of(seen, host, severity)
    record = f"{host.preference} {host.name}"
    facts = {"host": host.name, "record": record}
    if topic:
        private = ", ".join(each for each in host.addresses if not is_reachable(each))
        more = {"addresses": private, "reason": host.reasons}
        yield found(seen, f"target.{topic}", level, "RFC 5321 5.1", fix, **facts, **more)
    if host.target and host is not seen.own:
        fix = record_fix(seen.domain, "MX", f"{host.preference} {host.target}", [record])
        yield found(seen, "target.cname", Severity.WARNING, "RFC 2181 10.3", fix, **facts, target=host.target)


def fault_of(seen: Seen, host: MailHost, severity: Severity) -> tuple[str, Severity, Fix | None]:
    """What keeps mail from a host: topic, severity, what to publish; no topic where nothing does."""
    if is_address(host.name):
        return "ip", severity, None
    if host.is_local:
        return "localhost", severity, None
    if not all(map(is_reachable, host.addresses)):
        return "private", severity if host.mail is Mail.PRIVATE else Severity.WARNING, None
    if host.mail is Mail.UNKNOWN:
        return "unknown", Severity.UNKNOWN, None
    if host.mail is Mail.NO_HOST:
        return "dead", severity, meant_fix(seen, host)
    return "", severity, None


def meant_fix(seen: Seen, host: MailHost) -> Fix | None:
    """The name that was meant, where the zone's own was put behind it because its final dot was forgotten."""
    name = host.name.removesuffix(f".{seen.domain}")
    is_whole = name == seen.domain or name.endswith(f".{seen.domain}") or provider_of(name) is not None
    if name == host.name or not is_whole:
        return None
    return record_fix(seen.domain, "MX", f"{host.preference} {name}", [f"{host.preference} {host.name}"])


def judge_twice(seen: Seen) -> Iterator[Finding]:
    """A host that is named twice, with two preferences."""
    for name, count in Counter(mx.exchange for mx in seen.exchangers if mx.exchange).items():
        if count > 1:
            wrote = [f"{mx.preference} {name}" for mx in seen.exchangers if mx.exchange == name]
            fix = removal(seen.domain, "MX", wrote[-1])
            yield found(seen, "dup", Severity.INFO, "RFC 5321 5.1", fix, host=name, records=", ".join(wrote))


def judge_provider(seen: Seen) -> Iterator[Finding]:
    """Who runs the mail hosts, where we know."""
    if provider := provider_among(seen.hosts):
        checked = str(table("mail_hosts")["checked"])
        yield found(seen, "provider", Severity.INFO, "", provider=provider, checked=checked)


def found(seen: Seen, topic: str, severity: Severity, rfc: str, fix: Fix | None = None, **facts: str) -> Finding:
    """A finding about the domain, with its MX records as evidence."""
    evidence = tuple(f"{mx.preference} {mx.exchange or '.'}" for mx in seen.exchangers)
    return Finding(f"mx.{topic}", severity, seen.domain, {"name": seen.domain, **facts}, fix, evidence, rfc)


def facts_of(seen: Seen) -> dict[str, object]:
    """The names are stable; ``found`` is for people, ``null_mx`` is null where nobody knows."""
    hosts = [
        {"preference": host.preference, "host": shown(host.name), "addresses": [*map(shown, host.addresses)]}
        for host in seen.hosts
    ]
    return {
        "found": ", ".join(f"{mx.preference} {shown(mx.exchange) or '.'}" for mx in seen.exchangers),
        "mx": hosts,
        "null_mx": None if isinstance(seen.answer, Unknown) else seen.is_null,
        "provider": provider_among(seen.hosts),
    }

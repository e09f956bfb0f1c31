"""The report on one address, from its text and from what is known of its domain and mailbox. Nothing is asked here.

1. `judge_address` reads the text strictly (`relay.checks.address.syntax`); what fails is rejected, with a candidate.
2. Names that no public server answers for are rejected, and domains that DNS says take no mail.
3. A slip of the fingers (`relay.checks.address.typo`) or a lookalike (`relay.checks.address.lookalike`) brings a
   suggestion. Where mail is taken only a known squatter of a mistyped name does. Nothing is ever corrected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from relay.checks.address.known import is_below, squatted_domains
from relay.checks.address.lookalike import imitated, is_mixed
from relay.checks.address.mail import DomainMail, Mail
from relay.checks.address.syntax import cleaned, faults, parse_bare, several
from relay.checks.address.typo import meant_domain
from relay.checks.dated import names
from relay.checks.model import Finding, Severity
from relay.mail.address import Address, AddressError, unicode_domain

# Mail -> the finding, how bad it is, and the section that says so.
NO_MAIL = {
    Mail.NO_NAME: ("addr.domain.nxdomain", Severity.ERROR, "RFC 5321 5.1"),
    Mail.NULL_MX: ("addr.domain.noMail", Severity.ERROR, "RFC 7505 3"),
    Mail.NO_HOST: ("addr.domain.noMail", Severity.ERROR, "RFC 5321 5.1"),
    Mail.PRIVATE: ("addr.domain.noMail", Severity.ERROR, "RFC 5321 5.1"),
    Mail.DEAD_HOST: ("addr.domain.deadHost", Severity.WARNING, "RFC 5321 5.1"),
    Mail.SILENT: ("addr.domain.nosend", Severity.WARNING, "RFC 7208 5"),
    Mail.UNKNOWN: ("addr.domain.unknown", Severity.UNKNOWN, "RFC 5321 4.5.4.1"),
}
NOTHING_ASKED: Mapping[str, DomainMail] = MappingProxyType({})
NONE_BOUNCED: Mapping[str, float] = MappingProxyType({})
VERDICTS = ((Severity.ERROR, "reject"), (Severity.WARNING, "warn"), (Severity.UNKNOWN, "unknown"))


@dataclass(frozen=True, slots=True)
class AddressReport:
    """What is said of one address: ``normalized`` is how to write it (None when it is none), ``suggestion`` what was
    probably meant (None when nobody can tell)."""

    address: str
    normalized: str | None
    suggestion: str | None
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """``ok``, ``warn``, ``reject`` or ``unknown``: the worst of the findings; information changes nothing."""
        severities = {finding.severity for finding in self.findings}
        return next((verdict for severity, verdict in VERDICTS if severity in severities), "ok")


def judge_address(
    text: str,
    mails: Mapping[str, DomainMail] = NOTHING_ASKED,
    bounced: Mapping[str, float] = NONE_BOUNCED,
    *,
    allow_test_domains: bool = False,
) -> AddressReport:
    """The report on one text, from what is known of domains and of mailboxes whose mail came back (by key, and when:
    seconds since the epoch)."""
    try:
        address = parse_bare(text)
    except AddressError:
        return judge_text(text)
    mail = mails.get(address.domain)
    suggestion, suspicions = suspected(address, mail)
    found = (
        *judge_form(address, text),
        *judge_special(address, allowed=allow_test_domains),
        *judge_mail(address, mail),
        *suspicions,
        *judge_bounced(address, bounced.get(address.key)),
        *judge_lists(address),
    )
    return AddressReport(text, str(address), suggestion, found)


def judge_text(text: str) -> AddressReport:
    """The report on text that is no bare addr-spec."""
    candidate = cleaned(text)
    suggestion = offered(candidate) if candidate else None
    facts = {"address": text[:100], "candidate": suggestion or ""}
    found = tuple(
        Finding(
            id, Severity.ERROR, text, facts, evidence=several(text) if id == "addr.list" else (), rfc="RFC 5321 4.1.2"
        )
        for id in faults(text)
    )
    return AddressReport(text, None, suggestion, found)


def offered(candidate: str) -> str | None:
    """The address that a cleaned candidate is, its domain mended too; None when it is none."""
    local, _, domain = candidate.rpartition("@")
    if local and domain and "." not in domain:
        domain = (domain.isascii() and meant_domain(domain.lower())) or domain
    try:
        address = parse_bare(f"{local}@{domain}")
    except AddressError:
        return ending_mended(local, domain.lower())
    return str(replace(address, domain=meant_domain(address.domain) or address.domain))


def ending_mended(local: str, domain: str) -> str | None:
    """The address under the domain that was meant, where what was typed is no domain at all (``gmail.c0m``)."""
    meant = meant_domain(domain) if domain.isascii() else None
    try:
        return str(parse_bare(f"{local}@{meant}")) if meant else None
    except AddressError:
        return None


def judge_form(address: Address, text: str) -> Iterator[Finding]:
    """What is unusual about the form of a valid address."""
    facts = {"address": str(address), "domain": address.domain, "unicode": unicode_domain(address.domain)}
    if not address.local.isascii():
        yield Finding("addr.smtputf8", Severity.WARNING, text, facts, rfc="RFC 6531 3.2")
    if text.startswith('"'):
        yield Finding("addr.quoted", Severity.WARNING, text, facts, rfc="RFC 5321 4.1.2")
    if "xn--" in address.domain:
        yield Finding("addr.idn", Severity.INFO, text, facts, rfc="RFC 5890 2.3.2.1")


def judge_special(address: Address, *, allowed: bool) -> Iterator[Finding]:
    """Names that are for tests, examples and inside use."""
    facts = {"domain": address.domain}
    if is_below(address.domain, names("special_names", "special")):
        severity = Severity.INFO if allowed else Severity.ERROR
        yield Finding("addr.special", severity, str(address), facts, rfc="RFC 6761 6")
    elif is_below(address.domain, names("special_names", "documentation")):
        yield Finding("addr.example", Severity.INFO, str(address), facts, rfc="RFC 2606 3")


def judge_mail(address: Address, mail: DomainMail | None) -> Iterator[Finding]:
    """What DNS says, when it was asked."""
    if mail is not None and mail.mail in NO_MAIL:
        id, severity, rfc = NO_MAIL[mail.mail]
        facts = {"domain": address.domain, "reason": "; ".join(mail.evidence)}
        yield Finding(id, severity, str(address), facts, evidence=mail.evidence, rfc=rfc)


def suspected(address: Address, mail: DomainMail | None) -> tuple[str | None, list[Finding]]:
    """The address that was probably meant instead, and the findings that say so."""
    shown = unicode_domain(address.domain)
    found: list[Finding] = []
    lookalike = imitated(shown)
    if lookalike or any(map(is_mixed, shown.split("."))):
        facts = {"domain": shown, "candidate": lookalike or address.domain}
        found.append(Finding("addr.homograph", Severity.WARNING, str(address), facts, rfc="UTS 39 4"))
    alive = mail is not None and mail.mail is Mail.TAKEN
    if alive and address.domain not in squatted_domains():
        meant = lookalike
    else:
        dead = mail is not None and mail.mail not in {Mail.TAKEN, Mail.SILENT, Mail.UNKNOWN}
        meant = lookalike or meant_domain(address.domain, dead=dead)
    if meant is None:
        return None, found
    suggestion = str(replace(address, domain=meant))
    if not lookalike:
        id = "addr.typo.parked" if alive else "addr.typo"
        facts = {"domain": address.domain, "candidate": suggestion}
        found.append(Finding(id, Severity.WARNING, str(address), facts))
    return suggestion, found


def judge_bounced(address: Address, bounced_at: float | None) -> Iterator[Finding]:
    """What became of earlier mail."""
    if bounced_at is not None:
        facts = {"address": str(address), "day": datetime.fromtimestamp(bounced_at, UTC).date().isoformat()}
        yield Finding("addr.bounced", Severity.ERROR, str(address), facts, rfc="RFC 3463 3.2")


def judge_lists(address: Address) -> Iterator[Finding]:
    """What lists say of the mailbox."""
    facts = {"local": address.local, "domain": address.domain}
    if address.local.lower().partition("+")[0] in names("local_parts", "role"):
        yield Finding("addr.role", Severity.INFO, str(address), facts, rfc="RFC 2142")
    if is_below(address.domain, names("disposable", "disposable", "domains")):
        yield Finding("addr.disposable", Severity.WARNING, str(address), facts)

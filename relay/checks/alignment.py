"""Identifier alignment (RFC 9989 4.4): does what SPF and DKIM vouch for belong to the domain in the From?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto

from relay.checks.address.known import providers
from relay.checks.dmarc.known import Dmarc
from relay.checks.dmarc.walk import Discovery
from relay.checks.model import Finding, Severity
from relay.checks.sending import Mode, Sending
from relay.net.dns import plain_name


class Match(Enum):
    """How an identity stands to the From domain. NEAR: aligned but for ``aspf=s`` or ``adkim=s``. ABSENT: there is no
    such identity."""

    ALIGNED = auto()
    NEAR = auto()
    APART = auto()
    UNKNOWN = auto()
    ABSENT = auto()


def identities(sending: Sending, domain: str) -> tuple[str, ...]:
    """The domains, other than the From's, whose organizational domains decide; none where mail has another From."""
    author = plain_name(sending.from_domain)
    if author != domain:
        return ()
    names = dict.fromkeys(plain_name(name) for name in (sending.mail_from, sending.dkim_domain))
    return tuple(name for name in names if name not in {"", author})


def alignment(sending: Sending, dmarc: Dmarc, walks: Mapping[str, Discovery]) -> tuple[Finding, ...]:
    """What DMARC makes of mail that is sent in this way. ``walks`` has one from each of `identities`; that SPF and
    DKIM pass for their own domains is taken for granted."""
    if plain_name(sending.from_domain) != dmarc.domain:
        return (dmarc.finding("scope", Severity.INFO, "RFC 9989 4.2", author=sending.from_domain),)
    return (*judge_freemail(sending, dmarc), *judge_identities(sending, dmarc, walks))


def judge_freemail(sending: Sending, dmarc: Dmarc) -> Iterator[Finding]:
    """A From at a provider of mailboxes, whose DNS nobody but the provider can change."""
    public = {f"{provider.label}.{suffix}" for provider in providers() for suffix in provider.suffixes}
    if sending.mode is not Mode.REWRITTEN and dmarc.domain in public:
        yield dmarc.finding("freemail_from", Severity.ERROR, "RFC 9989 4.4")


def judge_identities(sending: Sending, dmarc: Dmarc, walks: Mapping[str, Discovery]) -> Iterator[Finding]:
    """One aligned identity is enough; DKIM is the one that survives forwarding."""
    if dmarc.record is None:
        return
    spf = match(sending.mail_from, dmarc, dmarc.record.value("aspf") == "s", walks)
    dkim = match(sending.dkim_domain, dmarc, dmarc.record.value("adkim") == "s", walks)
    if dkim is Match.ALIGNED:
        return
    if Match.UNKNOWN in {spf, dkim}:
        yield dmarc.finding("align.unknown", Severity.UNKNOWN, "RFC 9989 4.10.2")
    elif spf is Match.ALIGNED:
        yield dmarc.finding("spf_only", Severity.WARNING, "RFC 9989 4.4", reverse_path=sending.mail_from)
    else:
        yield from judge_apart(sending, dmarc, spf, dkim)


def match(identity: str, dmarc: Dmarc, is_strict: bool, walks: Mapping[str, Discovery]) -> Match:
    """Strict: the same name; relaxed: the same organizational domain (RFC 9989 4.4.1, 4.4.2)."""
    name = plain_name(identity)
    if name in {"", dmarc.domain}:
        return Match.ALIGNED if name else Match.ABSENT
    ours, theirs = dmarc.discovery.org_domain, walks[name].org_domain
    if ours is None or theirs is None:
        return Match.APART if is_strict else Match.UNKNOWN
    if ours != theirs:
        return Match.APART
    return Match.NEAR if is_strict else Match.ALIGNED


def judge_apart(sending: Sending, dmarc: Dmarc, spf: Match, dkim: Match) -> Iterator[Finding]:
    """Nothing is aligned: the policy is applied to this mail."""
    is_enforced = dmarc.acts_as in {"quarantine", "reject"}
    severity = Severity.ERROR if is_enforced else Severity.WARNING
    if is_enforced:
        yield dmarc.finding("own_from.reject", Severity.ERROR, "RFC 9989 4.4", policy=dmarc.acts_as or "")
    for found, tag, identity in ((spf, "aspf", sending.mail_from), (dkim, "adkim", sending.dkim_domain)):
        if found is Match.NEAR:
            yield dmarc.finding("align.strict", severity, "RFC 9989 4.4", tag=tag, identity=identity)
        elif found is Match.APART:
            topic = "align.spf" if tag == "aspf" else "align.dkim"
            yield dmarc.finding(topic, severity, "RFC 9989 4.4", identity=identity)

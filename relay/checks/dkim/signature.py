"""What the DKIM-Signature fields of a message say of themselves, offline (RFC 6376 3.5); nothing is verified here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from relay.checks.address.known import registrable
from relay.checks.model import Finding, Severity
from relay.checks.tags import TagList, read_tags
from relay.mail.message import Field

NEEDED = ("v", "a", "b", "bh", "d", "h", "s")  # RFC 6376 3.5: the tags that must be there
SHORTEST = 86400  # seconds; a queue may hold mail for days, and a signature that lapses in it is worth nothing
SKEW = 600  # seconds that clocks may differ
DOMAIN = re.compile(rb"@([A-Za-z0-9._-]+)")

Judge = Callable[[TagList, str, float], Iterator[Finding]]


def judge_signatures(fields: Sequence[Field], now: float) -> tuple[Finding, ...]:
    """Findings about every signature of a message, and whether one of them is of the From's domain. ``now`` is in
    seconds since 1970. A message without signatures has none."""
    signatures = [tags_of(field) for field in fields if field.key == "dkim-signature"]
    found = [finding for tags in signatures for finding in judge_signature(tags, now)]
    return (*found, *judge_authors(fields, signatures))


def tags_of(field: Field) -> TagList:
    """The tags of a signature; octets beyond ASCII stay as characters."""
    return read_tags(field.value.decode("latin-1"))


def judge_signature(tags: TagList, now: float) -> Iterator[Finding]:
    """One signature."""
    domain = (tags.value("d") or "").lower()
    missing = [name for name in NEEDED if not tags.value(name)]
    if missing or tags.faults:
        wrong = ", ".join([*(f"{name}=" for name in missing), *tags.faults])
        yield Finding("dkim.sig.syntax", Severity.ERROR, domain, {"domain": domain, "wrong": wrong}, rfc="RFC 6376 3.5")
    for judge in JUDGES:
        yield from judge(tags, domain, now)


def judge_algorithm(tags: TagList, domain: str, _now: float) -> Iterator[Finding]:
    """SHA-1 must not be used (RFC 8301 3.1)."""
    if (tags.value("a") or "").lower().endswith("-sha1"):
        facts = {"name": domain, "algorithm": tags.value("a") or ""}
        yield Finding("dkim.sha1", Severity.ERROR, domain, facts, rfc="RFC 8301 3.1")


def judge_length(tags: TagList, domain: str, _now: float) -> Iterator[Finding]:
    """``l=`` lets anybody add to the body (RFC 6376 8.2)."""
    if (octets := tags.value("l")) is not None:
        facts = {"domain": domain, "octets": octets}
        yield Finding("dkim.sig.length", Severity.WARNING, domain, facts, rfc="RFC 6376 8.2")


def judge_fields(tags: TagList, domain: str, _now: float) -> Iterator[Finding]:
    """From must be signed (RFC 6376 5.4)."""
    if tags.value("h") and "from" not in tags.words("h"):
        yield Finding("dkim.sig.headers", Severity.ERROR, domain, {"domain": domain}, rfc="RFC 6376 5.4")


def judge_lifetime(tags: TagList, domain: str, now: float) -> Iterator[Finding]:
    """``t=`` when it was made, ``x=`` when it lapses (RFC 6376 3.5)."""
    made_at, ends_at = seconds(tags.value("t")), seconds(tags.value("x"))
    if made_at is not None and made_at > now + SKEW:
        facts = {"domain": domain, "seconds": str(round(made_at - now))}
        yield Finding("dkim.sig.future", Severity.WARNING, domain, facts, rfc="RFC 6376 3.5")
    if ends_at is None:
        return
    if ends_at <= now or ends_at <= (made_at or 0):
        yield Finding("dkim.sig.expired", Severity.ERROR, domain, {"domain": domain}, rfc="RFC 6376 3.5")
    elif ends_at - (made_at if made_at is not None else now) < SHORTEST:
        facts = {"domain": domain, "hours": str(round((ends_at - (made_at or now)) / 3600))}
        yield Finding("dkim.sig.lifetime", Severity.WARNING, domain, facts, rfc="RFC 6376 3.5")


def judge_identity(tags: TagList, domain: str, _now: float) -> Iterator[Finding]:
    """``i=`` must be in the domain of ``d=`` or below it (RFC 6376 3.5)."""
    agent = (tags.value("i") or "").rpartition("@")[2].lower()
    if agent and agent != domain and not agent.endswith(f".{domain}"):
        facts = {"domain": domain, "identity": agent}
        yield Finding("dkim.sig.identity", Severity.ERROR, domain, facts, rfc="RFC 6376 3.5")


JUDGES: tuple[Judge, ...] = (judge_algorithm, judge_length, judge_fields, judge_lifetime, judge_identity)


def judge_authors(fields: Sequence[Field], signatures: Sequence[TagList]) -> Iterator[Finding]:
    """Whether a signature is of the From's organisation (RFC 9989 4.4.1), as far as names alone can tell."""
    author = author_domain(fields)
    signing = sorted({(tags.value("d") or "").lower() for tags in signatures} - {""})
    if author and signing and registrable(author) not in {registrable(domain) for domain in signing}:
        facts = {"author": author, "signing": ", ".join(signing)}
        yield Finding("dkim.align", Severity.WARNING, author, facts, rfc="RFC 9989 4.4.1")


def author_domain(fields: Sequence[Field]) -> str:
    """The domain of the last address in the only From; empty where there is none or several."""
    values = [field.value for field in fields if field.key == "from"]
    domains = DOMAIN.findall(values[0]) if len(values) == 1 else []
    return domains[-1].decode("ascii").lower().rstrip(".") if domains else ""


def seconds(text: str | None) -> int | None:
    """A time stamp of at most 12 digits (RFC 6376 3.5); None where it is none."""
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,12}", text) else None

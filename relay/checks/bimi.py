"""``relay check bimi``: the logo that a domain asks to be shown (draft-brand-indicators-for-message-identification).

Informational throughout: a logo never decides whether mail arrives.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from relay.checks.asking import Asking
from relay.checks.dmarc.check import check_dmarc
from relay.checks.model import Finding, Part, Severity
from relay.checks.tags import TagList, read_tags
from relay.net.dns import Lookup, Records, Unknown, plain_name
from relay.net.https import Fault, Fetched, HttpsClient, Unfetched, fetch

VERSION = "v=BIMI1"
RFC = "draft-brand-indicators-for-message-identification"
ENFORCED = frozenset({"quarantine", "reject"})
LARGEST_LOGO = 32 * 1024  # octets
ROOT = re.compile(rb"<svg\b[^>]*>")
ACTIVE = re.compile(rb"<script\b|<!ENTITY|<animate\b|<foreignObject\b|\bhref\s*=\s*[\"'](?!#)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bimi:
    """The answers for one domain. ``place`` is where the record was found, else where it was looked for."""

    domain: str
    place: str
    txt: Lookup
    dmarc: Part
    logo: Fetched | Unfetched | None = None

    @property
    def records(self) -> tuple[str, ...]:
        """The records that count; exactly one may."""
        return bimi_texts(self.txt)

    @property
    def tags(self) -> TagList | None:
        """The tags of the one record."""
        return read_tags(self.records[0]) if len(self.records) == 1 else None


async def check_bimi(asking: Asking, domain: str, selector: str = "default", client: HttpsClient | None = None) -> Part:
    """Ask for the assertion record of a domain and judge it; with ``client`` also fetch the logo."""
    name = plain_name(domain)
    place = f"{selector}._bimi.{name}"
    txt, dmarc = await asyncio.gather(asking.lookup(place, "TXT"), check_dmarc(asking, name))
    above = dmarc.facts.get("org_domain")
    if isinstance(above, str) and above != name and not bimi_texts(txt) and not isinstance(txt, Unknown):
        place = f"{selector}._bimi.{above}"
        txt = await asking.lookup(place, "TXT")
    bimi = Bimi(name, place, txt, dmarc)
    if client and (location := place_of(bimi.tags)):
        target = (location.path or "/") + (f"?{location.query}" if location.query else "")
        bimi = Bimi(name, place, txt, dmarc, await fetch(asking, client, location.hostname or "", target))
    return Part("bimi", name, facts_of(bimi), tuple(judge_bimi(bimi)))


def facts_of(bimi: Bimi) -> dict[str, object]:
    """The names are stable."""
    tags = bimi.tags
    return {
        "record": bimi.records[0] if tags else None,
        "found_at": bimi.place if bimi.records else None,
        "location": tags.value("l") if tags else None,
        "authority": tags.value("a") if tags else None,
    }


def bimi_texts(txt: Lookup) -> tuple[str, ...]:
    """The assertion records of an answer, octets read as latin-1."""
    values = txt.values if isinstance(txt, Records) else ()
    texts = (value.decode("latin-1") for value in values if isinstance(value, bytes))
    return tuple(text for text in texts if text.lower().lstrip().startswith(VERSION.lower()))


def judge_bimi(bimi: Bimi) -> Iterator[Finding]:
    """Everything that can be said from the answers."""
    if isinstance(bimi.txt, Unknown):
        facts = {"name": bimi.place, "reason": bimi.txt.reason}
        yield Finding("bimi.unknown", Severity.UNKNOWN, bimi.domain, facts, rfc=RFC)
    elif not bimi.records:
        yield info(bimi, "none", name=bimi.place)
    elif bimi.tags is None:
        yield info(bimi, "multiple", count=str(len(bimi.records)))
    else:
        yield from judge_record(bimi, bimi.tags)


def judge_record(bimi: Bimi, tags: TagList) -> Iterator[Finding]:
    """The one record, what has to be true beside it, and the logo."""
    faults = tags.faults if tags.tags[:1] == (("v", "BIMI1"),) else (bimi.records[0],)
    yield from (info(bimi, "syntax", wrote=fault) for fault in faults)
    location, authority = tags.value("l"), tags.value("a")
    if location == "" and not authority:
        yield info(bimi, "declined")
        return
    if place_of(tags) is None and not (location == "" and authority):
        yield info(bimi, "location", uri=location or "")
    if not authority:
        yield info(bimi, "vmc")
    elif web_place(authority) is None:
        yield info(bimi, "authority", uri=authority)
    policy = str(bimi.dmarc.facts.get("acts_as") or "none")
    if policy not in ENFORCED and bimi.dmarc.facts.get("valid") is not None:
        yield info(bimi, "dmarc", policy=policy)
    yield from judge_logo(bimi)


def judge_logo(bimi: Bimi) -> Iterator[Finding]:
    """The file: small, in the portable and secure profile, nothing in it that acts or loads."""
    if isinstance(bimi.logo, Unfetched) and bimi.logo.fault is Fault.TOO_LARGE:
        yield info(bimi, "svg.size", size=bimi.logo.detail)
    elif isinstance(bimi.logo, Unfetched):
        severity = Severity.UNKNOWN if bimi.logo.is_undecided else Severity.INFO
        facts = {"reason": f"{bimi.logo.fault} {bimi.logo.detail}".strip()}
        yield Finding("bimi.fetch", severity, bimi.domain, facts, rfc=RFC)
    if not isinstance(bimi.logo, Fetched):
        return
    body = bimi.logo.body
    root = ROOT.search(body)
    if len(body) > LARGEST_LOGO:
        yield info(bimi, "svg.size", size=str(len(body)))
    if root is None or not re.search(rb"""baseProfile\s*=\s*["']tiny-ps["']""", root[0]):
        yield info(bimi, "svg.profile")
    if ACTIVE.search(body):
        yield info(bimi, "svg.active")


def place_of(tags: TagList | None) -> SplitResult | None:
    """Where the logo is; None where that cannot be fetched."""
    return web_place(tags.value("l") or "") if tags else None


def web_place(uri: str) -> SplitResult | None:
    """The parts of an ``https`` URI of visible ASCII at the usual port; None for any other."""
    try:
        parts = urlsplit(uri)
        usual = parts.port in {None, 443}
    except ValueError:
        return None
    visible = all("!" <= char <= "~" for char in uri)
    return parts if visible and usual and parts.scheme == "https" and parts.hostname and not parts.username else None


def info(bimi: Bimi, found: str, **facts: str) -> Finding:
    """A finding that decides nothing."""
    return Finding(f"bimi.{found}", Severity.INFO, bimi.domain, facts, rfc=RFC)

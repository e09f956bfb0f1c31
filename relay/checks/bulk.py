"""What Google, Yahoo and Microsoft ask of bulk senders, held against what the other checks found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from relay.checks.dated import table
from relay.checks.model import Finding, Part, Severity
from relay.checks.sending import Sending

APART = ("dmarc.align.", "dmarc.own_from.")
NONE = "-"
PROVIDERS = ("google", "yahoo", "microsoft")


@dataclass(frozen=True, slots=True)
class Known:
    """What there is; None where nobody knows. ``alignment`` is that of DMARC, ``ptr`` confirmed both ways, ``tls`` that
    mail leaves over TLS."""

    spf: bool | None = None
    dkim: bool | None = None
    dmarc: bool | None = None
    alignment: bool | None = None
    ptr: bool | None = None
    tls: bool | None = None


def bulk(domain: str, known: Known) -> tuple[Finding, ...]:
    """One finding a provider: what is missing, and what could not be told. Only bulk senders are held to it, and what
    is missing is a finding of its own check already, so these are notes."""
    return tuple(judge_provider(domain, name, table("bulk_senders")[name], known) for name in PROVIDERS)


def judge_provider(domain: str, name: str, entry: Mapping[str, Any], known: Known) -> Finding:
    """One provider."""
    have = {rule: getattr(known, rule.lower()) for rule in entry["rules"]}
    missing = [rule for rule, there in have.items() if there is False]
    facts = {key: str(entry[key]) for key in ("threshold", "to", "complaints", "limit", "reply", "since", "checked")}
    facts["rules"] = ", ".join(entry["rules"])
    facts["missing"] = ", ".join(missing) or NONE
    facts["unknown"] = ", ".join(rule for rule, there in have.items() if there is None) or NONE
    return Finding(f"bulk.{name}", Severity.INFO, domain, facts, None, (entry["source"],))


def known_from(parts: Iterable[Part], sending: Sending | None = None) -> Known:
    """What the parts of a report say. Whether mail leaves over TLS none of them knows."""
    by_topic = {part.topic: part for part in parts}
    return Known(
        spf=spf_of(by_topic.get("spf")),
        dkim=dkim_of(by_topic.get("dkim")),
        dmarc=dmarc_of(by_topic.get("dmarc")),
        alignment=alignment_of(by_topic.get("dmarc"), sending),
        ptr=ptr_of(by_topic.get("ptr")),
    )


def ids_of(part: Part) -> set[str]:
    """The ids of its findings."""
    return {finding.id for finding in part.findings}


def spf_of(part: Part | None) -> bool | None:
    """Whether there is a record that receivers accept."""
    if part is None or "spf.temperror" in ids_of(part):
        return None
    return part.facts.get("record") is not None


def dkim_of(part: Part | None) -> bool | None:
    """Whether there is a key. Guesses that find none say nothing."""
    if part is None:
        return None
    selectors = part.facts.get("selectors")
    states = {str(each["state"]) for each in selectors} if isinstance(selectors, list) else set()
    if "found" in states:
        return True
    return None if part.facts.get("guessed") or "unknown" in states else False


def dmarc_of(part: Part | None) -> bool | None:
    """Whether a record holds, with whatever policy."""
    if part is None or (part.facts.get("record") is None and part.facts.get("valid") is None):
        return None
    return part.facts.get("policy") is not None


def alignment_of(part: Part | None, sending: Sending | None) -> bool | None:
    """Whether mail as it is sent is aligned."""
    if part is None or sending is None or not dmarc_of(part) or ids_of(part) & {"dmarc.scope", "dmarc.align.unknown"}:
        return None
    return not any(found.startswith(APART) for found in ids_of(part))


def ptr_of(part: Part | None) -> bool | None:
    """Whether the sending addresses have names that lead back to them."""
    if part is None or any(finding.severity is Severity.UNKNOWN for finding in part.findings):
        return None
    return not ids_of(part) & {"ptr.none", "ptr.fcrdns", "ipv6.noptr"}

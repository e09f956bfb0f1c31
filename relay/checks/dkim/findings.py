"""What is wrong with the keys of a domain: pure, from what DNS said at its selectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from relay.checks.dkim.record import Fault, KeyRecord, cleaned, read_key, read_text
from relay.checks.model import Finding, Fix, Severity
from relay.checks.publish import txt_fix
from relay.net.dns import Lookup, Records, Unknown

LEAST, WANTED, MOST = 1024, 2048, 4096  # RFC 8301 3.2: bits of an RSA key
NOWHERE: Mapping[str, Lookup] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Seen:
    """What DNS said at one selector: its TXT records, where its CNAME leads, the TXT records at names with the zone
    twice, and the record that belongs there, where that is known."""

    selector: str
    name: str
    answer: Lookup
    alias: str = ""
    twice: Mapping[str, Lookup] = field(default_factory=lambda: NOWHERE)
    wanted: str = ""

    @property
    def records(self) -> tuple[KeyRecord, ...]:
        """What stands there."""
        return keys_in(self.answer)

    @property
    def sound(self) -> KeyRecord | None:
        """The only key, where it is one."""
        records = self.records
        return records[0] if len(records) == 1 and records[0].fault is Fault.NONE else None

    @property
    def absence(self) -> str:
        """``none``, or ``unknown`` where nobody could say."""
        return "unknown" if isinstance(self.answer, Unknown) else "none"

    @property
    def fix(self) -> Fix | None:
        """The record that belongs there, in place of what stands there."""
        if not self.wanted:
            return None
        return txt_fix(self.name, self.wanted, [each.text for each in self.records if each.text != self.wanted])

    def finding(self, topic: str, severity: Severity, rfc: str, fix: Fix | None = None, **facts: str) -> Finding:
        """A finding about this selector, with what stands there as evidence."""
        evidence = tuple(record.text for record in self.records)
        return Finding(f"dkim.{topic}", severity, self.name, {"name": self.name, **facts}, fix, evidence, rfc)


def keys_in(answer: Lookup) -> tuple[KeyRecord, ...]:
    """The TXT records of an answer, read as keys."""
    if not isinstance(answer, Records):
        return ()
    return tuple(read_key(value) for value in answer.values if isinstance(value, bytes))


def judge_selector(seen: Seen) -> Iterator[Finding]:
    """A selector that is used, or is meant to be."""
    records = seen.records
    if isinstance(seen.answer, Unknown):
        yield seen.finding("unknown", Severity.UNKNOWN, "RFC 6376 6.1.2", reason=seen.answer.reason)
    elif seen.alias and not is_wanted(seen) and (seen.wanted or not records):
        fix = replace(seen.fix, removes=(f"CNAME {seen.alias}",)) if seen.fix else None
        yield seen.finding("cname.wrong", Severity.ERROR, "RFC 6376 3.6.2", fix, target=seen.alias)
    elif not records:
        yield judge_absence(seen)
    elif len(records) > 1:
        yield judge_several(seen)
    else:
        yield from judge_record(seen, records[0])


def is_wanted(seen: Seen) -> bool:
    """True where our key stands, alone."""
    return seen.sound is not None and seen.sound.octets == read_text(seen.wanted).octets


def judge_absence(seen: Seen) -> Finding:
    """Nothing at the selector; a key may stand at a name to which a panel added the zone once more."""
    for name, answer in seen.twice.items():
        for record in keys_in(answer):
            if record.octets:
                fix = txt_fix(seen.name, seen.wanted or record.text, [f"{name} TXT {record.text}"])
                zone = name.removeprefix(seen.name)
                entry = seen.name.removesuffix(zone)
                found = seen.finding("placed_twice", Severity.ERROR, "RFC 6376 3.6.2.1", fix, wrong=name, entry=entry)
                return replace(found, evidence=(record.text,))
    return seen.finding("none", Severity.ERROR, "RFC 6376 3.6.2", seen.fix)


def judge_several(seen: Seen) -> Finding:
    """More than one record (RFC 6376 3.6.2.2: must be one)."""
    texts = [record.text for record in seen.records]
    sound = {record.octets: record.text for record in reversed(seen.records) if record.fault is Fault.NONE}
    fix = seen.fix
    if fix is None and len(sound) == 1:
        (kept,) = sound.values()
        fix = txt_fix(seen.name, kept, [text for text in texts if text != kept])
    return seen.finding("multiple", Severity.ERROR, "RFC 6376 3.6.2.2", fix, count=str(len(texts)))


def judge_record(seen: Seen, record: KeyRecord) -> Iterator[Finding]:
    """The one record of a selector."""
    if record.fault is not Fault.NONE:
        fix = seen.fix
        if fix is None and (mended := cleaned(record.text)).octets and mended.fault is Fault.NONE:
            fix = txt_fix(seen.name, mended.text, [record.text])
        yield seen.finding(record.fault.value, Severity.ERROR, "RFC 6376 3.6.1", fix, type=record.type)
        return
    if seen.wanted and not is_wanted(seen):
        yield judge_mismatch(seen, record)
        return
    yield from judge_tags(seen, record)


def judge_mismatch(seen: Seen, record: KeyRecord) -> Finding:
    """Another key than the private one."""
    theirs, ours = (each.tags.value("p") or "" for each in (record, read_text(seen.wanted)))
    pairs = zip(theirs, ours, strict=False)
    at = next((place for place, (one, other) in enumerate(pairs, 1) if one != other), min(len(theirs), len(ours)) + 1)
    found = seen.finding("mismatch", Severity.ERROR, "RFC 6376 6.1.3", seen.fix, place=str(at))
    return replace(found, evidence=(f"- p={theirs}", f"+ p={ours}"))


def judge_tags(seen: Seen, record: KeyRecord) -> Iterator[Finding]:
    """What else a sound record says: size of the key, hashes, flags, services."""
    fix = seen.fix or mended_fix(seen, record)
    if record.type == "rsa" and not WANTED <= record.bits <= MOST:
        severity = Severity.ERROR if record.bits < LEAST else Severity.WARNING
        yield seen.finding("keysize", severity, "RFC 8301 3.2", bits=str(record.bits))
    if record.hashes and "sha256" not in record.hashes:
        yield seen.finding("sha1", Severity.ERROR, "RFC 8301 3.1", fix, algorithm=f"h={record.tags.value('h')}")
    if not {"*", "email"} & set(record.services):
        yield seen.finding("service", Severity.ERROR, "RFC 6376 3.6.1", fix, services=":".join(record.services))
    if "y" in record.flags:
        yield seen.finding("test", Severity.WARNING, "RFC 6376 3.6.1", fix)
    if "s" in record.flags:
        yield seen.finding("flags", Severity.INFO, "RFC 6376 3.6.1")


def mended_fix(seen: Seen, record: KeyRecord) -> Fix:
    """The record without what limits it: test mode, other services, hashes that nobody may use."""
    flags = ":".join(flag for flag in record.flags if flag not in {"y", ""})
    drops = {"t"} | ({"h"} if "sha256" not in record.hashes else set())
    drops |= {"s"} if not {"*", "email"} & set(record.services) else set()
    tags = [f"{name}={value}" for name, value in record.tags.tags if name not in drops]
    tags[-1:-1] = [f"t={flags}"] if flags else []
    return txt_fix(seen.name, "; ".join(tags), [record.text])


def judge_types(domain: str, seen: Sequence[Seen], wanted: Iterable[str]) -> Iterator[Finding]:
    """Many receivers do not know Ed25519 yet: sign with RSA too (RFC 8463 3). ``wanted`` are all records of ours."""
    types = {read_text(text).type for text in wanted} | {each.sound.type for each in seen if each.sound}
    if types == {"ed25519"} and not any(isinstance(each.answer, Unknown) for each in seen):
        facts = {"name": domain}
        yield Finding("dkim.ed25519.only", Severity.WARNING, domain, facts, rfc="RFC 8463 3")


def judge_wildcard(domain: str, by_wildcard: Lookup) -> Iterator[Finding]:
    """An answer to a selector that nobody made."""
    if isinstance(by_wildcard, Records):
        texts = tuple(value.decode("latin-1") for value in by_wildcard.values if isinstance(value, bytes))
        yield Finding("dkim.wildcard", Severity.INFO, domain, {"name": domain}, None, texts, "RFC 4592")


def judge_guesses(domain: str, seen: Sequence[Seen]) -> Iterator[Finding]:
    """Selectors that were only tried: nobody knows whether mail uses them, so nothing about them is an error."""
    present = [each for each in seen if each.records]
    for each in present:
        for finding in judge_selector(each):
            if finding.id == "dkim.revoked":
                yield replace(finding, severity=Severity.INFO)
            elif finding.severity is Severity.ERROR:
                yield replace(finding, severity=Severity.WARNING)
            else:
                yield finding
    unknown = [(each.name, each.answer.reason) for each in seen if isinstance(each.answer, Unknown)]
    for name, reason in unknown[:1]:
        yield Finding("dkim.unknown", Severity.UNKNOWN, name, {"name": name, "reason": reason}, rfc="RFC 6376 6.1.2")
    sound = [each.selector for each in present if each.sound]
    found = f" ({', '.join(sound)})" if sound else ""
    facts = {"name": domain, "count": str(len(seen)), "present": str(len(sound)), "found": found}
    yield Finding("dkim.cannot_enumerate", Severity.INFO, domain, facts, rfc="RFC 6376 3.1")

"""What a check says: findings, each with its evidence and, where there is one, the record to publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

NO_FACTS: Mapping[str, str] = MappingProxyType({})


class Severity(StrEnum):
    """ERROR: mail fails or will be refused. UNKNOWN: it could not be determined; never counts as a no."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fix:
    """A record to publish: its full name, type and one-line value, the same as a line of a zone file, and what to
    delete for it."""

    name: str
    type: str
    value: str
    zone: str
    removes: tuple[str, ...] = ()

    @property
    def replaces(self) -> bool:
        """True where it takes the place of a record of its kind, such as the SPF record at its name."""
        return bool(self.removes) and all(kind_of(text) == kind_of(self.value) for text in self.removes)


def kind_of(text: str) -> str:
    """What a text record is by its beginning: ``v=spf1``."""
    return text.replace(";", " ").partition(" ")[0].lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnosis. ``id`` is stable API (``spf.lookups.over``); its sentence is ``check.<id>`` in the locales, filled
    with ``facts``. ``evidence`` is what was seen, as text; ``rfc`` is the section that says so."""

    id: str
    severity: Severity
    subject: str
    facts: Mapping[str, str] = field(default_factory=lambda: NO_FACTS)
    fix: Fix | None = None
    evidence: tuple[str, ...] = ()
    rfc: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one check found about one subject: findings, and the facts that it read, under stable names and fit for
    JSON (``record``, ``policy``). A check of a whole domain has many parts."""

    topic: str
    subject: str
    facts: Mapping[str, object]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found about one subject, how long it took (milliseconds), and how often DNS was asked."""

    subject: str
    findings: tuple[Finding, ...]
    elapsed_ms: int
    queries: int

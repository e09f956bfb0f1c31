"""A DMARC record (RFC 9989 4.7, 4.8): read completely, faults included."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from relay.checks.tags import TagList, read_tags
from relay.net.dns import Value

POLICIES = ("none", "quarantine", "reject")  # the weakest first
POLICY_TAGS = ("p", "sp", "np")
VALUES = {
    **dict.fromkeys(POLICY_TAGS, frozenset(POLICIES)),
    **dict.fromkeys(("adkim", "aspf"), frozenset("rs")),
    "t": frozenset("yn"),
    "psd": frozenset("ynu"),
    "fo": frozenset({"0", "1", "d", "s", "d:s", "s:d"}),
}
REMOVED = ("pct", "rf", "ri")  # RFC 9989 C.4
URI_TAGS = ("rua", "ruf")
KNOWN = (*VALUES, *REMOVED, *URI_TAGS)
VERSION = re.compile(r"v[ \t]*=[ \t]*(?-i:DMARC1)[ \t]*(;|\Z)", re.IGNORECASE)  # RFC 9989 4.8: the value by case
MAILTO = re.compile(r"mailto:(?!/)([^\s!?,;@]+@([A-Za-z0-9.-]+))(![0-9]+[kmgt]?)?(\?.*)?", re.IGNORECASE)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)  # RFC 3986 3.1


class Slip(StrEnum):
    """What is odd about an address for reports."""

    NONE = ""
    SIZE = "size"  # RFC 9989 C.4: a limit of size behind "!" is no longer read
    SCHEME = "http"  # RFC 9989 4.7: only mailto must be supported
    SYNTAX = "syntax"


@dataclass(frozen=True, slots=True)
class Destination:
    """One URI that reports go to, and its domain where it is an address."""

    uri: str
    domain: str
    slip: Slip


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A record as published, and its tags by names in lower case."""

    text: str
    tags: TagList

    def value(self, tag: str) -> str | None:
        """The value of a tag in lower case; None where it is absent or not one that is known (RFC 9989 4.7)."""
        value = (self.tags.value(tag) or "").lower()
        return value if value in VALUES[tag] else None

    @property
    def invalid(self) -> tuple[str, ...]:
        """The tags whose values are not known."""
        return tuple(tag for tag in VALUES if self.tags.value(tag) is not None and self.value(tag) is None)

    @property
    def misread(self) -> bool:
        """True when a policy cannot be read, so that none is applied (RFC 9989 4.10.1)."""
        return bool(set(POLICY_TAGS) & set(self.invalid))

    @property
    def policy(self) -> str:
        """``p=``; absent it is none (RFC 9989 4.7)."""
        return self.value("p") or "none"

    @property
    def is_testing(self) -> bool:
        """``t=y``: what the policy says acts one step lower."""
        return self.value("t") == "y"

    def destinations(self, tag: str) -> tuple[Destination, ...]:
        """Where reports go (``rua``, ``ruf``)."""
        uris = (uri.strip() for uri in (self.tags.value(tag) or "").split(","))
        return tuple(read_destination(uri) for uri in uris if uri)


def read_destination(uri: str) -> Destination:
    """One URI of ``rua`` or ``ruf``."""
    mail = MAILTO.fullmatch(uri)
    if mail is not None:
        return Destination(uri, mail[2].lower().rstrip("."), Slip.SIZE if mail[3] else Slip.NONE)
    is_other = SCHEME.match(uri) and not uri.lower().startswith("mailto:")
    return Destination(uri, "", Slip.SCHEME if is_other else Slip.SYNTAX)


def is_dmarc(text: str) -> bool:
    """True for a record that receivers take as DMARC: the version comes first and is exact (RFC 9989 4.7)."""
    return VERSION.match(text) is not None


def read_dmarc(text: str) -> DmarcRecord:
    """Read a record for which `is_dmarc` holds."""
    return DmarcRecord(text, read_tags(text, any_case=True))


def texts_of(values: Sequence[Value]) -> tuple[str, ...]:
    """TXT records as text, octets read as latin-1."""
    return tuple(value.decode("latin-1") for value in values if isinstance(value, bytes))


def applied_policy(record: DmarcRecord, *, is_own: bool, exists: bool | None) -> str | None:
    """What holds for mail of a name (RFC 9989 4.10.1). ``is_own``: the record is that of the name itself; ``exists``
    None: nobody knows whether the name does. None: no policy, or it depends on what nobody knows."""
    if record.misread:
        reports = any(each.domain for each in record.destinations("rua"))
        return "none" if reports else None
    if is_own:
        return record.policy
    below = record.value("sp") or record.policy
    missing = record.value("np") or below
    if exists is None and below != missing:
        return None
    return missing if exists is False else below

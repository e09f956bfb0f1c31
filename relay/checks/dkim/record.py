"""A DKIM key record (RFC 6376 3.6.1, RFC 8463 4.2): read completely, faults included."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass, replace
from enum import StrEnum

from relay.checks.dkim.der import DerError, rsa_bits
from relay.checks.tags import SPACE, TagList, read_tags

ED25519_OCTETS = 32  # RFC 8463 4.2: the key itself, no DER around it
TYPES = frozenset({"rsa", "ed25519"})
BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
JOINT = re.compile(r'"[ \t]*"')  # where a zone file ends one string and begins the next
STRAY = re.compile(r'[\\"“”„\ufeff]')


class Fault(StrEnum):
    """What keeps a record from being a key."""

    NONE = ""
    REVOKED = "revoked"  # RFC 6376 3.6.1: an empty p=
    TYPE = "keytype"  # RFC 6376 3.6.1: an unknown k= is ignored
    SPLIT = "split"  # quotes or backslashes from a zone file became part of the value
    TRUNCATED = "truncated"  # cut, or one of its strings is missing
    SYNTAX = "syntax"  # anything else, and what is no key record at all


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A record as published, its tags, and the key in it: its octets, and its bits where it is an RSA key."""

    text: str
    tags: TagList
    fault: Fault
    octets: bytes = b""
    bits: int = 0
    type: str = "rsa"

    @property
    def flags(self) -> tuple[str, ...]:
        """``t=``"""
        return self.tags.words("t")

    @property
    def services(self) -> tuple[str, ...]:
        """``s=``"""
        return self.tags.words("s", "*")

    @property
    def hashes(self) -> tuple[str, ...]:
        """``h=``: empty where all are allowed."""
        return self.tags.words("h") if self.tags.value("h") else ()

    @property
    def kind(self) -> str:
        """The type and size, for people: ``rsa 2048``."""
        return f"{self.type} {self.bits}" if self.type == "rsa" else self.type


def read_key(octets: bytes) -> KeyRecord:
    """Read what stands at a selector."""
    record = read_text(octets.decode("latin-1"))
    stray = record.fault in {Fault.SYNTAX, Fault.TYPE} and STRAY.search(octets.decode("utf-8", "replace"))
    return replace(record, fault=Fault.SPLIT) if stray else record


def cleaned(text: str) -> KeyRecord:
    """The record without what a zone file or a word processor put into it."""
    octets = text.encode("latin-1", "replace").decode("utf-8", "replace")
    joined = STRAY.sub("", JOINT.sub("", octets))
    return read_text("".join(char for char in joined if " " <= char <= "~").strip())


def read_text(text: str) -> KeyRecord:
    """Read a record that is text."""
    tags = read_tags(text)
    record = KeyRecord(text, tags, Fault.NONE, type=(tags.value("k") or "rsa").lower())
    if is_foreign(text, tags):
        return replace(record, fault=Fault.SYNTAX)
    if record.type not in TYPES:
        return replace(record, fault=Fault.TYPE)
    value = "".join((tags.value("p") or "").split())  # RFC 6376 3.2: white space in base64 means nothing
    return read_public(record, value) if value else replace(record, fault=Fault.REVOKED)


def is_foreign(text: str, tags: TagList) -> bool:
    """True for what is no key record: a version that is another or stands behind (RFC 6376 3.6.1), no ``p=``."""
    version = tags.value("v")
    first = text.lstrip(SPACE).startswith("v")
    return tags.value("p") is None or bool(tags.faults) or (version is not None and (version != "DKIM1" or not first))


def read_public(record: KeyRecord, value: str) -> KeyRecord:
    """The record with the key in its ``p=``, or with what is wrong with it."""
    if not BASE64.fullmatch(value):
        return replace(record, fault=Fault.SYNTAX)
    bare = value.rstrip("=")
    octets = b64decode(bare[: len(bare) - (len(bare) % 4 == 1)] + "==")  # one character over is half an octet
    if record.type == "ed25519":
        fault = Fault.NONE if len(octets) == ED25519_OCTETS else Fault.TRUNCATED
        return replace(record, fault=fault, octets=octets, bits=8 * ED25519_OCTETS)
    try:
        return replace(record, octets=octets, bits=rsa_bits(octets))
    except DerError:
        return replace(record, fault=Fault.SYNTAX if len(octets) == ED25519_OCTETS else Fault.TRUNCATED)

"""What a client asks to be told about a delivery (RFC 3461), read strictly and carried as it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from relay.mail.path import PathError

XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")  # RFC 3461 4
ORCPT = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?;{XTEXT.pattern}")
HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
LONGEST_ENVID = 100  # RFC 3461 4.4
LONGEST_ORCPT = 500  # RFC 3461 4.2
EVENTS = frozenset({"SUCCESS", "FAILURE", "DELAY"})
NEVER = "NEVER"


@dataclass(frozen=True, slots=True)
class Wish:
    """What one recipient's NOTIFY and ORCPT asked for; both may be empty, which means: failures, and nothing more."""

    notify: str = ""
    orcpt: str = ""


NO_WISH = Wish()
SILENT = Wish(NEVER)


def wants(notify: str, event: str) -> bool:
    """True when a report about an event (SUCCESS, FAILURE, DELAY) is wanted (RFC 3461 4.1)."""
    return event in notify.split(",") if notify else event != "SUCCESS"


def read_notify(value: str | None) -> str:
    """NOTIFY (RFC 3461 4.1): NEVER alone, or a list. Raises `PathError`."""
    words = (value or "").upper().split(",")
    if words == [NEVER] or (words and EVENTS.issuperset(words) and len(set(words)) == len(words)):
        return ",".join(words)
    raise PathError(501, "5.5.4", "NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY")


def read_orcpt(value: str | None) -> str:
    """ORCPT (RFC 3461 4.2): an address type, a semicolon and xtext. Raises `PathError`."""
    if value and len(value) <= LONGEST_ORCPT and ORCPT.fullmatch(value):
        return value
    raise PathError(501, "5.5.4", "ORCPT is an address type, a semicolon and the address as xtext")


def read_envid(value: str | None) -> str:
    """ENVID (RFC 3461 4.4): xtext of at most 100 characters. Raises `PathError`."""
    if value and len(value) <= LONGEST_ENVID and XTEXT.fullmatch(value):
        return value
    raise PathError(501, "5.5.4", "ENVID is up to 100 characters of xtext")


def read_ret(value: str | None) -> str:
    """RET (RFC 3461 4.3): FULL or HDRS. Raises `PathError`."""
    if (value or "").upper() in {"FULL", "HDRS"}:
        return (value or "").upper()
    raise PathError(501, "5.5.4", "RET is FULL or HDRS")


def decoded(xtext: str) -> str:
    """The text behind xtext, one character an octet (RFC 3461 4)."""
    return HEXCHAR.sub(lambda match: chr(int(match[1], 16)), xtext)

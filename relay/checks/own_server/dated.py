"""The dated data about providers: who they are, what their replies mean. Read once, and checked while it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

from relay.checks.dated import table
from relay.checks.own_server.seen import Said


class Cause(StrEnum):
    """Why a login or an envelope was refused; the first words name a switch of Microsoft's or Google's."""

    TENANT = "tenant"
    MAILBOX = "mailbox"
    DEFAULTS = "defaults"
    CRITERIA = "criteria"
    BASIC = "basic"
    GATES = "gates"
    ANONYMOUS = "anonymous"
    RETIRED = "retired"
    CONNECTOR = "connector"
    APP = "app"
    BROWSER = "browser"
    GOOGLE = "google"
    LOCKED = "locked"
    PASSWORD = "password"  # noqa: S105 - the name of a cause
    WEAK = "weak"
    DENIED = "denied"
    RELAY = "relay"
    LOGIN = "login"
    REFUSED = "refused"
    TEMPORARY = "temporary"


MICROSOFT = frozenset(
    {Cause.TENANT, Cause.MAILBOX, Cause.DEFAULTS, Cause.CRITERIA, Cause.BASIC, Cause.GATES, Cause.ANONYMOUS}
    | {Cause.RETIRED, Cause.CONNECTOR}
)


class SignIn(StrEnum):
    """How one signs in at a provider."""

    MAILBOX = "mailbox_password"
    MAIL = "mail_password"
    APP = "app_password"
    APP_2FA = "app_password_2fa"
    TOKEN = "token"  # noqa: S105 - the name of a way
    ADDRESS = "address"
    OAUTH = "oauth"
    GOOGLE = "google"
    MICROSOFT = "microsoft"


class Note(StrEnum):
    """What else matters at a provider."""

    OWN_FROM = "own_from"
    SEND_AS = "send_as"
    PLATFORM_ADDRESS = "platform_address"
    GOOGLE_FROM = "google_from"
    WORKSPACE = "workspace"
    REGION = "region"
    LOCKED = "locked"
    CERTIFICATE_NAME = "certificate_name"
    ACCESS = "access"
    OWN_DOMAIN = "own_domain"


class Stage(StrEnum):
    """How far a provider is with switching passwords off."""

    UNCHANGED = "unchanged"
    OFF = "off"
    ENDING = "ending"


class Tls(StrEnum):
    """How TLS begins."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class Confidence(StrEnum):
    """A: the vendor's own or ISPDB data. B: several sources. C: weak."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True)
class Known:
    """What a reply with these words (in lower case), and one of these codes, if there are any, means."""

    cause: Cause
    words: tuple[str, ...]
    codes: tuple[int, ...]
    source: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider with its server. ``hosts``, ``domains`` and ``mx`` are patterns; ``server`` may have placeholders."""

    name: str
    hosts: tuple[str, ...]
    domains: tuple[str, ...]
    mx: tuple[str, ...]
    server: str
    port: int
    tls: Tls
    sign_in: SignIn
    notes: tuple[Note, ...]
    stages: str
    source: str
    confidence: Confidence
    checked_on: date


@cache
def replies(to: str = "provider") -> tuple[Known, ...]:
    """Replies that are known, to a login (``provider``) or to MAIL and RCPT (``envelope``); the specific ones first."""
    return tuple(
        Known(
            Cause(row["cause"]),
            tuple(word.lower() for word in row["words"]),
            tuple(row.get("codes", ())),
            row["source"],
            Confidence(row["confidence"]),
        )
        for row in table(f"{to}_replies")["reply"]
    )


@cache
def providers() -> tuple[Provider, ...]:
    """Providers that are known."""
    data = table("providers")
    return tuple(
        Provider(
            name=row["name"],
            hosts=tuple(row.get("hosts", ())),
            domains=tuple(row.get("domains", ())),
            mx=tuple(row.get("mx", ())),
            server=row["server"],
            port=row["port"],
            tls=Tls(row["tls"]),
            sign_in=SignIn(row["sign_in"]),
            notes=tuple(Note(note) for note in row.get("notes", ())),
            stages=row.get("stages", ""),
            source=row["source"],
            confidence=Confidence(row["confidence"]),
            checked_on=row.get("checked_on", data["checked_on"]),
        )
        for row in data["provider"]
    )


def stage_on(day: date, of: str) -> tuple[Stage, date | None] | None:
    """The stage that holds on a day, and its last day; None for a provider without stages."""
    rows = (row for row in table("providers")["stage"] if row["of"] == of)
    return next(((Stage(row["name"]), row.get("until")) for row in rows if day <= row.get("until", day)), None)


def cause_of(reply: Said, to: str = "provider") -> Cause:
    """What a refusal means; ``to`` as in `replies`."""
    if reply.code < 500:
        return Cause.TEMPORARY  # RFC 5321 4.2.1: 4xx; also no reply at all
    text = reply.line.lower()
    for known in replies(to):
        if (not known.codes or reply.code in known.codes) and all(word in text for word in known.words):
            return known.cause
    return Cause.REFUSED


@cache
def pattern(text: str) -> re.Pattern[str]:
    """A pattern of names: ``*.`` first is anything before, ``.*`` last an ending such as ``nl`` or ``co.uk``."""
    begins, ends = text.startswith("*."), text.endswith(".*")
    middle = text[2 if begins else 0 : -2 if ends else None]
    return re.compile(
        (r"(?:.+\.)?" if begins else "")
        + re.escape(middle).replace(r"\*", "[^.]*")
        + (r"\.(?:com?\.)?[a-z]{2,}" if ends else "")
    )


def fits(name: str, patterns: tuple[str, ...]) -> bool:
    """True where a name is one of those meant by the patterns."""
    return any(pattern(text).fullmatch(name.lower().rstrip(".")) for text in patterns)

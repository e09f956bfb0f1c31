"""Document types (rules F): what a message is, whom that type reaches, and what must stay inside the company.

1. `document_of`: the type that the app names, else the one whose pattern fits, else the default.
2. `address_document`: whom it goes to, in the envelope and in the header, or why it may not go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from relay.mail.reply import Refusal, printable
from relay.mail.text import decode_unstructured

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.message import Message

DOCUMENT_FIELD = "x-relay-document"


class Guard(StrEnum):
    """Whether a type stays inside: OFF: no. REFUSE: mail of this type to any but the fixed addresses is refused.
    REDIRECT: it goes to the fixed addresses instead of those that were given."""

    OFF = "off"
    REFUSE = "refuse"
    REDIRECT = "redirect"


BUILT_IN: Mapping[str, Guard] = {
    "invoice": Guard.OFF,
    "quote": Guard.OFF,
    "confirmation": Guard.OFF,
    "packing-slip": Guard.REFUSE,
    "work-order": Guard.REFUSE,
}


class Unticked(StrEnum):
    """What becomes of a recipient whose card does not tick the type: the message is REFUSEd, or goes to the others
    only (SKIP)."""

    REFUSE = "refuse"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a tenant set for a type: further visible and blind recipients, which for a guarded type are the only ones.
    ``guard`` None: as the type has it."""

    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A message whose subject, or the name of an attachment, fits ``text`` (``*`` any text, ``?`` one character,
    whatever the case) is of this type."""

    place: str  # subject | attachment
    text: str
    document: str


@dataclass(frozen=True, slots=True)
class Card:
    """A customer card: which types a recipient gets (None: all), and who gets them as well."""

    documents: frozenset[str] | None = None
    also_to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Handling:
    """What a tenant chose: rules by type, patterns in order, cards by `Address.key`, where copies go, and whether its
    own server sends."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    patterns: tuple[Pattern, ...] = ()
    cards: Mapping[str, Card] = field(default_factory=dict)
    unticked: Unticked = Unticked.REFUSE
    copy_to: Address | None = None
    own_server: bool = False


@dataclass(frozen=True, slots=True)
class Addressed:
    """Whom a message goes to. ``to`` and ``cc`` belong in the header, in place of what is there when ``redirected``;
    ``skipped`` were given but do not get this type; ``copy_to`` gets the tenant's own copy if it is verified."""

    forward_paths: tuple[Address, ...]
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    redirected: bool = False
    skipped: tuple[Address, ...] = ()
    copy_to: Address | None = None


def document_of(
    message: Message,
    known: Mapping[str, Guard],
    default: str,
    patterns: Sequence[Pattern] = (),
    attachments: Callable[[], Iterable[str]] = tuple,
) -> str | Refusal:
    """The type of a message: a key of ``known``, or the refusal of one that is not. ``attachments`` gives the names of
    the attachments, and is asked only where a pattern wants them."""
    named = message.first(DOCUMENT_FIELD)
    if named is None:
        return fitting(message, patterns, attachments) or default
    document = named.value.decode("ascii", "replace").strip().lower()
    if document in known:
        return document
    sample = printable(document)[:80]
    return Refusal(550, "5.6.0", "document.unknown", {"document": sample, "known": ", ".join(known)})


def fitting(message: Message, patterns: Sequence[Pattern], attachments: Callable[[], Iterable[str]]) -> str | None:
    """The type of the first pattern that fits."""
    subject = message.first("subject")
    places = {"subject": [decode_unstructured(subject.value)] if subject else []}
    for pattern in patterns:
        if pattern.place not in places:
            places[pattern.place] = list(attachments())
        if any(fnmatchcase(text.casefold(), pattern.text.casefold()) for text in places[pattern.place]):
            return pattern.document
    return None


def address_document(document: str, guard: Guard, given: Sequence[Address], handling: Handling) -> Addressed | Refusal:
    """Whom a message of this type goes to, or why it may not go; ``guard`` is that of the type."""
    rule = handling.rules.get(document, Rule())
    guard = rule.guard or guard
    if guard is not Guard.OFF:
        return stays_inside(document, guard, given, rule)
    skipped = tuple(path for path in given if not is_ticked(document, path, handling))
    if skipped and (handling.unticked is Unticked.REFUSE or len(skipped) == len(given)):
        params = {"document": document, "address": printable(str(skipped[0]))}
        return Refusal(550, "5.7.1", "document.unticked", params)
    reached = [path for path in given if path not in skipped]
    cards = [handling.cards[path.key] for path in reached if path.key in handling.cards]
    to = (*rule.to, *(address for card in cards for address in card.also_to))
    cc = (*rule.cc, *(address for card in cards for address in card.cc))
    paths = distinct((*reached, *to, *cc, *rule.bcc))
    return Addressed(paths, distinct(to), distinct(cc), skipped=skipped, copy_to=handling.copy_to)


def stays_inside(document: str, guard: Guard, given: Sequence[Address], rule: Rule) -> Addressed | Refusal:
    """A guarded type goes to the fixed addresses and to no other, whatever was given."""
    fixed = distinct((*rule.to, *rule.cc, *rule.bcc))
    if not fixed:
        return Refusal(550, "5.7.1", "document.internal_only", {"document": document})
    inside = {address.key for address in fixed}
    outside = [path for path in given if path.key not in inside]
    if outside and guard is Guard.REFUSE:
        params = {"document": document, "address": printable(str(outside[0]))}
        return Refusal(550, "5.7.1", "document.outside", params)
    return Addressed(fixed, rule.to, rule.cc, redirected=guard is Guard.REDIRECT)


def is_ticked(document: str, path: Address, handling: Handling) -> bool:
    """True when a recipient gets this type: no card, a card for all types, or one that names it."""
    card = handling.cards.get(path.key)
    return card is None or card.documents is None or document in card.documents


def distinct(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Each address once, as it came first."""
    return tuple({address.key: address for address in reversed(tuple(addresses))}.values())[::-1]

"""Mailboxes in header fields: lenient about names, because they are written anew; strict about addresses (rule A).

The grammar is RFC 5322 3.4 with the obsolete forms of its section 4.4 that do no harm: dots in a name, a route before
an address, empty places in a list. Nothing is guessed about an address: no space, comment or fold inside of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from relay.mail.address import Address, AddressError, make_address
from relay.mail.lexer import CFWS, LONGEST_VALUE, Tokens, content, lex
from relay.mail.text import decode_raw

if TYPE_CHECKING:
    from relay.mail.message import Message

# Over the kinds of tokens, see `relay.mail.lexer.Tokens`.
PHRASE = re.compile(r"[aeq.c ]*")  # RFC 5322 4.1 obs-phrase
ROUTE = re.compile(r"@[@al.,c ]*:")  # RFC 5322 4.4 obs-route
MOST_MAILBOXES = 50  # of one message in all its Reply-To fields; each costs a look at the table of senders
ADDR_SPEC = re.compile(r"([^@c ]+)[c ]*@[c ]*([^@c ]+)")  # RFC 5322 3.4.1; its halves are checked apart


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name before it. ``name`` is as typed, without quotes but with its encoded words; clean it
    before it is shown or printed (`relay.mail.name.clean_name`)."""

    name: str
    address: Address


@lru_cache(256)  # asked twice for a message, and most come from the same few authors
def parse_from(value: bytes, *, smtputf8: bool = False) -> tuple[Mailbox, bool]:
    """The one mailbox of a From field, and whether it had to be repaired (rules A2, A3). Raises `AddressError`."""
    tokens = lex(value)
    try:
        return parse_mailbox(tokens, smtputf8=smtputf8), False
    except AddressError as error:
        return repaired(tokens.visible(), error, smtputf8=smtputf8), True


def repaired(tokens: Tokens, error: AddressError, *, smtputf8: bool) -> Mailbox:
    """The mailbox of a field whose only fault is the name (rule A3); else raises what is wrong with it."""
    kinds = tokens.kinds
    if kinds.count("<") == kinds.count(">") == 1 and kinds.endswith(">"):
        name = tokens.part(0, kinds.index("<"))
        before = name.source
        if not (":" in before or ";" in before or ("," in before and "@" in before)):
            return Mailbox(phrase(name), angle_address(tokens, smtputf8=smtputf8))
    if ":" in kinds and ";" in kinds:
        raise AddressError("from.group", tokens.source)  # RFC 6854 allows it; rule A2 does not
    if "," in kinds:
        raise AddressError("from.multiple", tokens.source)
    raise error


def parse_mailboxes(value: bytes, *, smtputf8: bool = False) -> list[Mailbox]:
    """The mailboxes of an address list, its groups flattened (RFC 5322 3.4). Raises `AddressError`; repairs nothing."""
    items = split_list(lex(value))
    if len(items) > MOST_MAILBOXES:
        raise AddressError("address.too_many")
    return [parse_mailbox(item, smtputf8=smtputf8) for item in items]


def reply_to_mailboxes(message: Message, *, smtputf8: bool = False) -> list[Mailbox]:
    """The mailboxes of all Reply-To fields, in order (rule C2). Raises `AddressError`.

    The bounds on one field hold for all of them together.
    """
    values = [field.value for field in message.all("reply-to")]
    if sum(map(len, values)) > LONGEST_VALUE:
        raise AddressError("address.too_many")
    found: list[Mailbox] = []
    for value in values:
        found += parse_mailboxes(value, smtputf8=smtputf8)
        if len(found) > MOST_MAILBOXES:
            raise AddressError("address.too_many")
    return found


def split_list(tokens: Tokens) -> list[Tokens]:
    """The mailboxes of a list, each with its tokens; empty places are dropped (RFC 5322 4.4 obs-addr-list)."""
    items: list[Tokens] = []
    start = 0
    in_group = in_angle = ended = False
    for place, kind in enumerate(tokens.kinds + ","):
        in_angle = kind == "<" or (in_angle and kind != ">" and place < len(tokens.kinds))
        if in_angle or (ended and kind in CFWS):
            continue
        if kind == ":" and not in_group and is_group_name(tokens.kinds[start:place]):
            start, in_group = place + 1, True
        elif kind == "," or (kind == ";" and in_group):
            items.append(tokens.part(start, place))
            start, ended = place + 1, kind == ";"
            in_group = in_group and not ended
        elif ended:
            raise AddressError("address.trailing", tokens.source)  # a group and no comma after it
    if in_group:
        raise AddressError("address.group", tokens.source)
    return [item for item in items if item.kinds.strip(CFWS)]


def is_group_name(kinds: str) -> bool:
    """True for the kinds of tokens that may stand before the colon of a group."""
    return bool(kinds.strip(CFWS)) and PHRASE.fullmatch(kinds) is not None


def parse_mailbox(tokens: Tokens, *, smtputf8: bool = False) -> Mailbox:
    """The mailbox that the tokens are: ``name <address>``, ``<address>`` or an address alone. Raises `AddressError`."""
    opened, closed = tokens.kinds.find("<"), tokens.kinds.find(">")
    if opened < 0:
        return Mailbox(comments(tokens), bare_address(tokens, smtputf8=smtputf8))
    if closed < opened:
        raise AddressError("address.phrase" if closed >= 0 else "address.unclosed", tokens.source)
    if tokens.kinds[closed + 1 :].strip(CFWS):
        raise AddressError("address.trailing", tokens.source)
    name = tokens.part(0, opened)
    if not PHRASE.fullmatch(name.kinds):
        raise AddressError("address.phrase", tokens.source)
    address = angle_address(tokens.part(0, closed + 1), smtputf8=smtputf8)
    return Mailbox(phrase(name) or comments(tokens), address)


def phrase(tokens: Tokens) -> str:
    """The name that tokens say: quotes taken off, comments left out, white space kept where it was."""
    parts = [" " if kind in CFWS else content(kind, text) for kind, text in zip(*tokens, strict=True)]
    return as_name("".join(parts).strip())


def comments(tokens: Tokens) -> str:
    """What the comments say: the name in the old style ``address (name)``."""
    if "c" not in tokens.kinds:
        return ""
    return as_name(" ".join(content(kind, text) for kind, text in zip(*tokens, strict=True) if kind == "c"))


def as_name(text: str) -> str:
    """Text of a name; its octets were read as latin-1 so far."""
    return text if text.isascii() else decode_raw(text.encode("latin-1"))


def angle_address(tokens: Tokens, *, smtputf8: bool) -> Address:
    """The address between ``<`` and the ``>`` at the end, a route before it left out. Raises `AddressError`."""
    inside = tokens.part(tokens.kinds.index("<") + 1, -1).visible()
    route = ROUTE.match(inside.kinds)
    return bare_address(inside.part(route.end()) if route else inside, smtputf8=smtputf8)


def bare_address(tokens: Tokens, *, smtputf8: bool) -> Address:
    """The addr-spec that tokens are (RFC 5322 3.4.1); comments and white space around its halves are left out."""
    tokens = tokens.visible()
    matched = ADDR_SPEC.fullmatch(tokens.kinds)
    if matched is None:
        raise AddressError(address_fault(tokens.kinds), tokens.source)
    if "e" in tokens.kinds:
        raise AddressError("address.encoded_word", tokens.source)  # RFC 2047 5
    local, domain = ("".join(tokens.texts[slice(*matched.span(half))]) for half in (1, 2))
    return make_address(as_utf8(local, smtputf8=smtputf8), as_utf8(domain), smtputf8=smtputf8)


def address_fault(kinds: str) -> str:
    """Why tokens of these kinds are no addr-spec."""
    if not kinds:
        return "address.empty"
    local, at, domain = kinds.partition("@")
    if ";" in kinds:
        return "address.semicolon"
    if not at:
        return "address.no_at"
    if "@" in domain or not local.strip(CFWS) or any(kind in CFWS for kind in local.strip(CFWS)):
        return "address.local"
    return "address.trailing" if domain.strip(CFWS) else "address.domain"


def as_utf8(text: str, *, smtputf8: bool = True) -> str:
    """The text of half an address. Outside of ASCII it must be UTF-8 (RFC 6532 3.1): nothing is guessed here."""
    try:
        return text if text.isascii() else text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        if smtputf8:
            raise AddressError("address.charset", text) from None
        return text  # refused for want of SMTPUTF8 in any case

"""Mailboxes in header fields: lenient about names, because they are written anew; strict about addresses (rule A).

The grammar is RFC 5322 3.4 with the obsolete forms of its section 4.4 that do no harm: dots in a name, a route before
an address, empty places in a list. Nothing is guessed about an address: no space, comment or fold inside of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from relay.mail.address import Address, AddressError, make_address
from relay.mail.lexer import Token, lex, source, visible
from relay.mail.text import decode_raw

PHRASE = frozenset({"atom", "encoded", "quoted", ".", "space", "comment"})  # RFC 5322 4.1 obs-phrase
ROUTE = frozenset({"@", "atom", ".", "literal", ",", "space", "comment"})  # RFC 5322 4.4 obs-route


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name before it. ``name`` is as typed, without quotes but with its encoded words; clean it
    before it is shown or printed (`relay.mail.name.clean_name`)."""

    name: str
    address: Address


def parse_from(value: bytes, *, smtputf8: bool = False) -> tuple[Mailbox, bool]:
    """The one mailbox of a From field, and whether it had to be repaired (rules A2, A3). Raises `AddressError`."""
    tokens = lex(value)
    try:
        return parse_mailbox(tokens, smtputf8=smtputf8), False
    except AddressError as error:
        return repaired(tokens, error, smtputf8=smtputf8), True


def repaired(tokens: list[Token], error: AddressError, *, smtputf8: bool) -> Mailbox:
    """The mailbox of a field whose only fault is the name (rule A3); else raises what is wrong with it."""
    kinds = [token.kind for token in visible(tokens)]
    if kinds.count("<") == kinds.count(">") == 1 and kinds[-1] == ">":
        opened = next(place for place, token in enumerate(tokens) if token.kind == "<")
        name, before = tokens[:opened], source(tokens[:opened])
        if not (":" in before or ";" in before or ("," in before and "@" in before)):
            return Mailbox(phrase(name), angle_address(visible(tokens)[:-1], smtputf8=smtputf8))
    if ":" in kinds and ";" in kinds:
        raise AddressError("from.group", source(tokens))  # RFC 6854 allows it; rule A2 does not
    if "," in kinds:
        raise AddressError("from.multiple", source(tokens))
    raise error


def parse_mailboxes(value: bytes, *, smtputf8: bool = False) -> list[Mailbox]:
    """The mailboxes of an address list, its groups flattened (RFC 5322 3.4). Raises `AddressError`; repairs nothing."""
    return [parse_mailbox(item, smtputf8=smtputf8) for item in split_list(lex(value))]


def split_list(tokens: list[Token]) -> list[list[Token]]:
    """The mailboxes of a list, each with its tokens; empty places are dropped (RFC 5322 4.4 obs-addr-list)."""
    items: list[list[Token]] = [[]]
    in_group = in_angle = ended = False
    for token in tokens:
        in_angle = token.kind == "<" or (in_angle and token.kind != ">")
        if in_angle:
            items[-1].append(token)
        elif token.kind == ",":
            items.append([])
            ended = False
        elif token.kind == ":" and not in_group and is_group_name(items[-1]):
            items[-1] = []
            in_group = True
        elif token.kind == ";" and in_group:
            items.append([])
            in_group, ended = False, True
        elif ended and not token.invisible:
            raise AddressError("address.trailing", source(tokens))  # a group and no comma after it
        else:
            items[-1].append(token)
    if in_group:
        raise AddressError("address.group", source(tokens))
    return [item for item in items if visible(item)]


def is_group_name(tokens: list[Token]) -> bool:
    """True for what may stand before the colon of a group."""
    return bool(visible(tokens)) and all(token.kind in PHRASE for token in tokens)


def parse_mailbox(tokens: list[Token], *, smtputf8: bool = False) -> Mailbox:
    """The mailbox that the tokens are: ``name <address>``, ``<address>`` or an address alone. Raises `AddressError`."""
    opened = next((place for place, token in enumerate(tokens) if token.kind == "<"), None)
    if opened is None:
        return Mailbox(comments(tokens), bare_address(tokens, smtputf8=smtputf8))
    closed = next((place for place, token in enumerate(tokens) if token.kind == ">" and place > opened), None)
    if closed is None:
        raise AddressError("address.unclosed", source(tokens))
    if visible(tokens[closed + 1 :]):
        raise AddressError("address.trailing", source(tokens))
    if not all(token.kind in PHRASE for token in tokens[:opened]):
        raise AddressError("address.phrase", source(tokens))
    address = angle_address(tokens[:closed], smtputf8=smtputf8)
    return Mailbox(phrase(tokens[:opened]) or comments(tokens), address)


def phrase(tokens: list[Token]) -> str:
    """The name that tokens say: quotes taken off, comments left out, white space kept where it was."""
    parts = [" " if token.invisible else token.content for token in tokens]
    return decode_raw("".join(parts).strip().encode("latin-1"))


def comments(tokens: list[Token]) -> str:
    """What the comments say: the name in the old style ``address (name)``."""
    parts = [token.content for token in tokens if token.kind == "comment"]
    return decode_raw(" ".join(parts).encode("latin-1"))


def angle_address(tokens: list[Token], *, smtputf8: bool) -> Address:
    """The address after the first ``<``, a route before it left out (RFC 5322 4.4). Raises `AddressError`."""
    opened = next(place for place, token in enumerate(tokens) if token.kind == "<")
    inside = visible(tokens[opened + 1 :])
    colon = next((place for place, token in enumerate(inside) if token.kind == ":"), 0)
    if colon and inside[0].kind == "@" and all(token.kind in ROUTE for token in inside[:colon]):
        inside = inside[colon + 1 :]
    return bare_address(inside, smtputf8=smtputf8)


def bare_address(tokens: list[Token], *, smtputf8: bool) -> Address:
    """The addr-spec that tokens are (RFC 5322 3.4.1); comments and white space around its halves are left out."""
    tokens = visible(tokens)
    if not tokens:
        raise AddressError("address.empty")
    at = next((place for place, token in enumerate(tokens) if token.kind == "@"), None)
    if at is None:
        raise AddressError("address.no_at", source(tokens))
    local, domain = visible(tokens[:at]), visible(tokens[at + 1 :])
    if any(token.kind == "encoded" for token in tokens):
        raise AddressError("address.encoded_word", source(tokens))  # RFC 2047 5
    if any(token.kind == "@" for token in domain) or any(token.invisible for token in local):
        raise AddressError("address.local", source(tokens))
    if any(token.invisible for token in domain):
        raise AddressError("address.trailing", source(tokens))
    return make_address(as_utf8(local, smtputf8=smtputf8), as_utf8(domain), smtputf8=smtputf8)


def as_utf8(tokens: list[Token], *, smtputf8: bool = True) -> str:
    """The text of half an address. Outside of ASCII it must be UTF-8 (RFC 6532 3.1): nothing is guessed here."""
    text = source(tokens)
    try:
        return text if text.isascii() else text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        if smtputf8:
            raise AddressError("address.charset", text) from None
        return text  # refused for want of SMTPUTF8 in any case

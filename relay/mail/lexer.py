"""The words and specials of a structured header field (RFC 5322 3.2 and 4.1), in one pass of linear time.

Works on the octets read as latin-1, so that every octet is one character and nothing is lost before it is known
whether it belongs to a name (decoded leniently) or to an address (decoded strictly).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from relay.mail.address import AddressError

TOKEN = re.compile(
    r"""
      (?P<space>   [ \t]+ )
    | (?P<quoted>  "(?:[^"\\]|\\.)*+" )                  # RFC 5322 3.2.4
    | (?P<literal> \[[^\[\]\\]*+\] )                     # RFC 5322 3.4.1
    | (?P<encoded> =\?[\w*-]++\?[bBqQ]\?[^?\s,:;<>@"]*+\?= )   # RFC 2047 2; dots and parentheses inside do no harm
    | (?P<atom>    [^ \t"(),:;<>@.\[\]\\]+ )             # RFC 5322 3.2.3, and any octet that is not special
    | (?P<special> . )
    """,
    re.VERBOSE | re.DOTALL,
)
COMMENT_STEP = re.compile(r"[^()\\]++|\\.|.", re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)  # quoted-pair, RFC 5322 3.2.1


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is space, comment, quoted, literal, encoded, atom, or the special character itself."""

    kind: str
    text: str

    @property
    def invisible(self) -> bool:
        """True for CFWS: comments and white space (RFC 5322 3.2.2)."""
        return self.kind in {"space", "comment"}

    @property
    def content(self) -> str:
        """What the token says: without quotes, parentheses and escapes."""
        if self.kind in {"quoted", "comment"}:
            return ESCAPE.sub(r"\1", self.text[1:-1])
        return self.text


def lex(value: bytes) -> list[Token]:
    """The tokens of an unfolded field value. Raises `AddressError` for a quote or comment that does not end."""
    text = value.decode("latin-1")
    tokens: list[Token] = []
    place = 0
    while match := TOKEN.match(text, place):
        kind, place = str(match.lastgroup), match.end()
        if kind != "special":
            tokens.append(Token(kind, match[0]))
        elif match[0] == "(":
            end = comment_end(text, place)
            tokens.append(Token("comment", text[place - 1 : end]))
            place = end
        elif match[0] == '"':
            raise AddressError("address.quote", text[place - 1 :])
        else:
            tokens.append(Token(match[0], match[0]))
    return tokens


def comment_end(text: str, place: int) -> int:
    """Where the comment ends whose parenthesis opened before ``place``; comments nest (RFC 5322 3.2.2)."""
    depth = 1
    for step in COMMENT_STEP.finditer(text, place):
        depth += {"(": 1, ")": -1}.get(step[0], 0)
        if depth == 0:
            return step.end()
    raise AddressError("address.comment", text[place - 1 :])


def source(tokens: list[Token]) -> str:
    """The text that tokens came from."""
    return "".join(token.text for token in tokens)


def visible(tokens: list[Token]) -> list[Token]:
    """The tokens without comments and white space at either end."""
    first, last = 0, len(tokens)
    while first < last and tokens[first].invisible:
        first += 1
    while last > first and tokens[last - 1].invisible:
        last -= 1
    return tokens[first:last]

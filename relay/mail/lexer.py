"""The words and specials of a structured header field (RFC 5322 3.2 and 4.1), in one pass of linear time.

Works on the octets read as latin-1, so that every octet is one character and nothing is lost before it is known
whether it belongs to a name (decoded leniently) or to an address (decoded strictly).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from relay.mail.address import AddressError

TOKEN = re.compile(
    r"""
      ( [ \t]+ )
    | ( "(?:[^"\\]|\\.)*+" )                              # quoted-string, RFC 5322 3.2.4
    | ( \[[^\[\]\\]*+\] )                                 # domain-literal, RFC 5322 3.4.1
    | ( =\?[\w*-]++\?[bBqQ]\?[^?\s,:;<>@"]*+\?= )         # encoded-word, RFC 2047 2; dots and parentheses do no harm
    | ( [^ \t"(),:;<>@.\[\]\\]+ )                         # atom, RFC 5322 3.2.3, and any octet that is not special
    | ( \([^()\\]*+\) )                                   # comment, RFC 5322 3.2.2; any other is read by comment_end
    | ( . )
    """,
    re.VERBOSE | re.DOTALL,
)
KINDS = " qleac"  # of all groups but the last: a special character is its own kind
CFWS = " c"  # comments and folding white space, RFC 5322 3.2.2
LONGEST_VALUE = 8000  # octets: room for fifty addresses with names, and a bound on what a hostile field costs
MOST_TOKENS = 2000  # of such a value
COMMENT_STEP = re.compile(r"[^()\\]++|\\.|.", re.DOTALL)
QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)  # RFC 5322 3.2.1


class Tokens(NamedTuple):
    """Tokens in a row. ``kinds`` has a character for each, so that the grammar can be matched on it as a string:
    space, (c)omment, (q)uoted-string, (l)iteral, (e)ncoded-word, (a)tom, or the special character itself."""

    kinds: str
    texts: list[str]

    def part(self, start: int, end: int | None = None) -> Tokens:
        """The tokens from ``start`` to before ``end``."""
        return Tokens(self.kinds[start:end], self.texts[start:end])

    def visible(self) -> Tokens:
        """The tokens without comments and white space at either end."""
        start = len(self.kinds) - len(self.kinds.lstrip(CFWS))
        end = len(self.kinds.rstrip(CFWS))
        return self if end - start == len(self.kinds) else self.part(start, end)

    @property
    def source(self) -> str:
        """The text that the tokens came from."""
        return "".join(self.texts)


def lex(value: bytes) -> Tokens:
    """The tokens of an unfolded field value. Raises `AddressError` for a quote or comment that does not end, and for
    a value that no honest mail has."""
    text = value.decode("latin-1")
    if len(text) > LONGEST_VALUE:
        raise AddressError("address.too_many", text)
    kinds: list[str] = []
    texts: list[str] = []
    place, match_at = 0, TOKEN.match
    while match := match_at(text, place):
        token, place = match[0], match.end()
        kind = token if match.lastindex == len(KINDS) + 1 else KINDS[match.lastindex - 1]  # type: ignore[operator]
        if kind == "(":
            kind, end = "c", comment_end(text, place)
            token, place = text[place - 1 : end], end
        elif kind == '"':
            raise AddressError("address.quote", text[place - 1 :])
        kinds.append(kind)
        texts.append(token)
        if len(kinds) > MOST_TOKENS:
            raise AddressError("address.too_many", text)
    return Tokens("".join(kinds), texts)


def comment_end(text: str, place: int) -> int:
    """Where the comment ends whose parenthesis opened before ``place``; comments nest (RFC 5322 3.2.2)."""
    depth = 1
    for step in COMMENT_STEP.finditer(text, place):
        depth += {"(": 1, ")": -1}.get(step[0], 0)
        if depth == 0:
            return step.end()
    raise AddressError("address.comment", text[place - 1 :])


def content(kind: str, text: str) -> str:
    """What a token says: without the quotes or parentheses around it, and without escapes."""
    if kind not in "qc":
        return text
    return QUOTED_PAIR.sub(r"\1", text[1:-1]) if "\\" in text else text[1:-1]

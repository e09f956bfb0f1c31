"""Addresses: parsed strictly, compared exactly, printed canonically (rules A4 and A5).

`parse_address` reads a bare addr-spec, as people type it into forms and files; `relay.mail.mailbox` reads header
fields, takes them apart and hands the two halves of each address to `make_address` here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import idna

from relay.mail.reply import Refusal, excerpt

LONGEST_LOCAL = 64  # octets, RFC 5321 4.5.3.1.1
LONGEST_DOMAIN = 253  # octets without the final dot, RFC 1035 2.3.4 as it comes out in text
LONGEST_ADDRESS = 254  # octets: a path of 256 (RFC 5321 4.5.3.1.3) less its angle brackets

_ATEXT = r'[^\0- \x7f"(),.:;<>@\[\\\]]'  # RFC 5322 3.2.3: no controls, no specials; RFC 6532 3.2 adds what is not ASCII
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # RFC 5321 4.1.2 sub-domain, RFC 1035 2.3.4
DOT_STRING = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*+")  # RFC 5321 4.1.2
QUOTED_STRING = re.compile(r'"(?:[^\0-\x1f\x7f"\\]|\\[ -~])*+"')  # RFC 5321 4.1.2
QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*+")
LITERAL = re.compile(r"\[[!-Z^-~]+\]")  # RFC 5321 4.1.3, loosely: it is never accepted anyway


class AddressError(ValueError):
    """Text that is not an address. ``topic`` names the sentence that says why (section ``reply`` of the locales),
    ``sample`` quotes the text, ``enhanced`` is the enhanced status code that fits (RFC 3463)."""

    def __init__(self, topic: str, text: str = "", enhanced: str = "5.6.0") -> None:
        self.topic = topic
        self.sample = excerpt(text)
        self.enhanced = enhanced
        super().__init__(f"{topic}: {self.sample}" if text else topic)

    def refusal(self, field: str) -> Refusal:
        """The refusal of a message whose header field ``field`` holds this."""
        return Refusal(550, self.enhanced, self.topic, {"field": field, "sample": self.sample})


@dataclass(frozen=True, slots=True)
class Address:
    """An addr-spec. ``local`` is as typed (quotes included), ``domain`` a lower-case A-label without final dot."""

    local: str
    domain: str

    @property
    def key(self) -> str:
        """What two addresses are compared on (rule A4): no plus-tag or dot folding; quotes that change nothing go."""
        local = unquoted(self.local) if self.local.startswith('"') else self.local
        return f"{folded(local)}@{self.domain}"

    @property
    def is_literal(self) -> bool:
        """True for ``local@[192.0.2.1]``: no address that can be confirmed."""
        return self.domain.startswith("[")

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def parse_address(text: str, *, smtputf8: bool = False) -> Address:
    """The address that ``text`` is, and nothing around it. Raises `AddressError`.

    A domain in Unicode becomes its A-label; a local part that is not ASCII needs ``smtputf8`` (rule A5).
    """
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError("address.no_at", text)
    address = make_address(local, domain, smtputf8=smtputf8)
    if address.is_literal:
        raise AddressError("address.domain", text)
    return address


def make_address(local: str, domain: str, *, smtputf8: bool = False) -> Address:
    """An address from its two halves; the domain may be an address literal. Raises `AddressError`."""
    check_local(local, smtputf8=smtputf8)
    address = Address(local, ascii_domain(domain))
    if len(local.encode()) + 1 + len(address.domain) > LONGEST_ADDRESS:
        raise AddressError("address.long", f"{local}@{domain}")
    return address


def check_local(local: str, *, smtputf8: bool = False) -> None:
    """Raise `AddressError` unless ``local`` is a Local-part (RFC 5321 4.1.2; RFC 6531 3.3)."""
    if not local.isascii() and not smtputf8:
        raise AddressError("address.smtputf8", local, "5.6.7")  # RFC 6531 3.5
    if not DOT_STRING.fullmatch(local) and not QUOTED_STRING.fullmatch(local):
        raise AddressError("address.local", local)
    if not local.isascii() and not all(char.isprintable() for char in local):
        raise AddressError("address.local", local)  # no controls, bidi marks or lone surrogates
    if len(local.encode()) > LONGEST_LOCAL:
        raise AddressError("address.local", local)


def ascii_domain(domain: str) -> str:
    """A domain as lower-case A-labels without final dot; an address literal stays one. Raises `AddressError`."""
    if domain[:1] == "[":
        if LITERAL.fullmatch(domain):
            return domain.lower()
        raise AddressError("address.domain", domain)
    name = (domain if domain.isascii() else a_labels(domain)).lower().removesuffix(".")
    numeric = name.rpartition(".")[2].isdigit()  # RFC 3696 2: an IP address without brackets, no name
    if numeric or len(name) > LONGEST_DOMAIN or not DOMAIN.fullmatch(name):
        raise AddressError("address.domain", domain)
    return name


@lru_cache(maxsize=512)  # one message names a domain often, and looking at it takes longer than all else
def a_labels(domain: str) -> str:
    """The A-labels of a domain in Unicode (RFC 5891 4, after the mapping of UTS 46). Raises `AddressError`."""
    if len(domain) > LONGEST_DOMAIN:  # an A-label is never shorter, and idna need not look at such
        raise AddressError("address.domain", domain)
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:
        raise AddressError("address.domain", domain) from None


def unicode_domain(domain: str) -> str:
    """A domain as people write it; as it is when its A-labels mean nothing (RFC 5891 5.5)."""
    try:
        return idna.decode(domain)
    except UnicodeError:
        return domain


def unquoted(local: str) -> str:
    """A quoted local part without quotes it does not need: ``"jan"`` and ``jan`` are one mailbox (RFC 5321 4.1.2)."""
    content = QUOTED_PAIR.sub(r"\1", local[1:-1])
    return content if DOT_STRING.fullmatch(content) else local


def folded(local: str) -> str:
    """A local part in lower case. No letter becomes another one of ASCII (the Kelvin sign is not a k)."""
    if local.isascii():
        return local.lower()
    return "".join(char if not char.isascii() and char.lower().isascii() else char.lower() for char in local)

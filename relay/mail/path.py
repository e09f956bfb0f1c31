"""The paths of MAIL and RCPT, read strictly (RFC 5321 4.1.2), and the ESMTP parameters behind them.

One grammar accepts; everything that it does not accept is looked at again only to say why. Forms that RFC 5321 allows
but that only relaying games use (source routes, ``%``, ``!``, domain literals) are refused.
"""

from __future__ import annotations

import re
import unicodedata

import idna

from relay.mail.address import Address

LONGEST_PATH = 256  # octets, with the brackets: RFC 5321 4.5.3.1.3
LONGEST_LOCAL = 64  # octets: RFC 5321 4.5.3.1.1
LONGEST_DOMAIN = 255  # octets: RFC 5321 4.5.3.1.2

ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
DOT_STRING = re.compile(rf"{ATOM}(?:\.{ATOM})*")
QUOTED = r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"'
LABEL = r"[A-Za-z0-9\u0080-\U0010ffff]+(?:-+[A-Za-z0-9\u0080-\U0010ffff]+)*"
PATH = re.compile(rf"(<(?:({DOT_STRING.pattern}|{QUOTED})@({LABEL}(?:\.{LABEL})*))?>)(?: +(.*))?")
PARAMETER = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")  # RFC 5321 4.1.2 esmtp-param


class PathError(ValueError):
    """A path that must be refused: the SMTP reply code, the enhanced code (RFC 3463) and the sentence for it."""

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        super().__init__(f"{code} {enhanced} {text}")
        self.code = code
        self.enhanced = enhanced
        self.text = text


def parse_path(text: bytes, *, null_ok: bool, smtputf8: bool) -> tuple[Address | None, bytes]:
    """The address of a path and the parameters behind it; None for ``<>``, which only a reverse-path may be.

    ``text`` is what follows ``FROM:`` or ``TO:``. An IDN domain comes back as A-label. Raises `PathError`.
    """
    syntax = "5.1.7" if null_ok else "5.1.3"
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        raise PathError(501, syntax, "address is not UTF-8") from None
    if not smtputf8 and not decoded.isascii():
        raise PathError(553, "5.6.7", "non-ASCII address needs SMTPUTF8")  # RFC 6531 3.5
    matched = PATH.fullmatch(decoded)
    if matched is None:
        raise malformed(decoded, syntax)
    path, local, domain, rest = matched.groups(default="")
    if len(path.encode("utf-8")) > LONGEST_PATH:
        raise PathError(501, syntax, f"path is longer than {LONGEST_PATH} octets")
    if local:
        return Address(check_local(local, syntax), check_domain(domain, syntax)), rest.encode("utf-8")
    if null_ok:
        return None, rest.encode("utf-8")
    raise PathError(501, syntax, "a recipient cannot be empty")


def malformed(text: str, syntax: str) -> PathError:
    """Why the grammar does not accept a path."""
    if not text.startswith("<") or ">" not in text:
        return PathError(501, syntax, "address must stand in angle brackets")
    if text.startswith("<@"):
        return PathError(553, syntax, "source routes are not accepted")  # RFC 5321 appendix C lets us
    if "@[" in text:
        return PathError(553, syntax, "address literals are not accepted")
    if "@" not in text:
        return PathError(550, "5.1.1" if syntax == "5.1.3" else syntax, "address needs a domain")
    return PathError(501, syntax, "malformed address")


def check_local(local: str, syntax: str) -> str:
    """The local part, quoted only where it must be. Raises `PathError`."""
    if len(local.encode("utf-8")) > LONGEST_LOCAL:
        raise PathError(501, syntax, f"local part is longer than {LONGEST_LOCAL} octets")
    content = re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local
    if any(char in content for char in "%!@"):
        raise PathError(553, syntax, "routing inside a local part is not accepted")  # user%other@here, other!user@here
    if not content.isascii() and any(unicodedata.category(char)[0] in "CZ" and char != " " for char in content):
        raise PathError(501, syntax, "local part holds an invisible character")
    if DOT_STRING.fullmatch(content):
        return content
    return '"' + re.sub(r'(["\\])', r"\\\1", content) + '"'


def check_domain(domain: str, syntax: str) -> str:
    """A domain as lower-case A-label. Raises `PathError`."""
    if domain.isascii():
        ascii_domain = domain.lower()
    else:
        try:
            ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")  # RFC 6531 3.2, RFC 5891 4
        except UnicodeError:  # idna's own errors are among them
            raise PathError(553, syntax, "not a valid international domain name") from None
    labels = ascii_domain.split(".")
    if not all(labels):  # mapping may have made dots of other full stops
        raise PathError(501, syntax, "malformed domain name")
    if len(ascii_domain) > LONGEST_DOMAIN or any(len(label) > 63 for label in labels):  # RFC 1035 2.3.4
        raise PathError(501, syntax, "domain name is too long")
    if labels[-1].isdigit():
        raise PathError(501, syntax, "an address without brackets is not a domain name")  # RFC 3696 2
    return ascii_domain


def parse_params(rest: bytes) -> dict[str, str | None]:
    """ESMTP parameters by upper-case keyword; None where one has no value (RFC 5321 4.1.2). Raises `PathError`."""
    params: dict[str, str | None] = {}
    for word in rest.split(b" "):
        if not word:
            continue
        matched = PARAMETER.fullmatch(word)
        if matched is None:
            raise PathError(501, "5.5.4", "malformed parameter")
        keyword = matched[1].decode("ascii").upper()
        if keyword in params:
            raise PathError(501, "5.5.4", "parameter given twice")
        params[keyword] = matched[2].decode("ascii") if matched[2] else None
    return params

"""How mail of a domain is sent, which decides whose records a receiver reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address


class Mode(StrEnum):
    """REWRITTEN: From, reverse-path and signature are the platform's. OWN_DOMAIN: the From is the customer's, sent by
    the platform. OWN_SERVER: sent by the customer's own SMTP server."""

    REWRITTEN = "rewritten"
    OWN_DOMAIN = "own-domain"
    OWN_SERVER = "own-server"


@dataclass(frozen=True, slots=True)
class Sending:
    """The identities of a message (RFC 5598 2): From domain, reverse-path domain (MAIL FROM, RFC 7208 2.4), HELO name,
    signing domain (``d=``) with its selectors, and the addresses that mail leaves from."""

    mode: Mode
    from_domain: str
    mail_from: str
    helo: str = ""
    dkim_domain: str = ""
    selectors: tuple[str, ...] = ()
    ips: tuple[IPv4Address | IPv6Address, ...] = ()

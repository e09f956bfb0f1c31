"""Who mails, to whom, and with which ESMTP parameters (RFC 5321 4.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.message import Body, Message
    from relay.mail.tenant import Tenant
    from relay.mail.wish import Wish


@dataclass(frozen=True, slots=True)
class Envelope:
    """The SMTP envelope of one submission. ``reverse_path`` is None for the null reverse-path ``<>``; ``wishes`` are by
    `Address.key`, ``ret`` and ``envid`` as the client wrote them (RFC 3461); ``requires_tls`` is REQUIRETLS
    (RFC 8689)."""

    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    smtputf8: bool = False
    eightbit: bool = False
    wishes: Mapping[str, Wish] = field(default_factory=dict)
    ret: str = ""
    envid: str = ""
    requires_tls: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a submission session, as far as it matters after DATA."""

    address: str
    helo: str
    protocol: str  # RFC 3848: SMTP, ESMTP, ESMTPA, ESMTPS, ESMTPSA; UTF8SMTP... by RFC 6531
    login: str
    tls: str = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384", empty in the clear


@dataclass(frozen=True, slots=True)
class Incoming:
    """A mail to an address of ours: nobody signed in for it, and its header block may hold anything."""

    envelope: Envelope
    header: bytes
    body: Body
    peer: Peer


@dataclass(frozen=True, slots=True)
class Submission:
    """A message as it came in, with everything that decides what happens to it."""

    envelope: Envelope
    message: Message
    tenant: Tenant
    peer: Peer

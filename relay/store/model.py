"""Rows that are not concepts of the domain by themselves: what is kept of a message and of a confirmation link."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from relay.mail.route import RouteKind

if TYPE_CHECKING:
    from relay.mail.conversation import Said
    from relay.mail.delivery import Attempt, Delivery
    from relay.mail.rewrite import Change
    from relay.mail.tenant import Tenant


class MessageKind(StrEnum):
    """SUBMISSION came from an app; the others are ours, to a tenant or to the owner of an address."""

    SUBMISSION = "submission"
    VERIFICATION = "verification"
    FAILURE = "failure"
    SUCCESS = "success"
    BOUNCE = "bounce"  # came to us
    TLS_REPORT = "tls_report"
    DELAY = "delay"
    RECOVERED = "recovered"
    REPLY = "reply"  # an answer that came to the platform's address, on its way to the author of what it answers
    HINT = "hint"  # to somebody whose mail to the platform's address answers nothing


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message in the queue: its headers as they came and as they leave, and where its body is.

    ``author`` is the address the customer sends as (the verified From), ``reverse_path`` is "verp", "null"
    or "author", ``ret`` and ``envid`` what the client said of reports (RFC 3461),
    ``requires_tls`` that it goes on under verified TLS or not at all (RFC 8689). Times are seconds since 1970, sizes
    octets.
    """

    id: str
    kind: MessageKind
    tenant_id: str | None
    login: str
    author: str
    subject: str
    document: str
    original_header: bytes
    header: bytes
    body_size: int
    body_sha256: bytes
    changes: tuple[Change, ...]
    events: tuple[str, ...]
    route: RouteKind
    reverse_path: str
    smtputf8: bool
    eightbit: bool
    received_at: float
    peer: str
    ret: str = ""
    envid: str = ""
    requires_tls: bool = False


@dataclass(frozen=True, slots=True)
class Queued:
    """A message about to be queued, a delivery a recipient. ``body`` is None when its chunks are stored already."""

    message: StoredMessage
    deliveries: tuple[Delivery, ...]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Work:
    """A leased delivery with the message it carries and whose it is.

    ``body`` is there when the message came in here just now and is small; else it is read chunk by chunk.
    """

    delivery: Delivery
    message: StoredMessage
    tenant: Tenant | None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A line of ``relay queue list``."""

    id: str
    message_id: str
    tenant: str
    author: str
    recipient: str
    document: str
    subject: str
    state: str
    attempts: int
    due_at: float
    created_at: float
    last_reply: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A verification link that was mailed: the SHA-256 of its token, for whom, and until when it counts."""

    token_sha256: bytes
    withdraw_sha256: bytes
    tenant_id: str
    address: str
    created_at: float
    expires_at: float
    used_at: float | None = None


@dataclass(frozen=True, slots=True)
class OwnNews:
    """What an attempt says of an own server with settings of this ``version`` (empty: there is none any more): it
    ``works`` again, it ``refused`` the login, or nothing got through."""

    version: str
    works: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result of one attempt, to be written in one transaction. ``reports``: the next hop took over what the client
    wants to be told. ``own``: what it says of the tenant's own server, where the message goes by that. ``reached``
    says whether anybody heard of the message, None where that is not known. ``down`` is a destination that counts as
    not reached by this, ``up`` one that is back; each empty for none. ``of_recipient``: the remote refused the
    recipient."""

    before: Delivery
    after: Delivery
    attempt: Attempt
    reports: bool = False
    own: OwnNews | None = None
    reached: bool | None = None
    down: str = ""
    up: str = ""
    conversation: tuple[Said, ...] = ()
    of_recipient: bool = False


@dataclass(frozen=True, slots=True)
class Untold:
    """What the author of a message is to be told of a delivery: ``event`` is FAILURE, SUCCESS or RECOVERED."""

    message_id: str
    delivery_id: str
    event: str

"""What a report that comes back says: a bounce, a complaint, an automatic answer, or nothing that is understood.

The words of whoever wrote it are kept as one clean line each. Nothing in a report is proof of anything: anybody can
write one. Which delivery it is about, only the address says that it came to (`relay.mail.verp`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]  # RFC 3464 2.3.3


@dataclass(frozen=True, slots=True)
class BounceRecipient:
    """What became of one recipient. ``status`` is a code of RFC 3463, such as ``5.1.1``; the addresses, ``diagnostic``
    and ``remote_mta`` are empty where the report does not say."""

    final_recipient: str
    original_recipient: str
    action: Action
    status: str
    diagnostic: str
    remote_mta: str


@dataclass(frozen=True, slots=True)
class Bounce:
    """A report about deliveries, at least one; not all are failures. ``form`` is ``rfc3464``, or the program whose
    words were read. ``original_message_id`` is without angle brackets."""

    recipients: tuple[BounceRecipient, ...]
    envid: str = ""
    reporting_mta: str = ""
    original_message_id: str = ""
    form: str = "rfc3464"


@dataclass(frozen=True, slots=True)
class Complaint:
    """Somebody pressed a button (RFC 5965). ``feedback_type`` is ``abuse`` as a rule; ``not-spam`` is the opposite."""

    feedback_type: str
    original_rcpt: str = ""
    original_message_id: str = ""
    original_mail_from: str = ""
    user_agent: str = ""
    source_ip: str = ""


@dataclass(frozen=True, slots=True)
class AutoReply:
    """A program answered (RFC 3834). ``kind``: ``away`` is an out-of-office answer, ``receipt`` a disposition
    notification (RFC 8098) with its ``disposition`` type, ``challenge`` wants a person to do something before the mail
    is let in, ``notice`` is anything else."""

    kind: Literal["away", "receipt", "challenge", "notice"]
    original_message_id: str = ""
    disposition: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No report that is understood. ``is_report`` says that a mail system wrote it all the same; else it may well be
    from a person."""

    is_report: bool


Report = Bounce | Complaint | AutoReply | Unreadable

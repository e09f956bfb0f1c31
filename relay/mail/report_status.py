"""Delivery status notifications (RFC 3464), read as they are written: also with groups torn apart, in a text, without a
type before an address, or with a status that says less than the server's own words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from relay.mail.report import Bounce, BounceRecipient
from relay.mail.report_codes import best_status
from relay.mail.report_mail import groups

if TYPE_CHECKING:
    from relay.mail.report import Action
    from relay.mail.report_mail import ReturnedMail

MOST_RECIPIENTS = 1_000
LONGEST_STATUS = 500_000  # characters of the part that are read

KINDS = ("message/delivery-status", "message/global-delivery-status")  # RFC 3464 2.1, RFC 6533 3
IN_TEXT = re.compile(r"(?im)^[ \t>]{0,8}(?:final|original)-recipient[ \t]*:")
ABOUT = ("final-recipient", "original-recipient")
STARTED = ("action", "status", "diagnostic-code", "remote-mta")
WORD = re.compile(r"[a-z]+")
TYPED = re.compile(r"[A-Za-z0-9-]{1,40}[ \t]*;[ \t]*(.*)")  # RFC 3464 2.1.2
UTF8_XTEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")  # RFC 6533 3
ACTIONS: dict[str, Action] = {
    "failed": "failed",
    "fail": "failed",
    "failure": "failed",
    "undeliverable": "failed",
    "delayed": "delayed",
    "delivered": "delivered",
    "relayed": "relayed",
    "expanded": "expanded",
}
BY_CLASS: dict[str, Action] = {"4": "delayed", "5": "failed"}  # RFC 3463 2
CLASSES = {"failed": "5", "delayed": "4"}


def read_status(mail: ReturnedMail) -> Bounce | None:
    """The bounce that a mail carries for programs, or None when it has no recipient in such a form."""
    text = status_text(mail)
    if not text:
        return None
    per_message: dict[str, str] = {}
    recipients: list[dict[str, str]] = []
    for group in groups(text[:LONGEST_STATUS]):
        if any(key in group for key in ABOUT):
            recipients.append(group)
        elif recipients and any(key in group for key in STARTED):
            recipients[-1] = {**group, **recipients[-1]}  # an empty line too many
        elif not recipients:
            per_message |= group
    if not recipients:
        return None
    return Bounce(
        recipients=tuple(map(recipient, recipients[:MOST_RECIPIENTS])),
        envid=per_message.get("original-envelope-id", ""),
        reporting_mta=host(per_message.get("reporting-mta", "") or recipients[0].get("reporting-mta", "")),
        original_message_id=mail.original_message_id,
    )


def status_text(mail: ReturnedMail) -> str:
    """The fields for programs: in a part of their own, else in the first text that has them; empty without any."""
    part = mail.leaf(*KINDS)
    if part is not None:
        return part.text
    for leaf in mail.texts("text/plain"):
        text = leaf.text[:LONGEST_STATUS]
        if found := IN_TEXT.search(text):
            start = text.rfind("\n\n", 0, found.start())
            before = text.rfind("\n\n", 0, max(start, 0))  # the group before is about the message
            return re.sub(r"(?m)^[ \t>]{1,8}(?=[A-Z][A-Za-z-]{3,30}:)", "", text[max(before, 0) :])
    return ""


def recipient(group: dict[str, str]) -> BounceRecipient:
    """One recipient's group (RFC 3464 2.3)."""
    diagnostic = without_type(group.get("diagnostic-code", ""))
    said = group.get("status", "")
    word = WORD.match(group.get("action", "").lower())
    action = ACTIONS.get(word[0]) if word else None
    if action is None:  # RFC 3464 2.3.3 demands one
        action = "delivered" if said.startswith("2") else BY_CLASS[best_status(said, diagnostic, "4")[0]]
    return BounceRecipient(
        final_recipient=address(group.get("final-recipient", "")),
        original_recipient=address(group.get("original-recipient", "")),
        action=action,
        status=best_status(said, diagnostic, CLASSES.get(action, "2")),
        diagnostic=diagnostic,
        remote_mta=host(group.get("remote-mta", "")),
    )


def without_type(value: str) -> str:
    """The value of a typed field without its type (RFC 3464 2.1.2), which some leave out."""
    matched = TYPED.fullmatch(value)
    return matched[1] if matched else value


def address(value: str) -> str:
    """The address of a typed field, without brackets; a coded one decoded (RFC 6533 3)."""
    plain = without_type(value).strip(" <>").removeprefix("mailto:")
    return UTF8_XTEXT.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), plain)[:320]


def host(value: str) -> str:
    """The name in an MTA field, without what stands behind it."""
    return (without_type(value).split() or [""])[0].strip("()[],;")

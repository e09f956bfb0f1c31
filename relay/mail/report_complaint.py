"""Complaints (RFC 5965), as feedback loops send them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.mail.message import Field
from relay.mail.mime import first_value, read_header, split_part
from relay.mail.report import Complaint
from relay.mail.report_mail import LONGEST_WORDS, groups
from relay.mail.report_status import address
from relay.mail.text import decode_raw

if TYPE_CHECKING:
    from relay.mail.report_mail import ReturnedMail

COPIES = ("message/rfc822", "message/global")
JMRP_RECIPIENT = "x-hmxmroriginalrecipient"  # Outlook.com's programme sends the bare message, with this field on top


def read_complaint(mail: ReturnedMail) -> Complaint | None:
    """The complaint that a mail is, or None."""
    part = mail.leaf("message/feedback-report")
    if part is None:
        recipient = decode_raw(first_value(copied_fields(mail), JMRP_RECIPIENT))
        return Complaint("abuse", address(recipient), mail.original_message_id) if recipient else None
    said: dict[str, str] = {}
    for group in groups(part.text[:LONGEST_WORDS]):  # one group; more where an empty line came in
        said = {**group, **said}
    return Complaint(
        feedback_type=said.get("feedback-type", "").lower() or "other",  # RFC 5965 3.1, 7.3
        original_rcpt=address(said.get("original-rcpt-to", "")),
        original_message_id=mail.original_message_id,
        original_mail_from=address(said.get("original-mail-from", "")),
        user_agent=said.get("user-agent", ""),
        source_ip=said.get("source-ip", ""),
    )


def copied_fields(mail: ReturnedMail) -> tuple[Field, ...]:
    """The header of the message that came along, where one did."""
    copy = mail.leaf(*COPIES)
    return read_header(split_part(copy.body)[0]) if copy else ()

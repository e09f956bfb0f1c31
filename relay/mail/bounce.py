"""What comes back to us, read: a bounce, a complaint, an automatic answer, or none of them.

1. `opened`: the parts of the mail, within bounds.
2. `relay.mail.report_complaint`: somebody pressed a button (RFC 5965).
3. `relay.mail.report_status`: the part that programs read (RFC 3464), strictly or not, wherever it stands.
4. `relay.mail.report_words`: the words of programs that write no such part.
5. `relay.mail.report_automatic`: receipts, and answers that no person wrote.

Reads hostile input in bounded time and memory, and never raises.
"""

from __future__ import annotations

from relay.mail.report import AutoReply, Bounce, BounceRecipient, Complaint, Report, Unreadable
from relay.mail.report_automatic import read_answer, read_receipt
from relay.mail.report_complaint import read_complaint
from relay.mail.report_mail import LONGEST_READ, opened
from relay.mail.report_status import read_status
from relay.mail.report_words import is_from_mail_system, read_words

__all__ = ["LONGEST_READ", "AutoReply", "Bounce", "BounceRecipient", "Complaint", "Report", "Unreadable", "read_report"]


def read_report(header: bytes, body: bytes) -> Report:
    """What a mail that came back says. Of its body the first `LONGEST_READ` octets are read: the parts of a report
    that count come first (RFC 6522 3)."""
    mail = opened(header, body)
    for read in (read_complaint, read_receipt, read_status, read_words, read_answer):
        found = read(mail)
        if found is not None:
            return found
    return Unreadable(is_report=is_from_mail_system(mail))

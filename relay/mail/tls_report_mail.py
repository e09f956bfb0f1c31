"""A report about TLS as a mail (RFC 8460 5.3)."""

from __future__ import annotations

import gzip
from binascii import b2a_base64
from dataclasses import dataclass

from relay.mail.compose import Part, compose, multipart, text_part
from relay.mail.date import mail_date
from relay.mail.message import Field, Message

MEDIA_TYPE = "application/tlsrpt+gzip"  # RFC 8460 6.4
BASE64_LINE = 57  # octets that make 76 characters

TEXT = """\
This is a report about the TLS sessions in which {submitter}
delivered mail for {domain} on {day} (UTC), as the record
_smtp._tls.{domain} asks for (RFC 8460). The attachment is
for programs; it counts the sessions, and says why some failed.
"""


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a ``day`` about one ``domain``, made by ``submitter``: its id, and its JSON in gzip format."""

    domain: str
    day: str
    submitter: str
    id: str
    content: bytes
    file_name: str


def packed(document: bytes) -> bytes:
    """A document in gzip format (RFC 1952), the same octets each time."""
    return gzip.compress(document, mtime=0)


def report_mail(report: Report, sender: str, recipient: str, now: float, message_id: str) -> Message:
    """The mail that brings a report. It must arrive even where TLS fails, since that is what it tells (RFC 8689 5)."""
    fields = [
        Field.make("From", sender),
        Field.make("To", recipient),
        Field.make("Subject", subject(report)),
        Field.make("Date", mail_date(now)),
        Field.make("Message-ID", message_id),
        Field.make("Auto-Submitted", "auto-generated"),
        Field.make("TLS-Required", "No"),
        Field.make("TLS-Report-Domain", report.domain),
        Field.make("TLS-Report-Submitter", report.submitter),
    ]
    words = TEXT.format(submitter=report.submitter, domain=report.domain, day=report.day)
    parts = [text_part("plain", words), attachment(report)]
    return compose(fields, multipart("report; report-type=tlsrpt", parts, seed=message_id))


def subject(report: Report) -> str:
    """The subject, folded (RFC 8460 5.3)."""
    return f"Report Domain: {report.domain}\r\n Submitter: {report.submitter}\r\n Report-ID: <{report.id}>"


def attachment(report: Report) -> Part:
    """The report as a part."""
    lines = (report.content[start : start + BASE64_LINE] for start in range(0, len(report.content), BASE64_LINE))
    return Part(
        (
            Field.make("Content-Type", MEDIA_TYPE),
            Field.make("Content-Transfer-Encoding", "base64"),
            Field.make("Content-Disposition", f'attachment;\r\n filename="{report.file_name}"'),
        ),
        b"".join(b2a_base64(line, newline=False) + b"\r\n" for line in lines),
    )

"""Delivery status notifications (RFC 3464): the part that programs read, and the header of the original.

What a remote server said goes into a field as one clean line: no octet of it can begin a field or a part.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from relay.mail.compose import Part, is_plain, octets_part
from relay.mail.date import mail_date
from relay.mail.delivery import LIFETIME, Answer, Delivery, State
from relay.mail.message import CRLF
from relay.mail.text import LINE
from relay.mail.wish import decoded

LONGEST_VALUE = 900  # characters of a field: one word of it alone still fits a line of 998 (RFC 5322 2.1.1)
LONGEST_HEADER = 50_000  # octets of the original header that are returned
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")  # RFC 3463 2

# RFC 3464 2.3.3; relayed: who took it will not report.
ACTIONS = {
    State.FAILED: "failed",
    State.DELIVERED: "relayed",
    State.QUEUED: "delayed",
}

# Codes that say enough by themselves where the server gave no enhanced code (RFC 5321 4.2.2, RFC 7504, RFC 4954).
STATUS_OF_CODE = {
    500: "5.5.2",
    501: "5.5.4",
    502: "5.5.1",
    503: "5.5.1",
    504: "5.5.4",
    521: "5.3.2",  # RFC 7504 3: the host takes no mail
    530: "5.7.0",
    535: "5.7.8",
    551: "5.1.6",
    552: "5.2.2",
    553: "5.1.3",
    555: "5.5.4",
    556: "5.1.10",  # RFC 7505 4.2: null MX
}


def is_permanent(answer: Answer) -> bool:
    """True for a real no; everything else was temporary, and what ended the delivery was its age.

    The first digit of the reply decides, whatever the enhanced code says (RFC 5321 4.2.1).
    """
    if answer.code:
        return answer.code >= 500
    return answer.enhanced.startswith("5.")


def status_code(answer: Answer) -> str:
    """The RFC 3463 code of a failed delivery.

    A delivery that expired keeps class 4: RFC 3463 2 has "4.x.x" accompany a failure report when the persistence of a
    temporary condition ended the attempts, and X.4.7 prefers the code of the actual problem over its own.
    """
    permanent = is_permanent(answer)
    if ENHANCED.fullmatch(answer.enhanced) and answer.enhanced[0] == ("5" if permanent else "4"):
        return answer.enhanced
    return STATUS_OF_CODE.get(answer.code, "5.0.0") if permanent else "4.4.7"


def delivery_status(
    results: Sequence[tuple[Delivery, Answer]],
    *,
    reporting_mta: str,
    arrived_at: float,
    attempted_at: float,
    envid: str = "",
) -> Part:
    """The machine-readable part (RFC 3464 2.1): one group for the message, one for each recipient.

    It is message/global-delivery-status only when an address needs it (RFC 6533 3). Times are seconds since 1970;
    ``envid`` is what the client called the transaction, as xtext (RFC 3461 4.4).
    """
    per_message = [
        ("Original-Envelope-Id", ascii_only(decoded(envid))),  # RFC 3464 2.2.1
        ("Reporting-MTA", f"dns; {reporting_mta}"),
        ("Arrival-Date", mail_date(arrived_at)),
    ]
    groups = [per_message, *(recipient_fields(delivery, answer, attempted_at) for delivery, answer in results)]
    octets = CRLF.join(print_group(group) for group in groups)
    kind = "message/delivery-status" if octets.isascii() else "message/global-delivery-status"
    return octets_part(kind, octets)


def recipient_fields(delivery: Delivery, answer: Answer, attempted_at: float) -> list[tuple[str, str]]:
    """What is reported of one recipient (RFC 3464 2.3)."""
    kind = "rfc822" if delivery.recipient.isascii() else "utf-8"  # RFC 6533 3
    words, host = ascii_only(str(answer)), ascii_only(remote_host(answer))
    action, status = ACTIONS[delivery.state], "2.0.0" if delivery.state is State.DELIVERED else status_code(answer)
    if delivery.state is State.QUEUED:
        status = f"4{status[1:]}"  # RFC 3464 2.3.4: delayed goes with class 4
    kind_asked, _, address = delivery.orcpt.partition(";")
    original = f"{kind_asked}; {ascii_only(decoded(address))}" if address else ""
    return [
        ("Original-Recipient", original),  # RFC 3464 2.3.1
        ("Final-Recipient", f"{kind}; {delivery.recipient}"),
        ("Action", action),
        ("Status", status),
        ("Remote-MTA", f"dns; {host}" if host else ""),
        ("Diagnostic-Code", f"{'smtp' if answer.code else 'x-relay'}; {words}" if words else ""),  # RFC 3464 2.1.2
        ("Last-Attempt-Date", mail_date(attempted_at)),
        ("Will-Retry-Until", mail_date(delivery.created_at + LIFETIME) if action == "delayed" else ""),  # 2.3.9
    ]


def ascii_only(text: str) -> str:
    """The text with ``?`` for what is not ASCII: only an address may make a report global."""
    return text.encode("ascii", "replace").decode("ascii")


def remote_host(answer: Answer) -> str:
    """The name of the server that answered, or its address as a literal; empty when there was none."""
    name, bracket, rest = answer.remote.partition("[")
    return name or (f"[{rest.partition(']')[0]}]" if bracket else "")


def print_group(fields: Iterable[tuple[str, str]]) -> bytes:
    """The fields that have a value, each folded; the caller puts an empty line between groups."""
    return b"".join(print_field(name, value) for name, value in fields if value)


def print_field(name: str, value: str) -> bytes:
    """One field, folded between words."""
    lines = textwrap.wrap(
        one_line(value),
        width=LINE,
        initial_indent=f"{name}: ",
        subsequent_indent=" ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\r\n".join([*lines, ""]).encode("utf-8")


def one_line(text: str, longest: int = LONGEST_VALUE) -> str:
    """The text on one line: white space as single spaces, anything else that does not print as ``?``, cut if long."""
    plain = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return plain if len(plain) <= longest else plain[: longest - 3] + "..."


def original_header(header: bytes) -> Part:
    """The header of the message that is reported (RFC 6522 4), without the fields past 50 kB."""
    kept = header if len(header) <= LONGEST_HEADER else whole_fields(header[:LONGEST_HEADER])
    return octets_part("text/rfc822-headers", kept)


def original_message(header: bytes, body: bytes | None) -> Part:
    """The message that is reported, all of it (RFC 3461 4.3 RET=FULL). Its header alone where there is no body, and
    where the body is not plain: a message within another is never encoded (RFC 2046 5.2.1)."""
    if body is None or not is_plain(whole := header + CRLF + body):
        return original_header(header)
    return octets_part("message/rfc822", whole)


def whole_fields(header: bytes) -> bytes:
    """The fields of a cut-off header block that are complete."""
    ends = [match.start() + 2 for match in re.finditer(rb"\r\n(?=[^ \t\r\n])", header)]
    return header[: ends[-1]] if ends else b""

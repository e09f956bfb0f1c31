"""The octets of a message: lines, line ends, and octets that need a declaration."""

from __future__ import annotations

import re
from collections.abc import Iterator

from relay.checks.message.mail import Mail
from relay.checks.model import Finding, Severity
from relay.mail.message import CRLF

LONGEST_LINE = 998  # octets without CRLF: RFC 5322 2.1.1, RFC 5321 4.5.3.1.6
BARE_LF = re.compile(rb"(?<!\r)\n")
BARE_CR = re.compile(rb"\r(?!\n)")
MB = 1024 * 1024
MOST_OCTETS = 25 * MB  # what Gmail and Outlook.com take
TAKES_LESS = 20 * MB  # what many take


def judge_lines(mail: Mail) -> Iterator[Finding]:
    """Lines that are too long, line ends that are none, 8-bit octets that were not declared."""
    octets = mail.octets
    places = {
        "msg.line.998": (long_line(octets), "RFC 5322 2.1.1"),
        "msg.line.bare_lf": (bare(BARE_LF, b"\n", octets), "RFC 5322 2.3"),
        "msg.line.bare_cr": (bare(BARE_CR, b"\r", octets), "RFC 5322 2.3"),
        "msg.line.nul": (octets.find(b"\0"), "RFC 5322 4"),
    }
    for id, (place, rfc) in places.items():
        if place >= 0:
            line = str(octets.count(b"\n", 0, place) + 1)
            yield Finding(id, Severity.ERROR, "line", {"line": line}, rfc=rfc)
    header, body = mail.split
    if not header.isascii():
        yield Finding("msg.line.8bit", Severity.ERROR, "header", rfc="RFC 5322 2.2")
    encoding = (mail.value("content-transfer-encoding") or "7bit").strip().lower()
    if not body.isascii() and encoding == "7bit" and not declared(mail):
        yield Finding("msg.line.8bit.body", Severity.ERROR, "body", rfc="RFC 2045 6.2")


def long_line(octets: bytes) -> int:
    """Where the first line begins that is too long; -1 where there is none. Leaps from line end to line end."""
    place = 0
    while len(octets) - place > LONGEST_LINE:
        end = octets.rfind(b"\n", place, place + LONGEST_LINE + 2)
        if end < 0:
            return place
        place = end + 1
    return -1


def bare(pattern: re.Pattern[bytes], octet: bytes, octets: bytes) -> int:
    """Where the first CR or LF stands alone; -1 where there is none, which counting tells at once."""
    if octets.count(octet) == octets.count(CRLF):
        return -1
    match = pattern.search(octets)
    return match.start() if match else -1


def declared(mail: Mail) -> bool:
    """True when each part with 8-bit octets says so."""
    leaves = mail.parts.leaves
    return len(leaves) > 1 and all(leaf.encoding not in {"", "7bit"} for leaf in leaves if not leaf.body.isascii())


def judge_size(mail: Mail) -> Iterator[Finding]:
    """The size as it goes over the wire, base64 included, against what large providers take."""
    size = len(mail.octets)
    if size > TAKES_LESS:
        files = sum(len(leaf.body) for leaf in mail.attachments) * 100 // 137
        facts = {"size": f"{size / MB:.1f}", "files": f"{files / MB:.1f}"}
        severity = Severity.ERROR if size > MOST_OCTETS else Severity.WARNING
        yield Finding("msg.size", severity, "message", facts, rfc="RFC 1870 3")

"""A record that was cut off by a panel that takes 255 octets, the longest string that DNS has, for all.

On the wire no string can be longer (RFC 1035 3.3), so the slip shows only in what is left: a record of exactly 255
octets that does not end, or one whose end stands in a TXT record of its own.
"""

from __future__ import annotations

import re

from relay.checks.model import Finding, Severity
from relay.checks.spf.publish import spf_fix
from relay.checks.spf.record import Record, parse_record
from relay.checks.spf.tree import Node
from relay.mail.zone_line import TXT_STRING

THE_END = re.compile(rb"[\x21-\x7e ]*[~\-?+]all *")


def judge_cut(root: Node, record: Record) -> Finding | None:
    """The finding, with the whole record where the rest of it can be seen."""
    if record.all is not None or record.redirect is not None:
        return None
    rest = [value for value in root.values if isinstance(value, bytes) and THE_END.fullmatch(value)]
    rest = [value for value in rest if not value.lower().startswith(b"v=")]
    whole = joined(record, rest[0].decode("ascii")) if len(rest) == 1 else None
    if whole is None and len(record.text) != TXT_STRING:
        return None
    removes = (record.text, *(value.decode("ascii") for value in rest)) if whole else ()
    fix = spf_fix(root.domain, whole, removes) if whole else None
    facts = {"name": root.domain, "end": record.text[-20:]}
    return Finding("spf.size.string", Severity.ERROR, root.domain, facts, fix, (record.text,), "RFC 1035 3.3")


def joined(record: Record, rest: str) -> str | None:
    """The two pieces as one sound record; None when they do not fit together."""
    for between in ("", " "):
        text = f"{record.text}{between}{rest}"
        if not parse_record(text.encode("latin-1")).faults:
            return text
    return None

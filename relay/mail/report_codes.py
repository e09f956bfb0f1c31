"""The status code (RFC 3463) that words of a server amount to: the code in them, else what the words are known for."""

from __future__ import annotations

import re

from relay.mail.dsn import STATUS_OF_CODE
from relay.mail.report_phrases import MEANINGS

LONGEST_MEANT = 4_000  # characters that are searched for words that are known

# RFC 3463 2: class, subject (0 to 7), detail. Not part of an IP address, and no version number of a program.
ENHANCED = re.compile(r"(?<![\d.])([245])\.([0-7])\.(\d{1,3})(?![\d]|\.\d)")
REPLY = re.compile(r"(?<![\w.-])([45][0-5]\d)(?=[ \t:-]|$)", re.MULTILINE)  # RFC 5321 4.2.1


def best_status(status: str, words: str, kind: str) -> str:
    """The code that says most: the first precise one in ``status`` and in ``words``, else what ``words`` are known for.

    ``kind`` is the class, ``5`` or ``4``, where neither says one; with ``2`` nothing but a success is looked for.
    """
    classes = "2" if kind == "2" else "45"
    found = [match for text in (status, words) if (match := ENHANCED.search(text)) and match[1] in classes]
    for match in found:
        if (match[2], match[3]) != ("0", "0"):
            return match[0]
    if kind == "2":
        return "2.0.0"
    reply = REPLY.search(words) or REPLY.search(status)
    kind = found[0][1] if found else reply[1][0] if reply else kind
    if meant := meaning(words):
        return f"{kind}.{meant}"
    code = STATUS_OF_CODE.get(int(reply[1]), "") if reply else ""
    return code if code.startswith(kind) else f"{kind}.0.0"


def meaning(words: str) -> str:
    """Subject and detail that words are known for; empty for others."""
    return next((subject for subject, pattern in MEANINGS.items() if pattern.search(words, 0, LONGEST_MEANT)), "")

"""Where the running relay writes what it does: one line an event on standard error.

Much of what is logged was said by strangers. Whatever they say, an event stays one line of at most `LONGEST` octets,
without characters that a terminal or another program would obey; what went wrong with its traceback too.
"""

from __future__ import annotations

import logging
import re
import sys

NOISY = ("mail.log", "uvicorn.error")  # aiosmtpd and uvicorn: their lines at INFO tell nothing that ours do not
LONGEST = 4096  # octets of an event, its line end included
CUT = b" ... "
UNPRINTABLE = re.compile(r"[^ -~]")


class LineFormatter(logging.Formatter):
    """Formats an event as one line. Of what is too long the beginning and the end stay: a traceback ends with why."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        lines = super().format(record).split("\n")
        text = " | ".join(line for line in lines if line.strip(" ^~"))  # a traceback's markers say nothing here
        octets = UNPRINTABLE.sub(escaped, text).encode("utf-8")
        room = LONGEST - 1
        if len(octets) > room:
            half = (room - len(CUT)) // 2
            octets = octets[:half] + CUT + octets[-half:]
        return octets.decode("utf-8", "ignore")


def escaped(found: re.Match[str]) -> str:
    """A character as it is where that does no harm, else as Python writes it in a literal."""
    character = found[0]
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def start_logging(level: int) -> None:
    """Log from ``level`` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    for name in NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))

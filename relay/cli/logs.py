"""Where the running relay writes what it does: one line an event on standard error."""

from __future__ import annotations

import logging
import sys

NOISY = ("mail.log", "uvicorn.error")  # aiosmtpd and uvicorn: their lines at INFO tell nothing that ours do not


def start_logging(level: int) -> None:
    """Log from ``level`` on."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))

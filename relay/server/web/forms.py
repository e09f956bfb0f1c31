"""Reading what a browser sent: small forms only, and a count of who opens links that do not exist."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST_FORM = 4096  # octets
MOST_FIELDS = 10
MOST_MISSES = 10  # unknown links an address may open in a minute
MINUTE = 60.0
MOST_CLIENTS = 10_000


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form; empty when it is something else. 413 when it is larger than ours can be."""
    octets = b""
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > LARGEST_FORM:
            raise HTTPException(413)
    try:
        return dict(parse_qsl(octets.decode("ascii", "replace"), max_num_fields=MOST_FIELDS))
    except ValueError:  # too many fields
        return {}


class Misses:
    """How many unknown links each client address opened in the present minute, in bounded memory."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.began_at = 0.0

    def note(self, client: str, now: float) -> None:
        """One more."""
        if not 0 <= now - self.began_at < MINUTE or len(self.counts) >= MOST_CLIENTS:
            self.counts.clear()
            self.began_at = now
        self.counts[client] += 1

    def too_many(self, client: str, now: float) -> bool:
        """True when this address has to wait until the minute is over."""
        return 0 <= now - self.began_at < MINUTE and self.counts[client] >= MOST_MISSES

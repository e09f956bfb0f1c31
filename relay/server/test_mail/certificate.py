"""The certificate of a server that took the test mail: looked at afterwards, on a connection of its own, since the
relay keeps none of what it sees."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from relay.checks.own_server.certificate import read_certificate
from relay.checks.own_server.look import look
from relay.checks.own_server.question import Question

if TYPE_CHECKING:
    from relay.config import Config
    from relay.server.test_mail.step import Journal

SECONDS = 10.0
MOST_NAMES = 3
REMOTE = re.compile(r"(?P<host>.+)\[(?P<address>[^\[\]]+)\]:(?P<port>\d+)")  # `relay.mail.delivery.Answer`


async def note_certificate(config: Config, hello: str, remote: str, journal: Journal) -> None:
    """Tell whose certificate it is, until when it holds, and whether a known authority says so. Nothing where it could
    not be seen."""
    found = REMOTE.fullmatch(remote)
    if found is None:
        return
    now = datetime.fromtimestamp(journal.now(), UTC)
    question = Question(
        found["host"], now, int(found["port"]), ca_file=config.delivery.ca_file, hello=hello, seconds=SECONDS
    )
    [seen] = await look(int(found["port"]), [found["address"]], question, asyncio.get_running_loop().time() + SECONDS)
    certificate = read_certificate(seen.tls.certificate) if seen.tls else None
    if certificate is None:
        return
    facts = {
        "host": found["host"],
        "names": ", ".join(certificate.names[:MOST_NAMES]) or "-",
        "issuer": certificate.issuer,
        "until": certificate.not_after.date().isoformat(),
    }
    if seen.verified:
        journal.note("certificate", **facts)
    else:
        reason = seen.trouble.reason if seen.trouble else ""
        journal.note("untrusted", **facts, reason=reason)

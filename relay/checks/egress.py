"""Can mail leave? Tries TCP to mail exchangers at port 25, and tells a firewall (nothing comes back) from a closed port
(refused). Nothing is said to the server that answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum

from relay.checks.asking import Asking
from relay.checks.dated import names
from relay.checks.model import Finding, Part, Severity
from relay.net.dns import Records

SMTP_PORT = 25
SECONDS = 5.0


class Reached(StrEnum):
    """How an attempt to connect ended. UNREACHABLE: this machine knows no way there."""

    OPEN = "open"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


Dial = Callable[[str, int, float], Awaitable[Reached]]

FINDINGS = (
    (Reached.TIMEOUT, "egress.25", Severity.ERROR),
    (Reached.REFUSED, "egress.refused", Severity.ERROR),
    (Reached.UNREACHABLE, "egress.unreachable", Severity.UNKNOWN),
)


async def dial(address: str, port: int, seconds: float) -> Reached:
    """Connect to an IP address, and hang up at once."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return Reached.TIMEOUT
    except ConnectionRefusedError:
        return Reached.REFUSED
    except OSError:
        return Reached.UNREACHABLE
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Reached.OPEN


async def check_egress(
    asking: Asking, hosts: Sequence[str] = (), port: int = SMTP_PORT, seconds: float = SECONDS, dial: Dial = dial
) -> Part:
    """Try the mail exchangers ``hosts``, some that always answer when there are none; each within ``seconds``."""
    chosen = tuple(hosts) or tuple(sorted(names("mail_hosts", "egress", "hosts")))
    answers = await asyncio.gather(*(asking.lookup(host, "A") for host in chosen))
    found = zip(chosen, answers, strict=True)
    known = {host: str(answer.values[0]) for host, answer in found if isinstance(answer, Records)}
    reached = await asyncio.gather(*(dial(address, port, seconds) for address in known.values()))
    tried = dict(zip(known, reached, strict=True))
    facts = {"port": port, "tried": {host: each.value for host, each in tried.items()}}
    return Part("egress", ", ".join(chosen), facts, judge_egress(tried, chosen, port))


def judge_egress(tried: Mapping[str, Reached], hosts: Sequence[str], port: int) -> tuple[Finding, ...]:
    """One open way is enough; of several that fail, a firewall explains most."""
    facts = {"port": str(port), "hosts": ", ".join(tried or hosts)}
    if not tried:
        return (Finding("egress.unknown", Severity.UNKNOWN, facts["hosts"], facts, rfc="RFC 5321 4.5.4.2"),)
    if Reached.OPEN in tried.values():
        return ()
    evidence = tuple(f"{host}: {each}" for host, each in tried.items())
    found, severity = next((id, severity) for each, id, severity in FINDINGS if each in tried.values())
    return (Finding(found, severity, facts["hosts"], facts, None, evidence, "RFC 5321 4.5.4.2"),)

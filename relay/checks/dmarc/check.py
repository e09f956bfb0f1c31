"""``relay check dmarc``: the policy of a domain, its record, and whether mail as it is sent satisfies it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from relay.checks.alignment import alignment, identities
from relay.checks.asking import Asking
from relay.checks.dmarc.findings import judge_dmarc
from relay.checks.dmarc.known import Around, Dmarc
from relay.checks.dmarc.reports import receivers
from relay.checks.dmarc.walk import Discovery, discover
from relay.checks.model import Finding, Part, Severity
from relay.checks.sending import Sending
from relay.net.dns import plain_name


async def check_dmarc(asking: Asking, domain: str, sending: Sending | None = None) -> Part:
    """Ask for the DMARC of a domain and judge it; with ``sending`` also how mail is aligned."""
    name = plain_name(domain)
    dmarc, walks = await asyncio.gather(read_domain(asking, name), walks_of(asking, name, sending))
    found = tuple(judge_dmarc(dmarc))
    aligned = alignment(sending, dmarc, walks) if sending else ()
    return Part("dmarc", name, facts_of(dmarc, found), (*found, *aligned))


async def read_domain(asking: Asking, domain: str) -> Dmarc:
    """The walk and what is asked beside it at once; then the domains that reports go to."""
    place = f"_dmarc.{domain}"
    discovery, *around = await asyncio.gather(
        discover(asking, domain),
        asking.lookup(domain, "TXT"),
        asking.lookup(f"{place}.{domain}", "TXT"),
        asking.lookup(place, "CNAME"),
        asking.lookup(domain, "MX"),
    )
    return Dmarc(discovery, Around(*around), await receivers(asking, discovery))


async def walks_of(asking: Asking, domain: str, sending: Sending | None) -> dict[str, Discovery]:
    """The walks from the domains that a message of this domain is authenticated by."""
    names = identities(sending, domain) if sending else ()
    walks = await asyncio.gather(*(discover(asking, name) for name in names))
    return dict(zip(names, walks, strict=True))


def facts_of(dmarc: Dmarc, findings: Sequence[Finding]) -> dict[str, object]:
    """The names are stable. ``policy`` is what the record says for the domain, ``acts_as`` the same with ``t=y``;
    ``valid`` is null where it could not be determined."""
    discovery = dmarc.discovery
    is_sound = dmarc.record is not None and not any(each.severity is Severity.ERROR for each in findings)
    return {
        "record": dmarc.record.text if dmarc.record else None,
        "found_at": discovery.applied.name if discovery.applied else None,
        "org_domain": discovery.org_domain,
        "policy": dmarc.policy,
        "acts_as": dmarc.acts_as,
        "valid": is_sound if discovery.is_known else None,
        "exists": dmarc.exists,
        "walk": [{"name": step.name, "state": step.state} for step in discovery.steps],
    }

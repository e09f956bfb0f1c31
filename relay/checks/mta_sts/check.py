"""``relay check mta-sts``: the record, the policy file, the mail servers."""

from __future__ import annotations

import asyncio

from relay.checks.asking import Asking
from relay.checks.model import Part
from relay.checks.mta_sts.findings import judge_sts
from relay.checks.mta_sts.known import PATH, Sts, lookalikes
from relay.net.dns import plain_name
from relay.net.https import HttpsClient, fetch


async def check_mta_sts(asking: Asking, domain: str, client: HttpsClient | None = None) -> Part:
    """Ask for the MTA-STS of a domain and judge it. The policy is fetched where one is announced."""
    name = plain_name(domain)
    txt, mx = await asyncio.gather(asking.lookup(f"_mta-sts.{name}", "TXT"), asking.lookup(name, "MX"))
    sts = Sts(name, txt, mx)
    if sts.records or lookalikes(sts):
        sts = Sts(name, txt, mx, await fetch(asking, client or HttpsClient(), sts.host, PATH))
    return Part("mta-sts", name, facts_of(sts), tuple(judge_sts(sts)))


def facts_of(sts: Sts) -> dict[str, object]:
    """The names are stable. ``policy`` is null where there is no valid one; nothing is ``covered`` or not then."""
    policy = sts.policy
    return {
        "record": sts.records[0] if len(sts.records) == 1 else None,
        "id": sts.id,
        "policy": {"mode": policy.mode, "mx": list(policy.mx), "max_age": policy.max_age} if policy else None,
        "mx": [{"host": host, "covered": policy.covers(host) if policy else None} for host in sts.hosts or ()],
    }

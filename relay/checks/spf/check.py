"""``relay check spf``: the verdict for an address, the health of the tree, and the include question, in one gather."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from relay.checks.asking import Asking
from relay.checks.model import Report
from relay.checks.spf.evaluate import Verdict, check_host, plain_ip
from relay.checks.spf.findings import judge_spf
from relay.checks.spf.include import Included, Wanted, answer_include, sending_addresses
from relay.checks.spf.macro import Ip
from relay.checks.spf.tree import Node, walk
from relay.net.dns import Directed


@dataclass(frozen=True, slots=True)
class SpfQuestion:
    """What is asked. Without ``ips`` there is no verdict, unless ``include`` names whose addresses to try. A ``sender``
    of None is ``postmaster``, an empty one the HELO identity. ``mail_from`` False: the domain is no reverse-path."""

    domain: str
    ips: tuple[Ip, ...] = ()
    sender: str | None = None
    helo: str = ""
    include: str = ""
    aliases: tuple[str, ...] = ()
    mail_from: bool = True

    @property
    def checked(self) -> str:
        """The domain whose record decides (RFC 7208 2.3, 2.4)."""
        return self.helo if self.sender == "" and self.helo else self.domain


@dataclass(frozen=True, slots=True)
class SpfAnswer:
    """All that was found; ``verdicts`` are in the order of ``ips``."""

    report: Report
    tree: Node
    ips: tuple[Ip, ...]
    verdicts: tuple[Verdict, ...]
    include: Included | None

    @property
    def verdict(self) -> Verdict | None:
        """The verdict for the first address."""
        return self.verdicts[0] if self.verdicts else None


async def check_spf(resolver: Directed, question: SpfQuestion) -> SpfAnswer:
    """Ask, evaluate, judge."""
    started_at = time.monotonic()
    asking = Asking(resolver)
    include = question.include.lower().rstrip(".")
    ips = tuple(plain_ip(ip) for ip in question.ips)
    if include and not ips:
        ips = await sending_addresses(asking, include)
    rdtype = "AAAA" if ips and ips[0].version == 6 else "A"
    domain, sender = question.checked, question.sender or ""
    evaluations = asyncio.gather(*(check_host(asking, ip, domain, sender, question.helo) for ip in ips))
    root, verdicts = await asyncio.gather(walk(asking, domain, rdtype), evaluations)
    included = None
    if include:
        wanted = Wanted(include, frozenset({include, *(name.lower().rstrip(".") for name in question.aliases)}), ips)
        included = Included("inc.na") if not question.mail_from else await included_in(asking, root, wanted, verdicts)
    findings = await judge_spf(asking, root, verdicts[0] if verdicts else None)
    report = Report(domain, findings, round((time.monotonic() - started_at) * 1000), asking.queries)
    return SpfAnswer(report, root, ips, tuple(verdicts), included)


async def included_in(asking: Asking, root: Node, wanted: Wanted, verdicts: list[Verdict]) -> Included:
    """The include question; unknown when nobody knows which addresses to ask for."""
    return (
        await answer_include(asking, root, wanted, verdicts) if verdicts else Included("inc.unknown", (wanted.include,))
    )

"""``relay check spf``: the verdict for an address, the health of the tree, and the include question, in one gather."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from relay.checks.asking import Asking, Overlay
from relay.checks.model import Report
from relay.checks.sending import Mode, Sending
from relay.checks.spf.agree import agreed
from relay.checks.spf.aside import Aside, judge_identities
from relay.checks.spf.evaluate import Verdict, check_host, plain_ip
from relay.checks.spf.findings import Found, judge_spf
from relay.checks.spf.include import Included, answer_include, sending_addresses
from relay.checks.spf.macro import Ip
from relay.checks.spf.record import spf_texts
from relay.checks.spf.servers import Elsewhere, ask_servers
from relay.checks.spf.tree import Node, walk
from relay.checks.spf.under_ten import Saving, under_ten
from relay.checks.spf.where import Wanted
from relay.net.dns import Directed, Records, Unknown, plain_name


@dataclass(frozen=True, slots=True)
class SpfQuestion:
    """What is asked. Without ``ips`` there is no verdict, unless ``include`` names whose addresses to try. A ``sender``
    of None is ``postmaster``, an empty one the HELO identity. ``sending`` is how mail of the domain is sent; None: the
    domain is the reverse-path, and nothing more is known."""

    domain: str
    ips: tuple[Ip, ...] = ()
    sender: str | None = None
    helo: str = ""
    include: str = ""
    aliases: tuple[str, ...] = ()
    sending: Sending | None = None

    @property
    def checked(self) -> str:
        """The domain whose record decides (RFC 7208 2.3, 2.4)."""
        return self.helo if self.sender == "" and self.helo else self.domain

    @property
    def mail_from(self) -> bool:
        """False when the reverse-path is the platform's."""
        return self.sending is None or self.sending.mode is not Mode.REWRITTEN

    def wanted(self, ips: tuple[Ip, ...]) -> Wanted:
        """The include in question."""
        names = frozenset(plain_name(name) for name in (self.include, *self.aliases))
        return Wanted(plain_name(self.include), names, ips)


@dataclass(frozen=True, slots=True)
class SpfAnswer:
    """All that was found; ``verdicts`` are in the order of ``ips``. ``under_ten`` is what to change so that the record,
    with the include where one is proposed, costs ten look-ups."""

    report: Report
    tree: Node
    ips: tuple[Ip, ...]
    verdicts: tuple[Verdict, ...]
    include: Included | None
    under_ten: tuple[Saving, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """The verdict for the first address."""
        return self.verdicts[0] if self.verdicts else None


async def check_spf(resolver: Directed, question: SpfQuestion) -> SpfAnswer:
    """Ask, evaluate, judge."""
    started_at = time.monotonic()
    asking = Asking(resolver)
    domain = question.checked
    aside = Aside.of(asking, domain, typed=not question.ips)  # no verdict depends on the old type (RFC 7208 3.1)
    tree = asyncio.create_task(walk(asking, domain, family_of(question.ips)))
    identities = asyncio.create_task(judge_identities(asking, domain, question.sending))
    ips = tuple(plain_ip(ip) for ip in question.ips)
    theirs = asyncio.create_task(walk(asking, plain_name(question.include))) if question.include else None
    if theirs is not None and not ips:
        ips = sending_addresses(await theirs)
    wanted = question.wanted(ips)
    verdicts = await asyncio.gather(
        *(check_host(asking, ip, domain, question.sender or "", question.helo) for ip in ips)
    )
    root = await tree
    found = Found(aside, ips, verdicts[0] if verdicts else None, wanted.names, question.mail_from)
    (included, elsewhere), findings = await asyncio.gather(
        included_in(asking, root, question, wanted, verdicts, aside), judge_spf(asking, root, found)
    )
    tried = await tree_with(asking, root, included)
    if included is not None and tried is not root:
        included = replace(included, lookups=tried.lookups)
    report = Report(
        domain,
        (*agreed(findings, included, wanted.include), *elsewhere.findings, *await identities),
        round((time.monotonic() - started_at) * 1000),
        asking.queries,
    )
    savings = await under_ten(asking, tried, wanted.names)
    if theirs is not None:
        await theirs  # asked at once with the domain's own record: a proposal is tried with it
    return SpfAnswer(report, root, ips, tuple(verdicts), included, savings)


def family_of(ips: Sequence[Ip]) -> str:
    """The type of address that is compared with."""
    return "AAAA" if ips and plain_ip(ips[0]).version == 6 else "A"


async def included_in(
    asking: Asking, root: Node, question: SpfQuestion, wanted: Wanted, verdicts: Sequence[Verdict], aside: Aside
) -> tuple[Included | None, Elsewhere]:
    """The include question, when it is asked: unknown when nobody knows which addresses to ask for, and a no only when
    no authoritative server knows better."""
    if not question.include:
        return None, Elsewhere()
    if not question.mail_from:
        return Included("inc.na"), Elsewhere()
    included = Included("inc.unknown", (wanted.include,))
    if verdicts:
        included = await answer_include(asking, root, wanted, verdicts, wildcard=await aside.is_wildcard(root))
    hopeless = included.answer in {"no", "unknown"} and root.state != "unknown"
    if hopeless and await is_missing(asking, wanted.include):
        return Included("inc.no.target", (wanted.include,)), Elsewhere()
    if included.answer != "no":
        return included, Elsewhere()
    elsewhere = await ask_servers(asking, root, wanted.ips)
    if elsewhere.ttl is not None:
        included = Included("inc.part.ns", (root.domain,), ttl=elsewhere.ttl)
    return included, elsewhere


async def is_missing(asking: Asking, include: str) -> bool:
    """True for an include that has no SPF record itself: whoever includes it has an error (RFC 7208 5.2)."""
    answer = await asking.lookup(include, "TXT")
    return not isinstance(answer, Unknown) and not (isinstance(answer, Records) and spf_texts(answer.values))


async def tree_with(asking: Asking, root: Node, included: Included | None) -> Node:
    """The tree of the record that is proposed; where none is, the one that there is."""
    if included is None or included.publish is None:
        return root
    answer = Records((included.publish.encode("latin-1"),), root.ttl)
    return await walk(Asking(Overlay(asking, root.domain, answer)), root.domain)

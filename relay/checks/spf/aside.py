"""What stands beside an SPF record: the old record type, a wildcard, the identities of the mail, too many PTR names."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from relay.checks.asking import Asking
from relay.checks.model import Finding, Fix, Severity
from relay.checks.sending import Sending
from relay.checks.spf.evaluate import MOST_NAMES, is_domain, is_literal
from relay.checks.spf.macro import Ip, reverse_name
from relay.checks.spf.publish import spf_fix
from relay.checks.spf.record import spf_texts
from relay.checks.spf.tree import Node, everything
from relay.net.dns import Lookup, NoData, NoName, Records, plain_name

GRACE = 0.1  # seconds that a side question may take when the answer is there: old servers are silent about type 99


@dataclass(slots=True)
class Aside:
    """Questions on their way beside the walk of the tree: the type SPF at the name, and TXT at a name that nobody can
    have made on purpose (where a wildcard could answer for the domain)."""

    typed: asyncio.Task[Lookup] | None = None
    probe: asyncio.Task[Lookup] | None = None

    @classmethod
    def of(cls, asking: Asking, domain: str, *, typed: bool = True) -> Aside:
        """Ask both; without ``typed`` not for the type SPF. Nobody has a wildcard right below the top."""
        if not is_domain(domain) or is_literal(domain):
            return cls()
        parent = plain_name(domain).partition(".")[2]
        probe = f"{secrets.token_hex(8)}.{parent}" if "." in parent else ""
        return cls(
            asyncio.create_task(asking.lookup(domain, "SPF")) if typed else None,
            asyncio.create_task(asking.lookup(probe, "TXT")) if probe else None,
        )

    async def old_records(self) -> list[bytes]:
        """Records of the old type; none when they do not come soon."""
        answer = await soon(self.typed)
        return spf_texts(answer.values) if isinstance(answer, Records) else []

    async def is_wildcard(self, root: Node) -> bool:
        """True when any name beside the domain has the same record (RFC 7208 3.5)."""
        answer = await soon(self.probe)
        if root.record is None or not isinstance(answer, Records):
            return False
        return spf_texts(answer.values) == [root.record.text.encode("latin-1")]


async def soon(asked: asyncio.Task[Lookup] | None) -> Lookup:
    """An answer that nothing depends on: there within the grace, or not at all."""
    if asked is None:
        return NoData()
    done, _ = await asyncio.wait({asked}, timeout=GRACE)
    return asked.result() if done else NoData()


async def judge_aside(asking: Asking, aside: Aside, root: Node, ips: Sequence[Ip]) -> list[Finding]:
    """What is beside a record that is there."""
    texts, wildcard, crowded = await asyncio.gather(
        aside.old_records(), aside.is_wildcard(root), judge_reverse(asking, root, ips)
    )
    found = list(crowded)
    if texts:
        removes = tuple(f"SPF {text.decode('latin-1')}" for text in texts)
        fix = Fix(root.domain, "SPF", "", "", removes)
        facts = {"name": root.domain}
        found.append(Finding("spf.type99", Severity.WARNING, root.domain, facts, fix, removes, "RFC 7208 3.1"))
    if wildcard and root.record is not None:
        fix, facts = spf_fix(root.domain, root.record.text), {"name": root.domain}
        found.append(Finding("spf.wildcard", Severity.INFO, root.domain, facts, fix, rfc="RFC 7208 3.5"))
    return found


async def judge_reverse(asking: Asking, root: Node, ips: Sequence[Ip]) -> list[Finding]:
    """``ptr`` with an address of more names than are looked at: those behind the tenth are ignored."""
    terms = [node.terms[place] for node, place in everything(root) if node.terms[place].name == "ptr"]
    if not terms:
        return []
    answers = await asyncio.gather(*(asking.lookup(reverse_name(ip), "PTR") for ip in ips))
    return [
        Finding(
            "spf.ptr.over10",
            Severity.WARNING,
            root.domain,
            {"term": terms[0].text, "ip": str(ip), "count": str(len(answer.values))},
            rfc="RFC 7208 4.6.4",
        )
        for ip, answer in zip(ips, answers, strict=True)
        if isinstance(answer, Records) and len(answer.values) > MOST_NAMES
    ]


async def judge_identities(asking: Asking, domain: str, sending: Sending | None) -> list[Finding]:
    """Which names receivers check when mail is sent like this (RFC 7208 2.3, 2.4)."""
    if sending is None:
        return []
    return [*judge_scope(domain, sending), *await judge_helo(asking, sending)]


def judge_scope(domain: str, sending: Sending) -> Iterator[Finding]:
    """The reverse-path has another domain: the record of this one is not read."""
    if plain_name(sending.mail_from) not in {"", plain_name(domain)}:
        facts = {"mail_from": sending.mail_from, "domain": domain}
        yield Finding("spf.scope", Severity.INFO, domain, facts, rfc="RFC 7208 2.4")


async def judge_helo(asking: Asking, sending: Sending) -> list[Finding]:
    """A HELO name of the platform without a record: bounces have no other identity (RFC 7208 2.4)."""
    helo = plain_name(sending.helo)
    if "." not in helo or helo.startswith("["):
        return []
    answer = await asking.lookup(helo, "TXT")
    if isinstance(answer, NoData | NoName) or (isinstance(answer, Records) and not spf_texts(answer.values)):
        fix = spf_fix(helo, "v=spf1 a -all")
        return [Finding("spf.helo", Severity.INFO, helo, {"name": helo}, fix, rfc="RFC 7208 2.3")]
    return []

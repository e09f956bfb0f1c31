"""``relay check platform``: is the platform itself fit to send? Its addresses, its names, its records.

1. The addresses that mail leaves from are given, or those of the name in EHLO.
2. `by_address` checks what depends on them; everything else is asked at the same time.
3. Findings carry the records that ``relay dns`` prints, not what would do for any domain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from relay.checks.asking import Asking
from relay.checks.dkim.check import check_dkim
from relay.checks.dmarc.check import check_dmarc
from relay.checks.egress import SMTP_PORT, check_egress
from relay.checks.helo import Ip, read_helo
from relay.checks.model import NO_FACTS, Finding, Fix, Part, Severity
from relay.checks.mx import check_mx
from relay.checks.own_include import check_own_include
from relay.checks.ptr import check_ptr
from relay.checks.publish import record_fix, txt_fix
from relay.checks.sending import Sending
from relay.checks.spf.check import SpfQuestion, check_spf
from relay.checks.spf.part import spf_part
from relay.checks.spf.publish import spf_fix

MOST_QUERIES = 300  # of all parts; each has a limit of its own
NO_MX = frozenset({"mx.none", "mx.none.a", "mx.null", "mx.nxdomain"})
REFUSED = frozenset({"fail", "softfail", "permerror"})


@dataclass(frozen=True, slots=True)
class PlatformQuestion:
    """What is asked. ``sending`` has the names, and the addresses where they are known; ``wanted_keys`` the record of
    each DKIM key by its selector (none: mail is not signed); ``dmarc`` the record that belongs at the From domain.
    ``port`` is tried at ``mail_hosts`` when ``connect`` is set."""

    sending: Sending
    include: str
    wanted_keys: Mapping[str, str] = field(default_factory=lambda: NO_FACTS)
    dmarc: str = ""
    hostname_is_set: bool = True
    connect: bool = False
    mail_hosts: tuple[str, ...] = ()
    port: int = SMTP_PORT


async def check_platform(asking: Asking, question: PlatformQuestion) -> tuple[Part, ...]:
    """All parts, each within limits of its own."""
    sending = question.sending
    about_addresses, *parts = await asyncio.gather(
        by_address(asking, question),
        bounces(Asking(asking), question),
        signing(Asking(asking), question),
        policy(Asking(asking), question),
        leaving(Asking(asking), question),
    )
    facts = {
        "hostname": sending.helo,
        "from_domain": sending.from_domain,
        "bounce_domain": sending.mail_from,
        "signing_domain": sending.dkim_domain,
        "spf_include": question.include,
    }
    first = Part("platform", sending.helo, facts, tuple(judge_settings(question)))
    return (first, *about_addresses, *(part for part in parts if part is not None))


def judge_settings(question: PlatformQuestion) -> Iterator[Finding]:
    """What the configuration itself lacks."""
    sending = question.sending
    if not question.hostname_is_set:
        yield Finding("platform.hostname", Severity.WARNING, sending.helo, {"hostname": sending.helo})
    if not question.wanted_keys:
        yield Finding("platform.unsigned", Severity.ERROR, sending.from_domain, {"name": sending.from_domain})


async def by_address(asking: Asking, question: PlatformQuestion) -> Sequence[Part]:
    """PTR and EHLO, our include, SPF of the reverse-path and of the name in EHLO."""
    sending = question.sending
    ips = sending.ips or tuple(dict.fromkeys((await read_helo(asking, sending.helo)).ips))
    targets: list[Ip | str] = [*ips] or [sending.helo]
    return await asyncio.gather(
        check_ptr(Asking(asking), targets, sending.helo),
        check_own_include(Asking(asking), question.include, ips),
        reverse_path(asking, question, ips),
        greeting(asking, question, ips),
    )


async def reverse_path(asking: Asking, question: PlatformQuestion, ips: tuple[Ip, ...]) -> Part:
    """SPF of the bounce domain: mail from our addresses must pass by our own include."""
    domain = question.sending.mail_from
    answer = await check_spf(asking, SpfQuestion(domain, ips, include=question.include))
    part, included = spf_part(answer), answer.include
    if included is None or included.answer not in {"no", "partly"}:
        return part
    fix = spf_fix(domain, included.publish, included.removes) if included.publish else None
    facts = {"name": domain, "include": question.include}
    ours = Finding("spf.platform.bounce", Severity.ERROR, domain, facts, fix, included.chain, "RFC 7208 2.4")
    others = (each for each in part.findings if fix is None or each.id not in {"spf.none", "spf.subdomain"})
    return replace(part, findings=(ours, *others))


async def greeting(asking: Asking, question: PlatformQuestion, ips: tuple[Ip, ...]) -> Part:
    """SPF of the name in EHLO, which counts for mail with the null reverse-path, such as our own notices."""
    name = question.sending.helo
    answer = await check_spf(asking, SpfQuestion(name, ips, sender="", helo=name))
    part = spf_part(answer)
    result = next((each.result for each in answer.verdicts if each.result in REFUSED), "")
    if result or answer.tree.state in {"none", "nxdomain"}:
        facts = {"name": name, "result": result or "none"}
        severity = Severity.ERROR if result else Severity.INFO
        removes = [answer.tree.record.text] if answer.tree.record else []
        fix = spf_fix(name, "v=spf1 a -all", removes) if "." in name else None
        finding = Finding("spf.platform.helo", severity, name, facts, fix, (), "RFC 7208 2.4")
        return replace(part, findings=(finding,))
    return part


async def bounces(asking: Asking, question: PlatformQuestion) -> Part:
    """MX of the bounce domain: bounces come back to us."""
    domain = question.sending.mail_from
    part = await check_mx(asking, domain)
    if "." not in question.sending.helo:
        return part  # the machine's own name is none that others can look up
    return with_fix(part, NO_MX, record_fix(domain, "MX", f"10 {question.sending.helo}"))


async def signing(asking: Asking, question: PlatformQuestion) -> Part | None:
    """DKIM keys: DNS must hold ours."""
    if not question.wanted_keys:
        return None
    return await check_dkim(asking, question.sending.dkim_domain, wanted=question.wanted_keys)


async def policy(asking: Asking, question: PlatformQuestion) -> Part:
    """DMARC of the From domain."""
    domain = question.sending.from_domain
    part = await check_dmarc(asking, domain, question.sending)
    return with_fix(part, frozenset({"dmarc.none", "dmarc.nxdomain"}), txt_fix(f"_dmarc.{domain}", question.dmarc))


async def leaving(asking: Asking, question: PlatformQuestion) -> Part | None:
    """Port 25 outwards, only where connections are wanted."""
    if not question.connect:
        return None
    return await check_egress(asking, question.mail_hosts, question.port)


def with_fix(part: Part, ids: frozenset[str], fix: Fix) -> Part:
    """The part with our own record to publish in these findings."""
    if not fix.value:
        return part
    mended = (replace(finding, fix=fix) if finding.id in ids else finding for finding in part.findings)
    return replace(part, findings=tuple(mended))

"""`relay check address`: may mail go to this address, and was another one meant? DNS is asked, each domain once, and
`relay.checks.address.judge` says what the answers mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from relay.checks.address.domain import domain_mail
from relay.checks.address.judge import NONE_BOUNCED, AddressReport, judge_address
from relay.checks.address.known import is_below
from relay.checks.address.mail import DomainMail
from relay.checks.address.syntax import parse_bare
from relay.checks.asking import SECONDS_A_NAME, Asking
from relay.checks.dated import names
from relay.mail.address import AddressError
from relay.net.dns import Directed

DOMAINS_AT_ONCE = 16


async def check_addresses(
    texts: Sequence[str],
    resolver: Directed,
    bounced: Mapping[str, float] = NONE_BOUNCED,
    *,
    allow_test_domains: bool = False,
    seconds_a_name: float = SECONDS_A_NAME,
) -> list[AddressReport]:
    """A report on each text, in order; ``bounced`` as `judge_address` takes it."""
    domains = {domain for text in texts if (domain := domain_to_ask(text, allow_test_domains=allow_test_domains))}
    mails = await ask_domains(domains, resolver, seconds_a_name)
    return [judge_address(text, mails, bounced, allow_test_domains=allow_test_domains) for text in texts]


def domain_to_ask(text: str, *, allow_test_domains: bool) -> str | None:
    """The domain that DNS may know more about, if any."""
    try:
        domain = parse_bare(text).domain
    except AddressError:
        return None
    return domain if allow_test_domains or not is_below(domain, names("special_names", "special")) else None


async def ask_domains(domains: set[str], resolver: Directed, seconds_a_name: float) -> dict[str, DomainMail]:
    """What DNS says of each domain; some at once, each within its own time."""
    slots = asyncio.Semaphore(DOMAINS_AT_ONCE)

    async def ask(domain: str) -> tuple[str, DomainMail]:
        async with slots:
            return domain, await domain_mail(domain, Asking(resolver, seconds_a_name=seconds_a_name))

    return dict(await asyncio.gather(*map(ask, sorted(domains))))

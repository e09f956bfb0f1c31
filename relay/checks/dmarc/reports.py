"""Where the reports of a domain go: whether the destination takes them, and takes mail at all (RFC 9990 4)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from relay.checks.address.domain import implicit_mail
from relay.checks.address.mail import Mail
from relay.checks.asking import Asking
from relay.checks.dmarc.record import is_dmarc, texts_of
from relay.checks.dmarc.walk import Discovery
from relay.net.dns import Lookup, Mx, NoData, NoName, Records, Unknown

MOST = 4  # destinations looked at


@dataclass(frozen=True, slots=True)
class Receiver:
    """A domain that reports are sent to. ``permits`` is whether it says that it takes them, ``takes_mail`` whether it
    takes mail; None where nobody could say."""

    domain: str
    permission: str
    permits: bool | None
    takes_mail: bool | None
    reason: str = ""


async def receivers(asking: Asking, discovery: Discovery) -> tuple[Receiver, ...]:
    """The domains that the record in force sends reports to."""
    if discovery.applied is None or discovery.applied.record is None:
        return ()
    record = discovery.applied.record
    domains = [each.domain for tag in ("rua", "ruf") for each in record.destinations(tag) if each.domain]
    wanted = list(dict.fromkeys(domains))[:MOST]
    return tuple(await asyncio.gather(*(receiver(asking, discovery, discovery.applied.name, each) for each in wanted)))


async def receiver(asking: Asking, discovery: Discovery, source: str, domain: str) -> Receiver:
    """One destination. Within the organizational domain nobody needs to permit anything (RFC 9990 4 step 2)."""
    home = discovery.org_domain or source
    permission = "" if domain == home or domain.endswith(f".{home}") else f"{source}._report._dmarc.{domain}"
    mail, permit = await asyncio.gather(asking.lookup(domain, "MX"), ask(asking, permission))
    reason = next((answer.reason for answer in (mail, permit) if isinstance(answer, Unknown)), "")
    return Receiver(domain, permission, is_permitted(permit), await takes_mail(asking, domain, mail), reason)


async def ask(asking: Asking, permission: str) -> Lookup | None:
    """The record that permits reports, where one is needed."""
    return await asking.lookup(permission, "TXT") if permission else None


def is_permitted(answer: Lookup | None) -> bool | None:
    """At least one record must begin with the version, however many there are (RFC 9990 4 steps 6 to 8)."""
    if isinstance(answer, Unknown):
        return None
    return answer is None or (
        isinstance(answer, Records) and any(is_dmarc(text.strip()) for text in texts_of(answer.values))
    )


async def takes_mail(asking: Asking, domain: str, answer: Lookup) -> bool | None:
    """Whether a domain has somewhere for mail to go (RFC 5321 5.1, RFC 7505)."""
    match answer:
        case Unknown():
            return None
        case NoName():
            return False
        case NoData():
            mail = (await implicit_mail(domain, asking)).mail
            return None if mail is Mail.UNKNOWN else mail is not Mail.NO_HOST
        case Records(values):
            return any(isinstance(value, Mx) and value.exchange for value in values)

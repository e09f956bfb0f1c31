"""A mail host: its addresses, whether it can be reached, and who runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from relay.checks.address.domain import address_mail, best_of
from relay.checks.address.mail import Mail
from relay.checks.asking import Asking
from relay.checks.dated import table
from relay.net.dns import Lookup, Mx, NoName, Records, Unknown


@dataclass(frozen=True, slots=True)
class MailHost:
    """A mail exchanger with what DNS says of its A and AAAA records."""

    preference: int
    name: str
    answers: tuple[Lookup, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses, IPv4 first."""
        return tuple(str(value) for each in self.answers if isinstance(each, Records) for value in each.values)

    @property
    def target(self) -> str:
        """The name it is an alias of; empty when it is none."""
        names = {each.canonical for each in self.answers if isinstance(each, Records)} - {"", self.name}
        return min(names, default="")

    @property
    def mail(self) -> Mail:
        """Whether it can be reached."""
        return best_of([address_mail(self.name, answer) for answer in self.answers]).mail

    @property
    def is_local(self) -> bool:
        """True for a host that stands for the very machine that asks."""
        own = self.name == "localhost" or self.name.endswith((".localhost", ".localdomain"))
        return own or (bool(self.addresses) and all(ip_address(each).is_loopback for each in self.addresses))

    @property
    def reasons(self) -> str:
        """Why its addresses could not be determined."""
        return "; ".join(each.reason for each in self.answers if isinstance(each, Unknown))


async def look_at(asking: Asking, mx: Mx) -> MailHost:
    """A host with its addresses; nobody is asked about a name that is an address."""
    if is_address(mx.exchange):
        return MailHost(mx.preference, mx.exchange, (NoName(),))
    answers = await asyncio.gather(*(asking.lookup(mx.exchange, family) for family in ("A", "AAAA")))
    return MailHost(mx.preference, mx.exchange, tuple(answers))


def is_address(name: str) -> bool:
    """True for an IP address where a name belongs."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def provider_among(hosts: Sequence[MailHost]) -> str | None:
    """The provider of the first host that we know."""
    return next((provider for host in hosts if (provider := provider_of(host.name))), None)


def provider_of(host: str) -> str | None:
    """Who runs a mail host, by the ending of its name; the longest ending decides."""
    endings = {ending: name for name, text in table("mail_hosts")["providers"].items() for ending in text.split()}
    known = [ending for ending in endings if f".{host}".endswith(f".{ending}")]
    return endings[max(known, key=len)] if known else None

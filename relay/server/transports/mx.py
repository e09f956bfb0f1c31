"""Straight to the mail exchangers of the recipient's domain (RFC 5321 5.1)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Deferred, Failed, Outcome
from relay.mail.route import MxRoute
from relay.net.client import Endpoint
from relay.net.dns import Lookup, Mx, NoData, NoName, Records, Unknown, plain_name
from relay.net.smtp import open_session
from relay.server.transports.hand_over import MOST_ADDRESSES, Endpoints, Opener, hand_over
from relay.server.transports.reach import is_public

if TYPE_CHECKING:
    from relay.server.transports.job import Job, Outlet

DNS_FOR = 30.0  # seconds for all questions about one domain
MOST_EXCHANGERS = 10  # whose addresses are asked for


@dataclass(frozen=True, slots=True)
class Exchangers:
    """The names of mail exchangers, best first, and whether DNSSEC vouches for them (RFC 7672 2.2.1); where the domain
    stands for itself nothing has to be vouched for but its address."""

    names: list[str]
    is_signed: bool


class MxTransport:
    """Finds the exchangers anew whenever no session to the domain is open."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet

    async def deliver(self, job: Job) -> Outcome:
        """Try once."""
        assert isinstance(job.route, MxRoute)
        client = replace(self.outlet.client, tls=job.route.tls)
        endpoints = partial(self.endpoints, job.domain)
        destination = f"{job.domain} {client.tls}"
        opener: Opener = open_session
        if self.outlet.policies:
            guard = await self.outlet.policies.guard(job.domain, client, job.transaction)
            destination, opener = f"{destination} {guard.key}", guard.open
        return await hand_over(self.outlet.pool, destination, client, endpoints, job.transaction, opener)

    async def endpoints(self, domain: str) -> Endpoints:
        """Where to connect, best first, or why there is nowhere to."""
        try:
            async with asyncio.timeout(DNS_FOR):
                exchangers = await self.exchangers(domain)
                if isinstance(exchangers, Deferred | Failed):
                    return exchangers
                return await self.addresses(domain, exchangers)
        except TimeoutError:
            return Deferred(Answer(f"DNS takes too long for {domain}", 0, "4.4.3"))

    async def exchangers(self, domain: str) -> Exchangers | Deferred | Failed:
        """The names of the exchangers, most preferred first, in random order among equals (RFC 5321 5.1)."""
        found = await self.outlet.resolver.lookup(domain, "MX")
        match found:
            case NoName():
                return Failed(Answer(f"the domain {domain} does not exist", 0, "5.1.2"))
            case Unknown(reason):
                return Deferred(Answer(f"DNS cannot tell the mail servers of {domain}: {reason}", 0, "4.4.3"))
            case NoData():
                return Exchangers([domain], is_signed=True)  # RFC 5321 5.1: the implicit MX
            case Records():
                records = [value for value in found.values if isinstance(value, Mx)]
        usable = [record for record in records if record.exchange]
        if not usable:  # RFC 7505 3, 4.1
            return Failed(Answer(f"the domain {domain} takes no mail (null MX)", 0, "5.1.10"))
        self.outlet.rng.shuffle(usable)
        usable.sort(key=lambda record: record.preference)
        if names := before_us(usable, self.outlet.client.hostname):
            return Exchangers(names, found.authenticated)
        return Failed(Answer(f"this server is itself the first mail server of {domain}", 0, "5.4.6"))

    async def addresses(self, domain: str, exchangers: Exchangers) -> Endpoints:
        """The addresses of the exchangers, in their order, as many as a try needs."""
        endpoints: list[Endpoint] = []
        answers: list[Lookup] = []
        unreachable = False
        for exchanger in exchangers.names[:MOST_EXCHANGERS]:
            found = await self.ask_addresses(exchanger)
            answers += found
            bases = bases_of(exchanger, found) if exchangers.is_signed else ()
            addresses = [str(each) for each in values(found)[:MOST_ADDRESSES]]
            listed = [Endpoint(exchanger, address, self.outlet.port, bases) for address in addresses]
            allowed = [each for each in listed if self.outlet.allow_private or is_public(each.address)]
            unreachable = unreachable or len(allowed) < len(listed)
            endpoints += allowed
            if len(endpoints) >= MOST_ADDRESSES:
                break
        return endpoints or nowhere(domain, exchangers.names, answers, unreachable)

    async def ask_addresses(self, exchanger: str) -> list[Lookup]:
        """What DNS says about a host's addresses: IPv4 first, for that is where senders have their reputation."""
        resolver = self.outlet.resolver
        return list(await asyncio.gather(resolver.lookup(exchanger, "A"), resolver.lookup(exchanger, "AAAA")))


def values(answers: list[Lookup]) -> list[object]:
    """The values of those answers that have some."""
    return [value for answer in answers if isinstance(answer, Records) for value in answer.values]


def bases_of(exchanger: str, answers: list[Lookup]) -> tuple[str, ...]:
    """The names below which the TLSA records of a host may be: where its aliases end, then its own (RFC 7672 2.2.2);
    none where its addresses are not signed."""
    found = [answer for answer in answers if isinstance(answer, Records)]
    if not all(answer.authenticated for answer in found):
        return ()
    return tuple(dict.fromkeys((*(answer.canonical for answer in found if answer.canonical), exchanger)))


def before_us(records: list[Mx], hostname: str) -> list[str]:
    """Only exchangers preferred to ourselves: mail for us must not come round again (RFC 5321 5.1)."""
    ours = [record.preference for record in records if record.exchange == plain_name(hostname)]
    return [record.exchange for record in records if not ours or record.preference < min(ours)]


def nowhere(domain: str, exchangers: list[str], answers: list[Lookup], unreachable: bool) -> Deferred | Failed:
    """Why there is no address to connect to."""
    if unreachable:
        return Deferred(Answer(f"the mail servers of {domain} have private addresses only", 0, "4.4.4"))
    if any(isinstance(answer, Unknown) for answer in answers):
        return Deferred(Answer(f"DNS cannot tell the addresses of {', '.join(exchangers[:3])}", 0, "4.4.3"))
    if exchangers == [domain]:  # neither MX nor address: it exists, but not for mail
        return Failed(Answer(f"the domain {domain} has no mail server", 0, "5.1.2"))
    return Deferred(Answer(f"the mail servers of {domain} have no address: {', '.join(exchangers[:3])}", 0, "4.4.3"))

"""``relay check dane``: the TLSA records of the mail servers of a domain, and with ``dial`` their certificates."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from ipaddress import ip_address

from relay.checks.asking import Asking
from relay.checks.dane.findings import judge_dane
from relay.checks.dane.known import Dane, Seen, Server, hosts_of, place_of
from relay.checks.model import Part
from relay.mail.delivery import Deferred, Failed
from relay.net.certificate import presented
from relay.net.client import Client, Endpoint, Timeouts
from relay.net.dns import Records, plain_name

MOST_SERVERS = 10
MOST_ADDRESSES = 4
PATIENCE = Timeouts(connect=4, tls=4, greeting=8, helo=4, total=8)


@dataclass(frozen=True, slots=True)
class Dial:
    """How mail servers are connected to. ``private`` lets that be addresses that are not public."""

    hostname: str
    port: int = 25
    private: bool = False
    timeouts: Timeouts = PATIENCE


async def check_dane(asking: Asking, domain: str, dial: Dial | None = None) -> Part:
    """Ask for the TLSA records of a domain's mail servers and judge them; with ``dial`` also look at certificates."""
    name = plain_name(domain)
    root, mx = await asyncio.gather(asking.lookup(".", "NS"), asking.lookup(name, "MX"))
    servers = await asyncio.gather(*(read_server(asking, host, dial) for host in hosts_of(name, mx, MOST_SERVERS)))
    dane = Dane(name, root, mx, tuple(servers))
    return Part("dane", name, facts_of(dane), tuple(judge_dane(dane)))


async def read_server(asking: Asking, host: str, dial: Dial | None) -> Server:
    """The answers for one mail server. Where its aliases end is asked first, if DNSSEC vouches for the way there."""
    *addresses, own = await asyncio.gather(
        asking.lookup(host, "A"), asking.lookup(host, "AAAA"), asking.lookup(place_of(host), "TLSA")
    )
    server = Server(host, host, tuple(addresses), own)
    found = [answer for answer in addresses if isinstance(answer, Records)]
    ends = {answer.canonical for answer in found if answer.authenticated} - {"", host}
    if len(ends) == 1:  # RFC 7672 2.2.2
        end = ends.pop()
        at_end = await asking.lookup(place_of(end), "TLSA")
        if isinstance(at_end, Records):
            server = replace(server, base=end, tlsa=at_end)
    return replace(server, seen=await seen(server, dial)) if dial else server


async def seen(server: Server, dial: Dial) -> tuple[Seen, ...]:
    """What the server presents at each of its addresses."""
    found = [str(value) for answer in server.addresses if isinstance(answer, Records) for value in answer.values]
    return tuple(await asyncio.gather(*(look(server, address, dial) for address in found[:MOST_ADDRESSES])))


async def look(server: Server, address: str, dial: Dial) -> Seen:
    """What is presented at one address; the name in TLS is the base (RFC 7672 8.1)."""
    if not dial.private and not ip_address(address).is_global:
        return Seen(address, reason="not a public address")
    client = Client(dial.hostname, timeouts=dial.timeouts)
    chain = await presented(Endpoint(server.base, address, dial.port), client)
    if isinstance(chain, Deferred | Failed):
        return Seen(address, reason=chain.answer.text)
    return Seen(address, chain)


def facts_of(dane: Dane) -> dict[str, object]:
    """The names are stable. ``validated``: the nameserver checks DNSSEC; nothing is ``signed`` or not without that."""
    return {
        "validated": dane.is_validated,
        "mx": [
            {
                "host": server.host,
                "name": server.place,
                "tlsa": list(server.texts),
                "signed": server.is_signed if dane.is_validated and server.texts else None,
                "matches": server.matches,
                "addresses": [seen.address for seen in server.seen],
            }
            for server in dane.servers
        ],
    }

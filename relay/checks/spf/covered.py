"""``a`` and ``mx`` whose addresses the record allows anyway: a look-up for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from relay.checks.asking import Asking
from relay.checks.spf.evaluate import MOST_LOOKUPS, MOST_NAMES, is_within
from relay.checks.spf.macro import has_macro
from relay.checks.spf.record import Network, Term, is_inside
from relay.checks.spf.tree import Node
from relay.net.dns import Mx, Records, Unknown

FAMILIES = ("A", "AAAA")  # in this order: most that is not covered is seen by its first question


async def covered_terms(asking: Asking, root: Node) -> dict[int, bool]:
    """The places of such terms at the root. True: by ``ip4`` and ``ip6`` of the record itself; False: by an include,
    which is looked for only when the record is over its limit."""
    own = tuple(own_networks(root))
    all_of_them = (*own, *networks_below(root)) if root.lookups > MOST_LOOKUPS else own
    places = [place for place, term in enumerate(root.terms) if asks_for_hosts(term) and root.reached(place)]
    if not all_of_them:
        return {}
    covered = await asyncio.gather(*(covering(asking, root, place, all_of_them) for place in places))
    return {place: is_covered(hosts, own) for place, hosts in zip(places, covered, strict=True) if hosts}


def asks_for_hosts(term: Term) -> bool:
    """True for an ``a`` or ``mx`` that can be replaced by addresses."""
    return term.name in {"a", "mx"} and term.qualifier == "+" and not term.fault and not has_macro(term.target)


async def covering(asking: Asking, node: Node, place: int, networks: Sequence[Network]) -> tuple[Network, ...]:
    """What a term allows, when all of that stands in ``networks``; else nothing."""
    hosts: list[Network] = []
    for rdtype in FAMILIES:
        found = await networks_of(asking, node, place, rdtype)
        if found is None or not is_covered(found, networks):
            return ()
        hosts.extend(found)
    return tuple(hosts)


async def networks_of(asking: Asking, node: Node, place: int, rdtype: str) -> tuple[Network, ...] | None:
    """The addresses of one family that an ``a`` or ``mx`` allows, each with its prefix (RFC 7208 5.3); None when that
    is not known, or the mail servers are somebody else's or too many (RFC 7208 4.6.4)."""
    term = node.terms[place]
    names = [node.name_of(place)]
    if term.name == "mx":
        exchangers = node.answers.get(place)
        names = (
            [mx.exchange for mx in exchangers.values if isinstance(mx, Mx)] if isinstance(exchangers, Records) else []
        )
        if not 0 < len(names) <= MOST_NAMES or not all(is_within(name, node.domain) for name in names):
            return None
    answers = await asyncio.gather(*(asking.lookup(name, rdtype) for name in names))
    if any(isinstance(answer, Unknown) for answer in answers):
        return None
    length = term.cidr4 if rdtype == "A" else term.cidr6
    values = [str(value) for answer in answers if isinstance(answer, Records) for value in answer.values]
    return tuple(ip_network((value, length), strict=False) for value in values)


def is_covered(hosts: Sequence[Network], networks: Sequence[Network]) -> bool:
    """True when all of the hosts lie in the networks."""
    return all(any(is_inside(host, network) for network in networks) for host in hosts)


def own_networks(node: Node) -> Iterator[Network]:
    """``ip4`` and ``ip6`` of a record that let mail pass."""
    for place, term in enumerate(node.terms):
        if term.network is not None and term.qualifier == "+" and node.reached(place):
            yield term.network


def networks_below(node: Node) -> Iterator[Network]:
    """Those of the records below, where every sign on the way is a plus."""
    for place, child in node.children.items():
        sound = child.record is not None and not child.record.faults
        if sound and node.terms[place].qualifier == "+" and node.reached(place):
            yield from own_networks(child)
            yield from networks_below(child)

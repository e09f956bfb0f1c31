"""Asking DNS for one check: every question once, many at a time, and an end in sight.

A check makes its own `Asking` and throws it away, so no answer travels from one check, or nameserver, to another.
What was not answered in time is `Unknown`; the rest of the report stands.
"""

from __future__ import annotations

import asyncio

from relay.net.dns import Directed, Lookup, Resolver, Unknown, plain_name

CONCURRENCY = 32
SECONDS_A_NAME = 2.5
SECONDS_A_DOMAIN = 6.0
MOST_QUERIES = 50  # hostile records ask for thousands


class Asking:
    """A `Resolver` around another. ``queries`` counts what was really asked; ``failed`` names what nobody could say.

    An `Asking` around an `Asking` shares its answers and has limits of its own: a part of a larger check."""

    def __init__(
        self,
        resolver: Directed,
        *,
        seconds_a_name: float = SECONDS_A_NAME,
        seconds: float = SECONDS_A_DOMAIN,
        most: int = MOST_QUERIES,
    ) -> None:
        self.resolver = resolver
        self.seconds_a_name = seconds_a_name
        self.seconds = seconds
        self.most = most
        self.queries = 0
        self.failed: dict[str, str] = {}
        self.asked: dict[tuple[str, str, str], asyncio.Task[Lookup]] = {}
        self.slots = asyncio.Semaphore(CONCURRENCY)
        self.ends_at: float | None = None

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        """The answer, asked for at most once however many want it."""
        return await self.once(self.resolver, "", name, rdtype)

    def at(self, address: str) -> Resolver | None:
        """Who asks one server at an IP address, within the same limits; None where it must not be asked."""
        resolver = self.resolver.at(address)
        return resolver and Server(self, resolver, address)

    async def once(self, resolver: Resolver, server: str, name: str, rdtype: str) -> Lookup:
        """The answer of one server ("": whichever the resolver takes), asked for at most once."""
        question = server, plain_name(name), rdtype
        if question not in self.asked:
            self.asked[question] = asyncio.create_task(self.ask(resolver, *question[1:]))
        return await asyncio.shield(self.asked[question])  # whoever stops waiting leaves it to the others

    async def ask(self, resolver: Resolver, name: str, rdtype: str) -> Lookup:
        """Ask within the time that a name and the whole check have left."""
        now = asyncio.get_running_loop().time()
        if self.ends_at is None:
            self.ends_at = now + self.seconds
        if self.queries >= self.most:
            return self.noted(name, Unknown("query limit"))
        self.queries += 1
        try:
            async with asyncio.timeout_at(self.ends_at), self.slots, asyncio.timeout(self.seconds_a_name):
                return self.noted(name, await resolver.lookup(name, rdtype))
        except TimeoutError:
            return self.noted(name, Unknown("timeout"))

    def noted(self, name: str, answer: Lookup) -> Lookup:
        """Keep what could not be determined, to say so."""
        if isinstance(answer, Unknown):
            self.failed[name] = answer.reason
        return answer


class Server:
    """One authoritative server, asked within the limits of a check."""

    def __init__(self, asking: Asking, resolver: Resolver, address: str) -> None:
        self.asking = asking
        self.resolver = resolver
        self.address = address

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        """What this server says."""
        return await self.asking.once(self.resolver, self.address, name, rdtype)


class Overlay:
    """A `Resolver` that sees one TXT record as if it were published already; all else as it is."""

    def __init__(self, resolver: Resolver, name: str, answer: Lookup) -> None:
        self.resolver = resolver
        self.name = plain_name(name)
        self.answer = answer

    async def lookup(self, name: str, rdtype: str) -> Lookup:
        """The record that is tried, or what DNS says."""
        if rdtype == "TXT" and plain_name(name) == self.name:
            return self.answer
        return await self.resolver.lookup(name, rdtype)

    def at(self, address: str) -> None:
        """No server has what is only tried."""

"""Who signs in: the password, the networks of the login, and a pause for whoever guesses."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.mail.tenant import Login, Tenant
    from relay.store.group import CommitGroup

log = logging.getLogger("relay.sign_in")
NOBODY = hashlib.sha256(b"").digest()
MOST_FAILURES = 20
PAUSE = 15 * 60.0  # seconds
DELAY_EACH = 0.1  # seconds more for each wrong password
LONGEST_DELAY = 5.0
MOST_KEPT = 20_000  # what an attacker can make us remember
LONGEST_USERNAME = 80  # characters of it that are remembered and logged; ours are shorter


@dataclass(slots=True)
class Guesses:
    """Wrong passwords of a login, from an address, or both; and when the last was."""

    count: int = 0
    last_at: float = 0.0


class SignIns:
    """Decides who signs in.

    After twenty wrong passwords from an address for a login, that address waits a quarter of an hour with that login;
    others are not held up, nor the same login from elsewhere. A wrong password is answered the later the more of them
    there were lately for this login, or from this address; the right one never is.
    """

    def __init__(
        self, group: CommitGroup, now: Callable[[], float], wait: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.group = group
        self.now = now
        self.wait = wait
        self.guesses: OrderedDict[tuple[str, str], Guesses] = OrderedDict()  # by login and address, "" for any

    async def sign_in(self, username: str, secret: str, peer: str) -> Tenant | None:
        """The tenant that a login belongs to, or None; unknown and known logins take the same path."""
        found = await self.group.read(lambda store: store.login(username))
        username = username[:LONGEST_USERNAME]
        login, tenant = found or (None, None)
        expected = login.secret_sha256 if login and login.revoked_at is None else NOBODY
        given = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
        fits = hmac.compare_digest(expected, given)
        if self.is_paused(username, peer) or not fits or login is None:
            await self.wait(self.failed(username, peer))
            return None
        if not may_come_from(login, peer):
            log.warning("auth failed user=%r ip=%s: not from this address", username, peer)
            return None
        self.guesses.pop((username, peer), None)
        return tenant

    def is_paused(self, username: str, peer: str) -> bool:
        """True while nobody at an address can sign in as a login, right password or not."""
        return self.lately((username, peer)) >= MOST_FAILURES

    def lately(self, key: tuple[str, str]) -> int:
        """How many wrong passwords there were, unless the last is long ago."""
        guesses = self.guesses.get(key)
        return guesses.count if guesses is not None and self.now() - guesses.last_at < PAUSE else 0

    def failed(self, username: str, peer: str) -> float:
        """Count a wrong password; how many seconds its answer waits. One during a pause does not make it longer."""
        log.warning("auth failed user=%r ip=%s", username, peer)
        if not self.is_paused(username, peer):
            counts = [self.count(key) for key in ((username, peer), (username, ""), ("", peer))]
            if counts[0] == MOST_FAILURES:
                log.warning("auth paused user=%r ip=%s for %d s", username, peer, PAUSE)
        worst = max(self.lately((username, "")), self.lately(("", peer)))
        return min(DELAY_EACH * (worst - 1), LONGEST_DELAY)

    def count(self, key: tuple[str, str]) -> int:
        """One more of them; how many there are now."""
        guesses = self.guesses.setdefault(key, Guesses())
        guesses.count, guesses.last_at = self.lately(key) + 1, self.now()
        self.guesses.move_to_end(key)
        while len(self.guesses) > MOST_KEPT:
            self.guesses.popitem(last=False)
        return guesses.count


class Neighbours:
    """The tenants whose mail comes from certain networks, on listeners without logins."""

    def __init__(self, group: CommitGroup, networks: Iterable[tuple[str, str]]) -> None:
        """``networks`` are pairs of a network (CIDR) and a tenant (identifier or name)."""
        pairs = [(ip_network(network), tenant) for network, tenant in networks]
        self.networks = sorted(pairs, key=lambda pair: pair[0].prefixlen, reverse=True)
        self.group = group

    async def neighbour(self, peer: str) -> Tenant | None:
        """The tenant of the smallest network that an address is in; None when there is none."""
        address = ip_address(peer.partition("%")[0])
        name = next((tenant for network, tenant in self.networks if address in network), None)
        if name is None:
            return None
        found = await self.group.read(lambda store: store.find_tenant(name))
        if found is None:
            log.error("listener: there is no tenant %r", name)
        return found


def may_come_from(login: Login, peer: str) -> bool:
    """True when a login has no list of networks, or the peer is in one of them."""
    if not login.networks:
        return True
    address = ip_address(peer.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ip_network(network) for network in login.networks)

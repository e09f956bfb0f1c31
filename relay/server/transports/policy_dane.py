"""DANE (RFC 7672): whether our nameserver can be believed, and the TLSA records of a mail server.

Only a nameserver that checks DNSSEC can say what is signed, and only one on this machine can say so unheard (RFC 4035
4.9.3). ``dns.validating`` decides, or `DaneRecords.validates` finds out; the log says which, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.mail.dane import Dane
from relay.mail.delivery import HOUR, MINUTE
from relay.mail.tlsa import Tlsa, read_tlsa
from relay.net.dns import Records, Unknown

if TYPE_CHECKING:
    from relay.net.client import Endpoint
    from relay.net.dns import Resolver

log = logging.getLogger("relay.tls")

ASK_AFTER = 1 * HOUR
ASK_SOON = 1 * MINUTE


@dataclass(frozen=True, slots=True)
class Found:
    """The signed TLSA records of a mail server and the name they are below; ``dane`` is None where none is usable."""

    base: str
    records: tuple[str, ...]
    dane: Dane | None


class DaneRecords:
    """One per process. ``validating`` is what the configuration says of the nameservers, None where it leaves that to
    us; ``local`` that all of them are on this machine."""

    def __init__(
        self, resolver: Resolver, now: Callable[[], float], *, validating: bool | None = None, local: bool = False
    ) -> None:
        self.resolver = resolver
        self.now = now
        self.local = local
        self.is_detected = validating is None and local
        self.is_on = bool(validating)
        self.ask_at = 0.0
        self.said = ""
        if validating is not None:
            self.announce(f"{'on' if validating else 'off'}: dns.validating says so")
        elif not local:
            self.announce("off: the nameservers are not on this machine (see dns.validating)")

    def announce(self, what: str) -> None:
        """Log what holds, when it is new."""
        if what != self.said:
            self.said = what
            log.info("DANE is %s", what)

    async def validates(self) -> bool:
        """True when signed answers can be told from others: the root zone is signed, so its servers have to be."""
        if self.is_detected and self.now() >= self.ask_at:
            root = await self.resolver.lookup(".", "NS")
            unsure = isinstance(root, Unknown)
            self.is_on = isinstance(root, Records) and root.authenticated
            self.ask_at = self.now() + (ASK_SOON if unsure else ASK_AFTER)
            if not unsure:
                self.announce(f"{'on' if self.is_on else 'off'}: the nameserver on this machine and its AD bit say so")
        return self.is_on

    async def of(self, endpoint: Endpoint, domain: str) -> Found | Unknown | None:
        """The signed records of a mail server of ``domain``, None where there are none; Unknown when DNS cannot tell,
        and then nothing may be sent there (RFC 7672 2.1.2)."""
        if not endpoint.bases or not await self.validates():
            return None
        for base in endpoint.bases:
            answer = await self.resolver.lookup(f"_{endpoint.port}._tcp.{base}", "TLSA")  # RFC 7672 2.2.3
            if isinstance(answer, Unknown):
                return answer
            if isinstance(answer, Records) and answer.authenticated:
                return found_of(base, tuple(str(value) for value in answer.values), domain)
        return None


def found_of(base: str, texts: tuple[str, ...], domain: str) -> Found:
    """Records as they are to be applied."""
    read: list[Tlsa | None] = [read_tlsa(text) for text in texts]
    usable = tuple(record for record in read if record and record.is_usable)
    return Found(base, texts, Dane(usable, (base, domain)) if usable else None)

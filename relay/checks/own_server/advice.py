"""What fits the provider: found by the host, the domain of the user name, or its mail exchangers (in this order)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from relay.checks.asking import Asking
from relay.checks.own_server.dated import MICROSOFT, Cause, Provider, Tls, fits, providers, stage_on
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Seen
from relay.net.dns import Lookup, Mx, Records

SECOND_LEVELS = frozenset({"co", "com"})


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence (``advice.<key>`` of the locales) with what fills it."""

    key: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Matched:
    """A provider, with its server's name filled in."""

    provider: Provider
    server: str


@dataclass(frozen=True, slots=True)
class Announced:
    """The server for submission that a domain announces (RFC 6186, RFC 8314 5.1)."""

    domain: str
    server: str
    port: int
    tls: Tls


async def find_provider(asking: Asking, question: Question) -> tuple[Matched | None, Announced | None]:
    """The provider by what is known without asking, else by mail exchangers; and what the domain itself announces."""
    domain = domain_of(question.username)
    known = by_name(question.host, domain)
    if not domain:
        return known, None
    exchangers, *services = await asyncio.gather(
        asking.lookup(domain, "MX"),
        asking.lookup(f"_submissions._tcp.{domain}", "SRV"),
        asking.lookup(f"_submission._tcp.{domain}", "SRV"),
    )
    implicit, starttls = announced(domain, services[0], Tls.IMPLICIT), announced(domain, services[1], Tls.STARTTLS)
    return known or by_exchanger(exchangers, domain), implicit or starttls


def domain_of(username: str) -> str:
    """The domain of a user name; empty where there is none that DNS could be asked for."""
    domain = username.strip().rpartition("@")[2].lower() if "@" in username else ""
    return domain if domain.isascii() and "." in domain and " " not in domain else ""


def by_name(host: str, domain: str) -> Matched | None:
    """The provider of a host, or of a domain that is the provider's own."""
    for provider in providers():
        if fits(host, provider.hosts):
            return matched(provider, domain, host)
    return next((matched(each, domain, domain) for each in providers() if fits(domain, each.domains)), None)


def by_exchanger(answer: Lookup, domain: str) -> Matched | None:
    """The provider that takes the domain's mail."""
    if not isinstance(answer, Records):
        return None
    exchangers = sorted((each for each in answer.values if isinstance(each, Mx)), key=lambda each: each.preference)
    for each in exchangers:
        for provider in providers():
            if fits(each.exchange, provider.mx):
                return matched(provider, domain, each.exchange)
    return None


def matched(provider: Provider, domain: str, name: str) -> Matched:
    """A provider with its server: ``{tld}`` is the ending of the name that it was found by."""
    return Matched(provider, provider.server.format(domain=domain, tld=ending(name)))


def ending(name: str) -> str:
    """The ending of a name: ``eu``, ``com.au``."""
    labels = name.rstrip(".").split(".")
    return ".".join(labels[-2:] if len(labels) > 2 and labels[-2] in SECOND_LEVELS else labels[-1:])


def announced(domain: str, answer: Lookup, tls: Tls) -> Announced | None:
    """The first of the SRV records (RFC 2782); a target of ``.`` says that there is none."""
    if not isinstance(answer, Records):
        return None
    services = [str(value).split() for value in answer.values]
    services.sort(key=lambda words: int(words[0]))
    _, _, port, target = services[0]
    server = target.lower().rstrip(".")
    return Announced(domain, server, int(port), tls) if server else None


def by_reply(cause: Cause | None) -> Matched | None:
    """The provider that a reply gives away."""
    if cause not in MICROSOFT:
        return None
    provider = next(each for each in providers() if each.stages == "microsoft")
    return Matched(provider, provider.server)


def advise(found: Matched | None, service: Announced | None, works: Seen | None, day: date) -> tuple[Advice, ...]:
    """What to do, in order: the settings that work, what is announced, how to sign in at the provider."""
    advice = [settings_of(works)] if works else []
    if service is not None and (works is None or works.endpoint.host != service.server):
        facts = {"domain": service.domain, "server": service.server, "port": str(service.port)}
        advice.append(Advice(f"announced.{service.tls}", facts))
    if found is not None:
        advice += at_provider(found, day)
    elif works is None:
        advice.append(Advice("general.ports", {}))
    return tuple(advice)


def settings_of(works: Seen) -> Advice:
    """The settings that were seen to work."""
    tls = Tls.IMPLICIT if works.implicit_tls else Tls.STARTTLS
    return Advice(f"use.{tls}", {"host": works.endpoint.host, "port": str(works.endpoint.port)})


def at_provider(found: Matched, day: date) -> list[Advice]:
    """How to sign in at a provider, what else matters there, the stage that holds today, and how sure that is."""
    provider = found.provider
    facts = {"provider": provider.name, "server": found.server}
    advice = [Advice(f"sign.{provider.sign_in}", facts), *(Advice(f"note.{note}", facts) for note in provider.notes)]
    if stage := stage_on(day, provider.stages):
        name, until = stage
        advice.append(Advice(f"stage.{name}", facts | {"until": str(until or "")}))
    sure = {"source": provider.source, "checked_on": provider.checked_on.isoformat(), "provider": provider.name}
    return [*advice, Advice(f"sure.{provider.confidence}", sure)]

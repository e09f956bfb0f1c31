"""``relay check smtp``: find, look, sign in, judge; all ports at once where that may be needed, one limit for all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from relay.checks.asking import Asking
from relay.checks.model import Finding, Part
from relay.checks.own_server.advice import Advice, Announced, Matched, advise, by_reply, find_provider
from relay.checks.own_server.dated import cause_of
from relay.checks.own_server.facts import facts_of
from relay.checks.own_server.judge import by_gravity, judge_families, judge_ports, judge_provider
from relay.checks.own_server.judge_reach import judge_places
from relay.checks.own_server.login import sign_in
from relay.checks.own_server.look import look
from relay.checks.own_server.places import Places, find_places
from relay.checks.own_server.question import Question
from relay.checks.own_server.seen import Reach, Seen


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, and advice in order. ``works`` is the place that mail can be handed in at."""

    part: Part
    advice: tuple[Advice, ...]
    works: Seen | None


async def check_own_server(asking: Asking, question: Question) -> Answer:
    """Everything, within ``question.seconds``."""
    ends_at = asyncio.get_running_loop().time() + question.seconds
    (places, seen), (provider, service) = await asyncio.gather(
        see(asking, question, ends_at), find_provider(asking, question)
    )
    if not seen:
        return nothing_seen(places, question, provider, service)
    main = main_of(seen, question)
    await sign_in(main, question, ends_at)
    if provider is None and main.login is not None:
        provider = by_reply(cause_of(main.login))
    works = best_of(seen, question)
    others = [each for each in seen if each is not main and each.endpoint.port == main.endpoint.port]
    if not places.published and main.reach is Reach.OPEN:
        others = []
    findings = by_gravity(
        [
            *judge_ports(main, seen, works),
            *judge_families(main, others, question, provider),
            *judge_provider(main, provider),
        ]
    )
    return Answer(part_of(main, seen, findings, question), advise(provider, service, works, question.now.date()), works)


async def see(asking: Asking, question: Question, ends_at: float) -> tuple[Places, list[Seen]]:
    """Look at the port that was named; and at the usual ones where none was, or it does not work at once."""
    places = await find_places(asking, question)
    if not places.addresses:
        return places, []
    if question.port is None:
        return places, await look_at_all(question.usual_ports, places, question, ends_at)
    named = asyncio.create_task(look(question.port, places.addresses, question, ends_at))
    await asyncio.wait({named}, timeout=2 * question.silence)
    if named.done() and best_of(named.result(), question):
        return places, named.result()
    others = tuple(port for port in question.usual_ports if port != question.port)
    seen, further = await asyncio.gather(named, look_at_all(others, places, question, ends_at))
    return places, [*seen, *further]


async def look_at_all(ports: Sequence[int], places: Places, question: Question, ends_at: float) -> list[Seen]:
    """Several ports at once."""
    looks = await asyncio.gather(*(look(port, places.addresses, question, ends_at) for port in ports))
    return [seen for each in looks for seen in each]


def best_of(seen: Sequence[Seen], question: Question) -> Seen | None:
    """The first place that works."""
    return next((each for each in seen if each.works(question.ways)), None)


def main_of(seen: Sequence[Seen], question: Question) -> Seen:
    """The place to report on: the port that was named, else the one that came furthest; IPv4 before IPv6."""
    places = [each for each in seen if question.port in {None, each.endpoint.port}]
    return max(places, key=lambda each: each.progress(question.ways))


def part_of(main: Seen, seen: Sequence[Seen], findings: Sequence[Finding], question: Question) -> Part:
    """What was found, as a part of a report."""
    return Part("own_server", main.place, facts_of(main, seen, findings, question), tuple(findings))


def nothing_seen(places: Places, question: Question, provider: Matched | None, service: Announced | None) -> Answer:
    """The answer where there was no address to look at."""
    findings = judge_places(places, question)
    part = Part("own_server", question.host, facts_of(None, (), findings, question), findings)
    return Answer(part, advise(provider, service, None, question.now.date()), None)

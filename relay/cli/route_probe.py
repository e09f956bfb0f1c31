"""The probe of an own server before its settings are kept, and after they were mended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from relay.checks.own_server.check import Answer, check_own_server
from relay.checks.own_server.places import find_places
from relay.checks.own_server.question import Question
from relay.checks.own_server.sentences import advice_texts, verdict_of
from relay.cli.check.part import Settings, exit_code, part_json
from relay.cli.options import EXIT_PROBLEM, emit_json, fail
from relay.server.office import own_hostname
from relay.server.transports.reach import is_public

if TYPE_CHECKING:
    from relay.checks.asking import Asking
    from relay.cli.route_choice import Choice


@dataclass(frozen=True, slots=True)
class Probed:
    """What the probe found. ``fits``: mail can be handed in as was chosen. ``works``: that was shown, with the login
    where there is one. ``settled``: the choice with port and TLS as they were seen."""

    answer: Answer
    settled: Choice
    fits: bool
    works: bool
    elapsed_ms: int
    queries: int

    @property
    def code(self) -> int:
        """The exit code where it does not fit."""
        return exit_code(self.answer.part.findings) or EXIT_PROBLEM


def probe(settings: Settings, choice: Choice, secret: str, sender: str = "") -> Probed:
    """Look at the server, sign in with the password or token where there is one, and ask about mail from ``sender``."""
    asking, began = settings.asking(), time.monotonic()
    answer = asyncio.run(
        asked(settings, asking, replace(question_of(settings, choice, secret), mail_from=sender, rcpt_to=sender))
    )
    elapsed_ms = round((time.monotonic() - began) * 1000)
    settings.write_report(answer.part.subject, [answer.part], asking, elapsed_ms)
    return judged(answer, choice, secret, elapsed_ms, asking.queries)


async def asked(settings: Settings, asking: Asking, question: Question) -> Answer:
    """The answer; a host in a private network ends the command unless the platform allows such."""
    places = await find_places(asking, question)
    if places.addresses and not settings.config.delivery.allow_private and not any(map(is_public, places.addresses)):
        fail(
            f"{question.host} has private addresses only ({', '.join(places.addresses)}); the relay sends there only "
            "with delivery.allow_private"
        )
    return await check_own_server(asking, question)


def question_of(settings: Settings, choice: Choice, secret: str) -> Question:
    """The question to ask."""
    config = settings.config
    return Question(
        choice.host,
        datetime.now(UTC),
        port=choice.port,
        username=choice.username,
        password=secret,
        oauth=choice.auth == "xoauth2",
        ca_file=config.delivery.ca_file,
        size=config.policy.size_limit,
        hello=own_hostname(config.platform.hostname),
    )


def judged(answer: Answer, choice: Choice, secret: str, elapsed_ms: int, queries: int) -> Probed:
    """What the answer means for the choice."""
    facts, verdict = answer.part.facts, verdict_of(answer)
    seen = "implicit" if facts["implicit_tls"] else "starttls"
    if choice.tls == "none":
        fits = works = bool(facts["esmtp"]) and not facts["implicit_tls"]
    else:
        fits = verdict == ("signed_in" if secret else "works")
        works = fits and (bool(secret) or choice.auth != "xoauth2")  # without a token nothing is shown
    same = choice.tls in {"", "none", seen}
    port = facts["port"]
    settled = replace(
        choice, port=port if isinstance(port, int) else choice.port or 587, tls=choice.tls or (seen if fits else "")
    )
    return Probed(answer, settled, fits and same, works and same, elapsed_ms, queries)


def emit_probe(settings: Settings, probed: Probed, stored: Mapping[str, Any]) -> None:
    """What was found, with the advice and the provider's dated facts; as JSON together with what was done."""
    answer = probed.answer
    if settings.as_json:
        found = part_json(answer.part, settings.language, probed.elapsed_ms, probed.queries)
        emit_json({**found, "advice": advice_texts(answer, settings.language), "fits": probed.fits, **stored})
        return
    from relay.cli.check.smtp_text import echo_server

    echo_server(answer, settings.language)

"""What ``relay test-mail`` looks at afterwards: the tenant's domain, and its own server where it has one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from relay.checks.domain import MOST_QUERIES, check_domain
from relay.checks.model import Finding, Part
from relay.checks.own_server.check import Answer, check_own_server
from relay.checks.report import finding_json, summary
from relay.cli.check.arguments import a_label
from relay.cli.check.domain import question_of as domain_question
from relay.cli.route_choice import choice_of
from relay.cli.route_probe import question_of as server_question
from relay.server.own_route import key_files, open_password
from relay.store.vault import VaultError

if TYPE_CHECKING:
    from relay.checks.asking import Asking
    from relay.checks.domain import DomainReport
    from relay.cli.check.part import Settings
    from relay.mail.own_server import OwnServer
    from relay.mail.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found: ``route`` None without an own server, or with the reason in ``unprobed``."""

    domain: DomainReport
    route: Answer | None
    unprobed: str

    @property
    def parts(self) -> list[Part]:
        """All that was looked at, the route first."""
        return [*([self.route.part] if self.route else []), *self.domain.parts]

    @property
    def findings(self) -> list[Finding]:
        """All that was found."""
        return [finding for part in self.parts for finding in part.findings]


def check_tenant(settings: Settings, owner: Tenant, server: OwnServer | None) -> Checked:
    """Both at once."""
    asking, began = settings.asking(most=MOST_QUERIES), time.monotonic()
    checked = asyncio.run(both(settings, asking, owner, server))
    elapsed_ms = round((time.monotonic() - began) * 1000)
    settings.write_report(owner.name, checked.parts, asking, elapsed_ms, checked.domain.included)
    return checked


async def both(settings: Settings, asking: Asking, owner: Tenant, server: OwnServer | None) -> Checked:
    """The domain of the tenant's address as its mail leaves, and the own server."""
    domain = a_label(owner.email.rpartition("@")[2].lower())
    mode, include = ("own-server", "") if server else ("rewritten", None)
    question = domain_question(settings.config, domain, include, (), mode, ())
    checking = asyncio.create_task(check_domain(asking, question))
    route, unprobed = await probed(settings, asking, server) if server else (None, "")
    return Checked(await checking, route, unprobed)


async def probed(settings: Settings, asking: Asking, server: OwnServer) -> tuple[Answer | None, str]:
    """What ``relay route probe`` sees; a login that is known to be refused is not tried again, for that may lock the
    account."""
    secret = ""
    try:
        if server.sealed and server.refused_at is None:
            secret = open_password(key_files(settings.config), server)
    except VaultError as error:
        return None, str(error)
    question = replace(server_question(settings, choice_of(server), secret), seconds=15.0)
    return await check_own_server(asking, question), ""


def echo_checked(settings: Settings, checked: Checked) -> None:
    """For people: the route, then the domain."""
    from relay.cli.check.parts import echo_parts
    from relay.cli.check.smtp_text import echo_server

    words = settings.language
    if checked.route is not None:
        heading(words.text("test.end.route", place=checked.route.part.subject))
        echo_server(checked.route, words)
    elif checked.unprobed:
        heading(words.text("test.end.vault", reason=checked.unprobed))
    report = checked.domain
    heading(words.text("test.end.domain", domain=report.domain))
    echo_parts(report.parts, words, report.domain, report.included, notes=False)


def heading(text: str) -> None:
    """What comes next, over a line."""
    click.echo(f"\n{click.style(text, bold=True)}\n{'─' * len(text)}")


def checked_json(settings: Settings, checked: Checked) -> dict[str, Any]:
    """For programs."""
    words = settings.language
    return {
        "findings": [finding_json(each, words) for each in checked.findings],
        "summary": summary(checked.findings, words),
    }

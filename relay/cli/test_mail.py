"""``relay test-mail``: a mail by the real way of a tenant, each step told as it happens."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import click

from relay.cli.check.part import Settings, part_options
from relay.cli.database import as_address, database, find_tenant
from relay.cli.options import EXIT_PROBLEM, EXIT_REFUSED, EXIT_TEMPORARY, EXIT_USAGE, emit_json, fail

if TYPE_CHECKING:
    from relay.cli.test_mail_checks import Checked
    from relay.mail.address import Address
    from relay.mail.own_server import OwnServer
    from relay.mail.tenant import Tenant
    from relay.server.office import Office
    from relay.server.test_mail import Journal, Result, Step

CODES = {"failed": EXIT_PROBLEM, "held": EXIT_PROBLEM, "refused": EXIT_REFUSED, "waiting": EXIT_TEMPORARY}
COLOURS = {"delivered": "green", "waiting": "yellow"}
LEFT = 11  # columns before the text of a step


@click.command("test-mail")
@click.argument("tenant")
@click.option("--to", metavar="ADDR", callback=as_address, help="Who gets it.  [default: the tenant's own address]")
@click.option(
    "--wait",
    "seconds",
    metavar="SECONDS",
    type=click.FloatRange(0, 86400),
    default=60,
    show_default=True,
    help="How long to follow it.",
)
@click.option("--no-checks", is_flag=True, help="Do not check the domain and the route afterwards.")
@part_options
def test_mail_command(settings: Settings, tenant: str, to: Address | None, seconds: float, no_checks: bool) -> None:
    """Send a mail by the real way of TENANT and tell each step as it happens.

    It is written as if an app of TENANT had handed it in, from the tenant's own address, and carried out by the relay
    that runs. Afterwards the tenant's domain and its own server are checked.

    Exit code 0: delivered, 1: failed or held, 65: refused, 75: not delivered yet.
    """
    context = click.get_current_context()
    with database(context) as store:
        owner = find_tenant(store, tenant)
        server = store.own_server(owner.id) if settings.config.policy.own_servers else None
    steps: list[Step] = []
    via = settings.config.delivery.via
    way = "own" if server and via != "capture" else via
    if not settings.as_json:
        echo_head(settings, owner, to, server, way)
    result = send(settings, owner, to, seconds, steps)
    if not settings.as_json:
        echo_result(settings, result)
    checked = None if no_checks else look_at(context, settings, owner)
    if settings.as_json:
        emit_json(as_json(settings, owner, to, way, steps, result, checked))
    context.exit(CODES.get(result.end.value, 0))


def send(settings: Settings, owner: Tenant, to: Address | None, seconds: float, steps: list[Step]) -> Result:
    """Send it; the steps are kept and, for people, printed."""
    from relay.config import ConfigError
    from relay.server.office import Office, own_hostname
    from relay.server.signer import load_signer
    from relay.server.test_mail import Journal
    from relay.store.database import StoreError

    def tell(step: Step) -> None:
        steps.append(step)
        if not settings.as_json:
            echo_step(settings, step, steps)

    config = settings.config
    try:
        office = Office(config, load_signer(config), own_hostname(config.platform.hostname))
        journal = Journal(time.time(), time.time, tell)
        return asyncio.run(sent(settings, office, owner, to, seconds, journal))
    except (ConfigError, StoreError) as error:
        fail(str(error), EXIT_USAGE)


async def sent(
    settings: Settings, office: Office, owner: Tenant, to: Address | None, seconds: float, journal: Journal
) -> Result:
    """What it came to. Raises StoreError."""
    from relay.mail.address import parse_address
    from relay.server.test_mail import send_test_mail
    from relay.store.group import CommitGroup

    to = to or parse_address(owner.email, smtputf8=True)
    group = CommitGroup(settings.config.database.url)
    await group.start()
    try:
        return await send_test_mail(group, office, owner, to, seconds, journal, settings.language)
    finally:
        await group.close()


def look_at(context: click.Context, settings: Settings, owner: Tenant) -> Checked:
    """The checks of the domain and of the route, as it is now; printed for people."""
    from relay.cli.test_mail_checks import check_tenant, echo_checked

    with database(context) as store:
        server = store.own_server(owner.id) if settings.config.policy.own_servers else None
    checked = check_tenant(settings, owner, server)
    if not settings.as_json:
        echo_checked(settings, checked)
    return checked


# ---- for people ----------------------------------------------------------------------------------------------------


def echo_head(settings: Settings, owner: Tenant, to: Address | None, server: OwnServer | None, way: str) -> None:
    """From whom, to whom, which way."""
    from relay.cli.check.text import paragraph
    from relay.cli.delivery import shown

    words = settings.language
    named = words.text(f"test.end.way.{way}", server=server.place if server else "")
    paragraph(shown(words.text("test.end.by", author=owner.email, to=to or owner.email, way=named)))
    click.echo()


def echo_step(settings: Settings, step: Step, steps: list[Step]) -> None:
    """A step with its time, which is left out where it is that of the step above."""
    from relay.cli.check.text import paragraph

    same = len(steps) > 1 and steps[-2].at_ms == step.at_ms
    at = "" if same else f"{step.at_ms} ms"
    paragraph(step.text(settings.language), f"{at:>{LEFT - 2}}  ", " " * LEFT)


def echo_result(settings: Settings, result: Result) -> None:
    """What it came to, why, and what to do."""
    from relay.cli.check.text import paragraph
    from relay.cli.delivery import shown

    words, end = settings.language, result.end.value
    click.echo()
    click.echo(click.style(words.text(f"test.end.{end}"), fg=COLOURS.get(end, "red"), bold=True))
    if result.cause:
        paragraph(shown(result.cause.text))
        paragraph(shown(words.text("test.end.do", do=result.cause.do)))
    if end in {"held", "waiting"}:
        click.echo()
        paragraph(words.text("test.end.kept", id=result.message_id))


# ---- for programs --------------------------------------------------------------------------------------------------


def as_json(
    settings: Settings,
    owner: Tenant,
    to: Address | None,
    way: str,
    steps: list[Step],
    result: Result,
    checked: Checked | None,
) -> dict[str, Any]:
    """Everything as JSON; ``route`` is mx, smarthost, own or capture, ``summary`` null where nothing was checked."""
    from relay.cli.test_mail_checks import checked_json

    words, cause = settings.language, result.cause
    return {
        "tenant": owner.id,
        "from": owner.email,
        "to": str(to or owner.email),
        "route": way,
        "message_id": result.message_id or None,
        "steps": [
            {"name": step.name, "at_ms": step.at_ms, "text": step.text(words), "facts": dict(step.facts)}
            for step in steps
        ],
        "outcome": result.end.value,
        "cause": cause.text if cause else None,
        "do": cause.do if cause else None,
        **(checked_json(settings, checked) if checked else {"findings": [], "summary": None}),
    }

"""``relay webhook``: tell a program by HTTP what becomes of mail."""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import database, find_tenant, fresh_id, moment
from relay.cli.options import EXIT_PROBLEM, EXIT_USAGE, config_option, emit_json, fail, json_option, load_config

if TYPE_CHECKING:
    from relay.mail.tenant import Tenant
    from relay.store.store import Store
    from relay.store.webhooks import Webhook

SECRET_OCTETS = 32


@click.group("webhook")
@config_option
def webhook_group() -> None:
    """Programs that are told by HTTP what becomes of mail."""


@webhook_group.command("add")
@click.argument("url")
@click.option("--tenant", metavar="TENANT", help="Only mail of this tenant.  [default: of all]")
@click.option(
    "--events",
    metavar="LIST",
    help="What to tell: accepted,delivered,deferred,failed,bounced,complained,replied.  [default: all]",
)
@config_option
@json_option
@click.pass_context
def add(context: click.Context, url: str, tenant: str | None, events: str | None, as_json: bool) -> None:
    """Tell URL what becomes of mail. The secret that signs is shown once."""
    from relay.net.post import unfit
    from relay.server.own_route import key_files
    from relay.server.webhooks import PURPOSE
    from relay.store.vault import VaultError, open_vault
    from relay.store.webhooks import Webhook

    if problem := unfit(url):
        raise click.BadParameter(problem, param_hint="URL")
    wanted, now = chosen(events), time.time()
    secret = f"whsec_{b64encode(secrets.token_bytes(SECRET_OCTETS)).decode()}"
    with database(context) as store, store.transaction():
        owner = find_tenant(store, tenant) if tenant else None
        tenant_id = owner.id if owner else None
        try:
            sealed = open_vault(key_files(load_config(context))).seal(
                secret, tenant_id=tenant_id or "", purpose=PURPOSE
            )
        except VaultError as error:
            fail(str(error), EXIT_USAGE)
        webhook = Webhook(fresh_id(now), tenant_id, url, wanted, sealed, now)
        store.add_webhook(webhook)
    if as_json:
        emit_json({**webhook_json(webhook), "secret": secret})
        return
    of = owner.name if owner else "all tenants"
    click.echo(f"Webhook {webhook.id} tells {url} about mail of {of}: {', '.join(wanted)}.")
    click.echo(f"Secret, shown only now: {secret}")
    click.echo(f"Try it: relay webhook test {webhook.id}")


def chosen(events: str | None) -> tuple[str, ...]:
    """The events of ``--events``, all by default; exit code 2 for one that is none."""
    from relay.store.webhooks import EVENTS

    if events is None:
        return EVENTS
    wanted = tuple(dict.fromkeys(event.strip() for event in events.split(",") if event.strip()))
    for event in wanted:
        if event not in EVENTS:
            raise click.BadParameter(f'"{event}" is none of {", ".join(EVENTS)}', param_hint="--events")
    return wanted or EVENTS


@webhook_group.command("list")
@config_option
@json_option
@click.pass_context
def list_webhooks(context: click.Context, as_json: bool) -> None:
    """Print all webhooks, and how each is doing."""
    with database(context) as store, store.transaction(write=False):
        webhooks = store.webhooks()
        owners = {each.id: each for each in store.tenants()}
    if as_json:
        emit_json([webhook_json(each) for each in webhooks])
        return
    for each in webhooks:
        print_webhook(each, owners)
    if not webhooks:
        click.echo('There is no webhook. Add one with "relay webhook add https://app.example/mail-events".')


def print_webhook(webhook: Webhook, owners: dict[str, Tenant]) -> None:
    """A webhook for a person."""
    of = owners[webhook.tenant_id].name if webhook.tenant_id in owners else "all tenants"
    click.echo(click.style(f"{webhook.id}  {webhook.url}", bold=True))
    rows = [
        ("  mail of", of),
        ("  events", ", ".join(webhook.events)),
        ("  waiting", webhook.waiting),
        ("  last taken", moment(webhook.last_success_at) or "never"),
    ]
    if webhook.failing_since is not None:
        rows.append(("  failing since", f"{moment(webhook.failing_since)}, {webhook.failures} times"))
        rows.append(("  last error", webhook.last_error))
        rows.append(("  next try", "paused: relay webhook resume" if webhook.paused_at else moment(webhook.retry_at)))
    for name, value in rows:
        click.echo(f"{name:<16}{value}")


@webhook_group.command("remove")
@click.argument("webhook_id", metavar="ID")
@config_option
@click.pass_context
def remove(context: click.Context, webhook_id: str) -> None:
    """Tell webhook ID nothing more; what waits for it is forgotten."""
    with database(context) as store, store.transaction():
        if not store.drop_webhook(webhook_id):
            fail(missing(webhook_id))
    click.echo(f"Webhook {webhook_id} is removed.")


@webhook_group.command("resume")
@click.argument("webhook_id", metavar="ID")
@config_option
@click.pass_context
def resume(context: click.Context, webhook_id: str) -> None:
    """Try webhook ID again at once, paused or not."""
    with database(context) as store, store.transaction():
        if not store.resume_webhook(webhook_id):
            fail(missing(webhook_id))
    click.echo(f"Webhook {webhook_id} is tried again.")


@webhook_group.command("test")
@click.argument("webhook_id", metavar="ID")
@config_option
@json_option
@click.pass_context
def test(context: click.Context, webhook_id: str, as_json: bool) -> None:
    """Send webhook ID an event of type "test" now, and print the answer."""
    import asyncio

    from relay.net.post import Posted
    from relay.server.own_route import key_files
    from relay.server.webhooks import post_test
    from relay.store.vault import VaultError

    config = load_config(context)
    with database(context) as store, store.transaction(write=False):
        webhook = find_webhook(store, webhook_id)
    try:
        answer = asyncio.run(post_test(key_files(config), webhook, config.delivery.ca_file, time.time()))
    except VaultError as error:
        fail(str(error), EXIT_USAGE)
    taken = isinstance(answer, Posted) and 200 <= answer.status < 300
    status, text = (answer.status, answer.text) if isinstance(answer, Posted) else (None, answer.reason)
    if as_json:
        emit_json({"id": webhook.id, "url": webhook.url, "taken": taken, "status": status, "text": text})
    else:
        said = f"HTTP {status}" if status else "no answer"
        click.echo(f"{webhook.url}: {'taken' if taken else 'not taken'} ({said}){f': {text}' if text else ''}")
    context.exit(0 if taken else EXIT_PROBLEM)


def find_webhook(store: Store, webhook_id: str) -> Webhook:
    """The webhook that an argument names; ends the command when there is none."""
    return next((each for each in store.webhooks() if each.id == webhook_id), None) or fail(missing(webhook_id))


def missing(webhook_id: str) -> str:
    """There is no such webhook."""
    return f'there is no webhook "{webhook_id}"; "relay webhook list" shows all'


def webhook_json(webhook: Webhook) -> dict[str, Any]:
    """A webhook without its secret."""
    return {
        "id": webhook.id,
        "tenant": webhook.tenant_id,
        "url": webhook.url,
        "events": list(webhook.events),
        "created_at": webhook.created_at,
        "waiting": webhook.waiting,
        "last_success_at": webhook.last_success_at,
        "failures": webhook.failures,
        "failing_since": webhook.failing_since,
        "retry_at": webhook.retry_at if webhook.failures else None,
        "last_error": webhook.last_error,
        "paused_at": webhook.paused_at,
    }

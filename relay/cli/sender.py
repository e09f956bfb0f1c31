"""``relay sender``: who may send as what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import as_address, database, find_tenant, moment
from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, load_config, table

if TYPE_CHECKING:
    from pathlib import Path

    from relay.mail.address import Address
    from relay.mail.sender import Sender
    from relay.mail.tenant import Tenant
    from relay.server.verification import Asked
    from relay.store.store import Store

STATES = ("pending", "verified", "blocked", "revoked")
WHAT_HAPPENED = {
    "sent": "A verification mail to {address} is on its way; {tenant} may send as it once its owner agrees.",
    "waiting": "{address} was asked less than 15 minutes ago; no other mail is sent.",
    "limited": "{address} or {tenant} has had too many verification mails today; no other is sent.",
    "blocked": "The owner of {address} has refused; {tenant} may not send as it. "
    'To allow it nevertheless: "relay sender add --verified".',
    "verified": "{tenant} may send as {address} already.",
}


@click.group("sender")
@config_option
def sender_group() -> None:
    """The verified-sender table."""


@sender_group.command("add")
@click.argument("tenant")
@click.argument("address", callback=as_address)
@click.option("--verified", is_flag=True, help="It is known to be the tenant's: send no verification mail.")
@config_option
@json_option
@click.pass_context
def add(context: click.Context, tenant: str, address: Address, verified: bool, as_json: bool) -> None:
    """Let TENANT send as ADDRESS once its owner agrees, who is asked by mail."""
    with database(context) as store, store.transaction():
        owner = find_tenant(store, tenant)
        if verified:
            put(store, owner, address, "verified")
        asked = None if verified else ask(context, store, owner, address)
        state = state_of(store, owner, address)
    report(owner, address, state, asked.value if asked else None, as_json)


@sender_group.command("resend")
@click.argument("tenant")
@click.argument("address", callback=as_address)
@config_option
@json_option
@click.pass_context
def resend(context: click.Context, tenant: str, address: Address, as_json: bool) -> None:
    """Ask the owner of ADDRESS once more. Exit code 1 when no mail is sent."""
    with database(context) as store, store.transaction():
        owner = find_tenant(store, tenant)
        existing(store, owner, address)
        asked = ask(context, store, owner, address)
        state = state_of(store, owner, address)
    report(owner, address, state, asked.value, as_json)
    context.exit(0 if asked.value == "sent" else 1)


@sender_group.command("confirm")
@click.argument("token")
@config_option
@json_option
@click.pass_context
def confirm(context: click.Context, token: str, as_json: bool) -> None:
    """Answer "yes" to the verification mail with TOKEN (or its whole link) in the owner's place."""
    from relay.server.web.links import answer_confirm, confirm_link

    bare = token.rstrip("/").rpartition("/")[2]
    now = time.time()
    with database(context) as store, store.transaction():
        link = confirm_link(store, bare)
        if link is None:
            fail("there is no verification mail with that token")
        if not answer_confirm(store, bare, yes=True, now=now):
            fail(f"the link for {link.address} is not open any more: {link.asked(now).name.lower()}")
    report(link.tenant, link.address, "verified", "verified", as_json)


@sender_group.command("revoke")
@click.argument("tenant")
@click.argument("address", callback=as_address)
@config_option
@json_option
@click.pass_context
def revoke(context: click.Context, tenant: str, address: Address, as_json: bool) -> None:
    """Take back that TENANT may send as ADDRESS. The next message with it asks its owner anew."""
    with database(context) as store, store.transaction():
        owner = find_tenant(store, tenant)
        existing(store, owner, address)
        put(store, owner, address, "revoked")
    report(owner, address, "revoked", None, as_json)


@sender_group.command("block")
@click.argument("tenant")
@click.argument("address", callback=as_address)
@config_option
@json_option
@click.pass_context
def block(context: click.Context, tenant: str, address: Address, as_json: bool) -> None:
    """Never let TENANT send as ADDRESS, and never ask its owner."""
    with database(context) as store, store.transaction():
        owner = find_tenant(store, tenant)
        put(store, owner, address, "blocked")
    report(owner, address, "blocked", None, as_json)


@sender_group.command("list")
@click.argument("tenant", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only those.")
@config_option
@json_option
@click.pass_context
def list_senders(context: click.Context, tenant: str | None, state: str | None, as_json: bool) -> None:
    """Print the senders of TENANT, or all."""
    names, senders = found(context, tenant, state)
    if as_json:
        emit_json([sender_json(each) for each in senders])
        return
    rows = [(each.address, each.state, names[each.tenant_id], moment(each.decided_at)) for each in senders]
    table(("ADDRESS", "STATE", "TENANT", "DECIDED"), rows)


@sender_group.command("export")
@click.argument("tenant", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only those.")
@config_option
@click.pass_context
def export(context: click.Context, tenant: str | None, state: str | None) -> None:
    """Print the senders of TENANT, or all, as CSV that "relay sender import" reads."""
    from relay.cli.sender_csv import write_csv

    click.echo(write_csv(found(context, tenant, state)[1]), nl=False)

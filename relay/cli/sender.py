"""``relay sender``: who may send as what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TextIO

import click

from relay.cli.database import as_address, database, find_tenant, moment
from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, load_config, table

if TYPE_CHECKING:
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
    "blocked": "{tenant} may not send as {address}, and its owner is not asked.",
    "verified": "{tenant} may send as {address}.",
    "revoked": "{tenant} may no longer send as {address}.",
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
        state = existing(store, owner, address).state.value
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
        state = existing(store, owner, address).state.value
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
    report(link.tenant, link.address, "verified", None, as_json)


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
@json_option
@click.pass_context
def export(context: click.Context, tenant: str | None, state: str | None, as_json: bool) -> None:
    """Print the senders of TENANT, or all, as CSV that "relay sender import" reads."""
    from relay.cli.sender_csv import write_csv

    _, senders = found(context, tenant, state)
    if as_json:
        emit_json([sender_json(each) for each in senders])
    else:
        click.echo(write_csv(senders), nl=False)


@sender_group.command("import")
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.option("--tenant", help="Whose they are, where the file has no column for it.")
@config_option
@json_option
@click.pass_context
def import_csv(context: click.Context, file: TextIO, tenant: str | None, as_json: bool) -> None:
    """Read senders from a CSV file ("-": standard input), all or none of them.

    The first line names the columns: address, and optionally tenant (identifier or name) and state (pending, verified,
    blocked, revoked; pending when there is none). No mail is sent: the owner of a pending address is asked when it is
    first used.
    """
    from relay.cli.sender_csv import read_csv

    with database(context) as store, store.transaction():
        rows, problems = read_csv(file, store, tenant)
        if problems:
            fail("\n".join(["nothing was imported:", *problems]))
        for row in rows:
            if row.state != "pending" or store.sender(row.tenant.id, row.address) is None:
                put(store, row.tenant, row.address, row.state)
    if as_json:
        emit_json({"imported": len(rows)})
    else:
        click.echo(f"{len(rows)} senders imported.")


def put(store: Store, tenant: Tenant, address: Address, state: str) -> None:
    """Set the state of a sender, now."""
    from relay.mail.sender import SenderState

    store.put_sender(tenant.id, address, SenderState(state), time.time())


def ask(context: click.Context, store: Store, tenant: Tenant, address: Address) -> Asked:
    """Ask the owner of an address, just as a submission would."""
    from relay.config import ConfigError
    from relay.server.office import Office, own_hostname
    from relay.server.signer import load_signer
    from relay.server.verification import request_confirmation

    config = load_config(context)
    try:
        office = Office(config, load_signer(config), own_hostname(config.platform.hostname))
    except ConfigError as error:
        fail(str(error), EXIT_USAGE)
    return request_confirmation(store, office, tenant, address, time.time())


def existing(store: Store, tenant: Tenant, address: Address) -> Sender:
    """The sender that arguments name; ends the command when there is none."""
    return store.sender(tenant.id, address) or fail(f"{address} is not a sender of {tenant.name}")


def found(context: click.Context, tenant: str | None, state: str | None) -> tuple[dict[str, str], list[Sender]]:
    """The names of all tenants, and the senders of one or all of them."""
    from relay.mail.sender import SenderState

    with database(context) as store, store.transaction(write=False):
        owner = find_tenant(store, tenant) if tenant else None
        senders = store.senders(owner.id if owner else None, SenderState(state) if state else None)
        return {each.id: each.name for each in store.tenants()}, senders


def report(tenant: Tenant, address: Address, state: str, asked: str | None, as_json: bool) -> None:
    """Say what has become of a sender; ``asked`` is what came of asking its owner, if that was tried."""
    if as_json:
        emit_json({"tenant": tenant.id, "address": str(address), "state": state, "mail": asked})
        return
    click.echo(WHAT_HAPPENED[asked or state].format(tenant=tenant.name, address=address))


def sender_json(sender: Sender) -> dict[str, Any]:
    """A sender as JSON."""
    return {
        "tenant": sender.tenant_id,
        "address": sender.address,
        "state": sender.state.value,
        "created_at": sender.created_at,
        "decided_at": sender.decided_at,
    }

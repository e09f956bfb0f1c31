"""``relay tenant``: the platform's customers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import as_address, database, find_tenant, fresh_id, moment, parsed_address
from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, load_config, table
from relay.cli.tenant_import import import_command

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.tenant import Tenant
    from relay.store.store import Store

LOCALES = click.Choice(("en", "nl", "de", "fr"))


@click.group("tenant")
@config_option
def tenant_group() -> None:
    """The platform's customers."""


tenant_group.add_command(import_command)


@tenant_group.command("add")
@click.argument("name")
@click.option("--email", callback=as_address, required=True, metavar="ADDR", help="Address of the tenant, for notices.")
@click.option("--verified", is_flag=True, help="The address is known to be the tenant's: it may send as it at once.")
@click.option("--locale", type=LOCALES, help="Language of replies and notices (default: the platform's).")
@config_option
@json_option
@click.pass_context
def add(context: click.Context, name: str, email: Address, verified: bool, locale: str | None, as_json: bool) -> None:
    """Make a tenant called NAME, the company as recipients see it, with a first login. The password is shown once."""
    from relay.cli.login import new_login, print_login
    from relay.mail.sender import SenderState
    from relay.mail.tenant import Tenant

    now = time.time()
    language = locale or load_config(context).platform.locale
    tenant = Tenant(fresh_id(now), company_name(name), str(email), language, created_at=now)
    login, password = new_login(tenant, now)
    with database(context) as store, store.transaction():
        store.add_tenant(tenant)
        store.add_login(login)
        if verified:
            store.put_sender(tenant.id, email, SenderState.VERIFIED, now)  # rule D6
    if as_json:
        credentials = {"username": login.username, "password": password}
        emit_json({"id": tenant.id, "name": tenant.name, "login": credentials})
        return
    click.echo(f"tenant    {tenant.id}  {tenant.name}")
    print_login(login, password)


@tenant_group.command("list")
@config_option
@json_option
@click.pass_context
def list_tenants(context: click.Context, as_json: bool) -> None:
    """Print all tenants."""
    with database(context) as store:
        tenants = store.tenants()
    if as_json:
        emit_json([tenant_json(tenant) for tenant in tenants])
        return
    rows = [(each.id, each.name, each.email, each.locale, moment(each.created_at)) for each in tenants]
    table(("ID", "NAME", "EMAIL", "LOCALE", "CREATED"), rows)


@tenant_group.command("show")
@click.argument("tenant")
@config_option
@json_option
@click.pass_context
def show(context: click.Context, tenant: str, as_json: bool) -> None:
    """Print TENANT (identifier or name) with its logins and senders."""
    from relay.cli.login import login_json

    with database(context) as store, store.transaction(write=False):
        found = find_tenant(store, tenant)
        logins, senders = store.logins(found.id), store.senders(found.id)
    if as_json:
        states = [{"address": each.address, "state": each.state.value} for each in senders]
        emit_json({**tenant_json(found), "logins": [login_json(login) for login in logins], "senders": states})
        return
    for name, value in tenant_json(found).items():
        click.echo(f"{name:<11} {moment(value) if name == 'created_at' else value}")
    for login in logins:
        click.echo(f"{'login':<11} {login.username}{' (revoked)' if login.revoked_at else ''}")
    for sender in senders:
        click.echo(f"{'sender':<11} {sender.address} ({sender.state})")


@tenant_group.command("set")
@click.argument("tenant")
@click.option("--name", help="Company name, as recipients see it.")
@click.option("--email", callback=as_address, metavar="ADDR", help="Address for notices.")
@click.option("--locale", type=LOCALES, help="Language of replies and notices.")
@click.option("--copy-to", metavar="ADDR", help='A verified address that gets a copy of everything; "" for none.')
@click.option("--unticked", type=click.Choice(("refuse", "skip")), help="What a customer card without a tick does.")
@config_option
@json_option
@click.pass_context
def set_tenant(
    context: click.Context,
    tenant: str,
    name: str | None,
    email: Address | None,
    locale: str | None,
    copy_to: str | None,
    unticked: str | None,
    as_json: bool,
) -> None:
    """Change TENANT (identifier or name). Which addresses are verified stays as it is."""
    if all(value is None for value in (name, email, locale, copy_to, unticked)):
        fail("nothing to set: give --name, --email, --locale, --copy-to or --unticked", EXIT_USAGE)
    with database(context) as store, store.transaction():
        found = find_tenant(store, tenant)
        choose(store, found, copy_to, unticked)
        changed = store.set_tenant(
            found.id,
            name=company_name(name) if name else None,
            email=str(email) if email else None,
            locale=locale,
        )
    assert changed is not None
    if as_json:
        emit_json(tenant_json(changed))
    else:
        click.echo(f"{changed.id}  {changed.name}  {changed.email}  {changed.locale}")


def choose(store: Store, tenant: Tenant, copy_to: str | None, unticked: str | None) -> None:
    """Set what holds for all documents, where something is given; only a verified address can get copies."""
    from relay.mail.document import Unticked

    handling = store.handling(tenant.id)
    address = handling.copy_to
    if copy_to is not None:
        address = verified_address(store, tenant, copy_to) if copy_to else None
    if copy_to is not None or unticked is not None:
        store.put_document_choice(tenant.id, Unticked(unticked or handling.unticked), address)


def verified_address(store: Store, tenant: Tenant, text: str) -> Address:
    """An address that a tenant may send as; ends the command for any other."""
    address = parsed_address(text) or fail(f'"{text}" is not an e-mail address', EXIT_USAGE)
    if address not in store.verified(tenant.id, [address]):
        fail(f"{address} is not verified for {tenant.name}: relay sender add {tenant.id} {address}")
    return address


@tenant_group.command("erase")
@click.argument("tenant")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@json_option
@click.pass_context
def erase(context: click.Context, tenant: str, yes: bool, as_json: bool) -> None:
    """Delete TENANT with its logins, senders, messages and whatever of them still waits. There is no way back."""
    with database(context) as store:
        found = find_tenant(store, tenant)
        waiting = len(store.queue(tenant_id=found.id))
        if not yes:
            question = f"Erase {found.name} ({found.id}) and all its mail, {waiting} deliveries in the queue included?"
            click.confirm(question, abort=True, err=True)
        with store.transaction():
            store.erase_tenant(found.id)
        store.scrub()
    if as_json:
        emit_json({"id": found.id, "erased": True})
    else:
        click.echo(f"{found.name} ({found.id}) is erased.")


def company_name(text: str) -> str:
    """A company name fit to be kept; ends the command when it is not."""
    from relay.mail.tenant import LONGEST_NAME

    name = " ".join(text.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        fail(f"a company name has 1 to {LONGEST_NAME} printable characters", EXIT_USAGE)
    return name


def tenant_json(tenant: Tenant) -> dict[str, Any]:
    """A tenant as JSON."""
    return {
        "id": tenant.id,
        "name": tenant.name,
        "email": tenant.email,
        "locale": tenant.locale,
        "created_at": tenant.created_at,
    }

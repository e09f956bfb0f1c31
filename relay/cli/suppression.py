"""``relay suppression``: addresses to which nothing is sent, why, and until when."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import as_address, database, find_tenant, moment
from relay.cli.options import config_option, emit_json, fail, json_option, table

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.suppression import Suppression
    from relay.mail.tenant import Tenant

DAY = 86400.0


@click.group("suppression")
@config_option
def suppression_group() -> None:
    """Addresses to which nothing is sent: those that bounced, those that complained, and your own."""


@suppression_group.command("list")
@click.option("--tenant", metavar="TENANT", help="Those that count for this tenant.  [default: all]")
@click.option("--ended", is_flag=True, help="Those whose time is over too.")
@config_option
@json_option
@click.pass_context
def list_suppressions(context: click.Context, tenant: str | None, ended: bool, as_json: bool) -> None:
    """Print suppressed addresses, the newest first, with why and until when."""
    now = time.time()
    with database(context) as store, store.transaction(write=False):
        found = store.suppressions(find_tenant(store, tenant).id if tenant else None)
        names = {each.id: each.name for each in store.tenants()}
    shown = [each for each in found if ended or each.in_force(now)]
    if as_json:
        emit_json([suppression_json(each, names, now) for each in shown])
        return
    rows = [
        (
            each.address,
            names.get(each.tenant_id or "", "(all)"),
            each.reason.value,
            moment(each.since)[:10],
            moment(each.until)[:10] if each.until else "removed",
            each.detail,
        )
        for each in shown
    ]
    table(("ADDRESS", "TENANT", "REASON", "SINCE", "UNTIL", "WORDS"), rows)


@suppression_group.command("add")
@click.argument("address", callback=as_address)
@click.option("--tenant", metavar="TENANT", help="For the mail of this tenant.  [default: of all]")
@click.option("--reason", default="", metavar="TEXT", help="Why, in words that tenants read.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long.  [default: until it is removed]")
@config_option
@json_option
@click.pass_context
def add_suppression(
    context: click.Context, address: Address, tenant: str | None, reason: str, days: float | None, as_json: bool
) -> None:
    """Send nothing to ADDRESS any more."""
    from relay.mail.suppression import Reason, Suppression

    now = time.time()
    with database(context) as store, store.transaction():
        whose = find_tenant(store, tenant) if tenant else None
        until = now + days * DAY if days else None
        made = Suppression(whose.id if whose else None, str(address), Reason.MANUAL, reason, now, until)
        store.put_suppression(address, made)
    if as_json:
        emit_json(suppression_json(made, {whose.id: whose.name} if whose else {}, now))
    else:
        click.echo(f"{named(whose)}: nothing is sent to {address}{until_text(until)}")


@suppression_group.command("remove")
@click.argument("address", callback=as_address)
@click.option("--tenant", metavar="TENANT", help="For the mail of this tenant only.  [default: wherever it stands]")
@config_option
@json_option
@click.pass_context
def remove_suppression(context: click.Context, address: Address, tenant: str | None, as_json: bool) -> None:
    """Send to ADDRESS again. What was refused meanwhile is not sent by that."""
    with database(context) as store, store.transaction():
        if tenant:
            where: set[str | None] = {find_tenant(store, tenant).id}
        else:
            where = {each.tenant_id for each in store.suppressions()}
        removed = sum(store.drop_suppression(tenant_id, address) for tenant_id in where)
    if as_json:
        emit_json({"address": str(address), "removed": removed})
    elif removed:
        click.echo(f"{address} gets mail again")
    if not removed:
        fail(f"{address} is not suppressed{' for that tenant; see: relay suppression list' if tenant else ''}")


def named(tenant: Tenant | None) -> str:
    """Whose mail it is about."""
    return tenant.name if tenant else "all tenants"


def until_text(until: float | None) -> str:
    """How long it lasts."""
    return f" until {moment(until)} UTC" if until else " until it is removed"


def suppression_json(each: Suppression, names: dict[str, str], now: float) -> dict[str, Any]:
    """A suppression as JSON; ``tenant`` null: for all; ``until`` null: until it is removed."""
    return {
        "address": each.address,
        "tenant": each.tenant_id,
        "tenant_name": names.get(each.tenant_id) if each.tenant_id else None,
        "reason": each.reason.value,
        "detail": each.detail,
        "since": each.since,
        "until": each.until,
        "times": each.times,
        "in_force": each.in_force(now),
    }

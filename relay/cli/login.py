"""``relay login``: what apps sign in with."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
import unicodedata
from base64 import b32encode
from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import database, find_tenant, moment
from relay.cli.options import config_option, emit_json, fail, json_option, table

if TYPE_CHECKING:
    from relay.mail.tenant import Login, Tenant

SECRET_OCTETS = 20  # 160 random bits, so a plain SHA-256 of them cannot be searched


def as_networks(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Networks as they are compared; exit code 2 for one that is none."""
    from ipaddress import ip_network

    try:
        return tuple(str(ip_network(text.strip())) for text in value)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 203.0.113.0/24, or one address") from None


@click.group("login")
@config_option
def login_group() -> None:
    """Logins that apps use to hand in mail."""


@login_group.command("add")
@click.argument("tenant")
@click.option(
    "--network",
    "networks",
    metavar="CIDR",
    multiple=True,
    callback=as_networks,
    help="Where it may be used from, such as 203.0.113.0/24 (repeatable).  [default: anywhere]",
)
@click.option("--no-own-server", is_flag=True, help="Its mail never goes by the tenant's own server.")
@config_option
@json_option
@click.pass_context
def add(context: click.Context, tenant: str, networks: tuple[str, ...], no_own_server: bool, as_json: bool) -> None:
    """Make one more login for TENANT. Its password is shown once."""
    with database(context) as store, store.transaction():
        owner = find_tenant(store, tenant)
        login, password = new_login(owner, time.time(), networks, own_server=not no_own_server)
        store.add_login(login)
    if as_json:
        emit_json({"tenant": owner.id, "username": login.username, "password": password})
    else:
        print_login(login, password)


@login_group.command("list")
@click.argument("tenant", required=False)
@config_option
@json_option
@click.pass_context
def list_logins(context: click.Context, tenant: str | None, as_json: bool) -> None:
    """Print the logins of TENANT, or all."""
    with database(context) as store, store.transaction(write=False):
        owners = [find_tenant(store, tenant)] if tenant else store.tenants()
        logins = [(owner, login) for owner in owners for login in store.logins(owner.id)]
    if as_json:
        emit_json([{"tenant": owner.id, **login_json(login)} for owner, login in logins])
        return
    rows = [
        (each.username, owner.name, moment(each.created_at), moment(each.revoked_at), ", ".join(each.networks) or "any")
        for owner, each in logins
    ]
    table(("USERNAME", "TENANT", "CREATED", "REVOKED", "FROM"), rows)


@login_group.command("revoke")
@click.argument("username")
@config_option
@json_option
@click.pass_context
def revoke(context: click.Context, username: str, as_json: bool) -> None:
    """End the login USERNAME. Mail that it has handed in is still delivered."""
    with database(context) as store, store.transaction():
        revoked = store.revoke_login(username, time.time())
    if not revoked:
        fail(f'there is no login "{username}" in force; "relay login list" shows all')
    if as_json:
        emit_json({"username": username, "revoked": True})
    else:
        click.echo(f"{username} can no longer sign in.")


def new_login(
    tenant: Tenant, now: float, networks: tuple[str, ...] = (), *, own_server: bool = True
) -> tuple[Login, str]:
    """A login for a tenant, and its password, of which only the SHA-256 is kept."""
    from relay.mail.tenant import Login

    password = b32encode(secrets.token_bytes(SECRET_OCTETS)).decode().lower()
    ending = b32encode(secrets.token_bytes(5)).decode().lower()
    digest = hashlib.sha256(password.encode()).digest()
    username = f"{slug(tenant.name)}-{ending}"
    return Login(username, tenant.id, digest, created_at=now, networks=networks, own_server=own_server), password


def slug(name: str) -> str:
    """A name in a few plain letters and digits, so that a login tells whose it is."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:24].strip("-") or "tenant"


def login_json(login: Login) -> dict[str, Any]:
    """A login as JSON; there is no secret in it."""
    return {
        "username": login.username,
        "created_at": login.created_at,
        "revoked_at": login.revoked_at,
        "networks": list(login.networks),
        "own_server": login.own_server,
    }


def print_login(login: Login, password: str) -> None:
    """Show a new login, for the first and last time."""
    click.echo(f"username  {login.username}")
    click.echo(f"password  {password}")
    click.echo("The password is not kept and cannot be shown again.")

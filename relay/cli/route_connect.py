"""``relay route connect``: an OAuth account with which the relay signs in at a tenant's own server."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import database, find_tenant, moment
from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, load_config

if TYPE_CHECKING:
    from relay.config import Config
    from relay.config.outgoing import OAuthApp
    from relay.mail.oauth import Kind
    from relay.net.oauth import DeviceCode, NoToken, OAuthClient, Token
    from relay.server.oauth_apps import Apps

SLOWER = 5.0  # seconds that slow_down adds (RFC 8628 3.5)
SENDS = "SMTP.SendAsApp"
NO_APPS = (
    "no application is configured: register one at the provider, then add [[oauth]] to the configuration with name, "
    "provider, client_id and client_secret_file (docs/own-server.md)"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose account is to be connected, with which application."""

    config: Config
    apps: Apps
    app: OAuthApp
    tenant_id: str
    company: str
    username: str

    @property
    def consent(self) -> tuple[str, str, str]:
        """The same as it is kept."""
        return self.tenant_id, self.app.name, self.username

    def client(self) -> OAuthClient:
        """The client at the provider; a secret that cannot be read ends the command."""
        from relay.server.oauth_apps import AppError

        try:
            return self.apps.client(self.app.name)
        except AppError as error:
            fail(str(error), EXIT_USAGE)


@click.command("connect")
@click.argument("tenant")
@click.option("--app", "name", metavar="NAME", default="", help="Which [[oauth]] of the configuration.")
@click.option("--device", is_flag=True, help="With a code, for who has no browser at hand.")
@click.option("--application", is_flag=True, help="As the application itself: an administrator lets it in.")
@click.option("--username", metavar="ADDR", default="", help="Who signs in.  [default: the user name of the route]")
@config_option
@json_option
@click.pass_context
def connect_route(
    context: click.Context, tenant: str, name: str, device: bool, application: bool, username: str, as_json: bool
) -> None:
    """Connect an OAuth account with which the relay signs in at TENANT's own server.

    Prints a link, good for 15 minutes, that the owner of the account opens in a browser to agree.
    """
    if device and application:
        fail("--device and --application are two ways: choose one", EXIT_USAGE)
    wanted = find_wanted(context, tenant, name, username)
    if application:
        connect_application(context, wanted, as_json)
    elif device:
        connect_device(context, wanted, as_json)
    else:
        print_link(context, wanted, as_json)


def find_wanted(context: click.Context, tenant: str, name: str, username: str) -> Wanted:
    """What is asked for; what cannot be ends the command with the reason."""
    from relay.server.oauth_apps import open_apps

    config = load_config(context)
    apps = open_apps(config, time.time)
    app = chosen_app(config, name)
    with database(context) as store:
        owner = find_tenant(store, tenant)
        server = store.own_server(owner.id)
    signs_in = username.strip() or (server.username if server else "")
    if not signs_in:
        fail(f"{owner.name} has no own server with a user name yet: give --username", EXIT_USAGE)
    return Wanted(config, apps, app, owner.id, owner.name, signs_in)


def require_apps(config: Config) -> None:
    """Without an application nothing can be connected."""
    if not config.oauth:
        fail(NO_APPS, EXIT_USAGE)


def chosen_app(config: Config, name: str) -> OAuthApp:
    """The application of that name, or the only one."""
    require_apps(config)
    names = ", ".join(each.name for each in config.oauth)
    if not name and len(config.oauth) > 1:
        fail(f"several applications are configured: choose one with --app ({names})", EXIT_USAGE)
    found = (each for each in config.oauth if each.name == (name or each.name))
    return next(found, None) or fail(f'there is no [[oauth]] with name = "{name}"; there are {names}', EXIT_USAGE)


def print_link(context: click.Context, wanted: Wanted, as_json: bool) -> None:
    """Authorization code with PKCE; the running relay's pages finish it."""
    import secrets

    from relay.server.oauth_apps import AppError
    from relay.server.oauth_connect import SECRET, new_link
    from relay.server.own_route import key_files
    from relay.store.vault import VaultError

    files = key_files(wanted.config)
    try:
        with database(context) as store, store.transaction():
            secret = store.secret(SECRET, secrets.token_bytes(32))
            link = new_link(store, wanted.apps, files, secret, wanted.consent, time.time())
    except (AppError, VaultError) as error:
        fail(str(error), EXIT_USAGE)
    if as_json:
        said = {"open": link.address, "expires_at": link.expires_at, "redirect_uri": wanted.apps.redirect_uri}
        emit_json({"tenant": wanted.tenant_id, "app": wanted.app.name, "username": wanted.username, **said})
        return
    click.echo(
        f"Let {wanted.username} open this link, good once until {moment(link.expires_at)} UTC:\n\n{link.address}\n"
    )
    click.echo(
        f"The provider then leads back to {wanted.apps.redirect_uri}, which must be registered there as it stands."
    )
    click.echo('The running relay finishes it and lets held mail go; "relay route show" tells.')


def connect_device(context: click.Context, wanted: Wanted, as_json: bool) -> None:
    """A code that a person types on another device (RFC 8628)."""
    from relay.mail.oauth import Kind
    from relay.net.oauth import NoToken

    client = wanted.client()
    if not client.endpoints.device:
        fail(f"{wanted.app.provider} gives no codes for sending mail: connect without --device", EXIT_USAGE)
    code = asyncio.run(client.device_start())
    if isinstance(code, NoToken):
        fail(f"no code: {code.words}")
    click.echo(f"Open {code.address} and enter {code.user_code}, signed in as {wanted.username}.", err=as_json)
    answer = asyncio.run(polled(client, code))
    keep(context, wanted, Kind.DEVICE, answer, as_json)


async def polled(client: OAuthClient, code: DeviceCode) -> Token | NoToken:
    """The answer of the person, asked for as often as the provider likes (RFC 8628 3.5)."""
    from relay.net.oauth import NoToken, Token, Why

    interval = code.interval
    while True:
        await asyncio.sleep(interval)
        answer = await client.device_poll(code)
        if isinstance(answer, Token) or answer.why not in {Why.PENDING, Why.SLOW_DOWN, Why.TEMPORARY}:
            return answer
        interval += {Why.SLOW_DOWN: SLOWER, Why.TEMPORARY: interval}.get(answer.why, 0.0)
        if client.now() >= code.expires_at:
            return NoToken(Why.RECONNECT, "nobody entered the code in time")


def connect_application(context: click.Context, wanted: Wanted, as_json: bool) -> None:
    """Client credentials (RFC 6749 4.4), and what the administrator of the mail has to do for it."""
    from relay.mail.oauth import Kind
    from relay.net.oauth import Token, claims

    client = wanted.client()
    if not client.endpoints.application_scope:
        fail(f"{wanted.app.provider} lets no application send by itself: connect without --application", EXIT_USAGE)
    if wanted.app.provider == "microsoft" and not wanted.app.directory and not wanted.app.token:
        fail(f"oauth {wanted.app.name}: an application needs the customer's directory identifier there", EXIT_USAGE)
    answer = asyncio.run(client.as_application())
    told = claims(answer.access_token) if isinstance(answer, Token) else {}
    roles = told.get("roles")
    missing = isinstance(answer, Token) and wanted.app.provider == "microsoft" and SENDS not in (roles or [])
    lines = administrator_lines(wanted, str(told.get("oid") or "OBJECT-ID"))
    keep(context, wanted, Kind.APPLICATION, answer, as_json, lines, missing_role=missing and bool(told))


def administrator_lines(wanted: Wanted, object_id: str) -> list[str]:
    """What lets a Microsoft application into a mailbox (Exchange Online PowerShell)."""
    if wanted.app.provider != "microsoft":
        return []
    return [
        f"Connect-ExchangeOnline -Organization {wanted.app.directory}",
        f"New-ServicePrincipal -AppId {wanted.app.client_id} -ObjectId {object_id}",
        f'Add-MailboxPermission -Identity "{wanted.username}" -User {object_id} -AccessRights FullAccess',
        f'Set-CASMailbox -Identity "{wanted.username}" -SmtpClientAuthenticationDisabled $false',
    ]


def keep(
    context: click.Context,
    wanted: Wanted,
    kind: Kind,
    answer: Token | NoToken,
    as_json: bool,
    lines: list[str] | None = None,
    *,
    missing_role: bool = False,
) -> None:
    """Keep the account that was connected, or say why there is none."""
    from relay.cli.route import deliveries
    from relay.mail.oauth import Kind
    from relay.net.oauth import NoToken
    from relay.server.oauth_connect import belongs, connect, new_connection
    from relay.server.own_route import key_files
    from relay.store.vault import VaultError

    if not as_json:
        echo_lines(lines or [])
    if isinstance(answer, NoToken):
        fail(f"not connected: {answer.words}")
    if not belongs(answer, wanted.username):
        fail(f"not connected: {answer.names[0]} signed in, not {wanted.username}")
    if kind is Kind.DEVICE and not answer.refresh_token:
        fail("not connected: no refresh token came; the scope must ask for offline access")
    now = time.time()
    try:
        connection = new_connection(wanted.consent, kind, answer, key_files(wanted.config), now)
    except VaultError as error:
        fail(str(error), EXIT_USAGE)
    with database(context) as store, store.transaction():
        released = connect(store, connection, now)
    if as_json:
        found: dict[str, Any] = {"tenant": wanted.tenant_id, "app": wanted.app.name, "username": wanted.username}
        emit_json(
            {**found, "kind": kind.value, "valid_until": answer.expires_at, "released": released, "do": lines or []}
        )
        return
    if missing_role:
        click.echo(f"Careful: the token lacks {SENDS}. Grant it in Entra (application permission), with admin consent.")
    click.echo(f"{wanted.company}: connected as {wanted.username}; {deliveries(released)} let go.")


def echo_lines(lines: list[str]) -> None:
    """What an administrator has to do, to copy."""
    if not lines:
        return
    click.echo("An Exchange administrator of the customer runs, once; OBJECT-ID is that of the enterprise application,")
    click.echo("not of the registration. Afterwards it may take half an hour until mail is let in.\n")
    for line in lines:
        click.echo(f"  {line}")
    click.echo("")

"""``relay route``: which way a tenant's mail leaves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from relay.cli.check.part import Settings, part_options
from relay.cli.check.smtp import Target, TargetType
from relay.cli.database import database, find_tenant, fresh_id, moment
from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, load_config
from relay.cli.route_account import account_json, route_token
from relay.cli.route_choice import Choice, choose, read_secret
from relay.cli.route_connect import connect_route, require_apps

if TYPE_CHECKING:
    from relay.mail.own_server import OwnServer
    from relay.mail.tenant import Tenant
    from relay.store.store import Store


@click.group("route")
@config_option
def route_group() -> None:
    """Which way a tenant's mail leaves: by the platform, or by an SMTP server of its own."""


route_group.add_command(connect_route)


@route_group.command("set")
@click.argument("tenant")
@click.argument("kind", metavar="platform|own", type=click.Choice(("platform", "own")))
@click.argument("target", metavar="[HOST[:PORT]]", required=False, type=TargetType())
@click.option(
    "--tls",
    type=click.Choice(("implicit", "starttls", "none")),
    help="implicit: from the start, as on 465; starttls: as on 587.  [default: what the server offers]",
)
@click.option("--username", metavar="U", default="", help="Who signs in, mostly the whole address.")
@click.option(
    "--auth", type=click.Choice(("password", "xoauth2")), default="password", show_default=True, help="With what."
)
@click.option("--password-stdin", is_flag=True, help="The password stands on standard input.  [default: asks for it]")
@click.option(
    "--on-failure",
    type=click.Choice(("hold", "platform")),
    default="hold",
    show_default=True,
    help="When the server fails for hours: keep the mail, or send it under the platform's address.",
)
@click.option("--insecure", is_flag=True, help="Without TLS, where the server really offers none.")
@click.option("--force", is_flag=True, help="Save although the probe fails.")
@part_options
def set_route(
    settings: Settings, tenant: str, kind: str, target: Target | None, password_stdin: bool, force: bool, **options: Any
) -> None:
    """Set the way of TENANT's mail, and let go what waits.

    With "own" its mail leaves by the server HOST under its own From, unsigned by the platform, for confirmed senders
    only. First the server is probed, as "relay check smtp" does, up to the login; nothing is sent.
    """
    context = click.get_current_context()
    if kind == "platform":
        if target is not None:
            fail("platform: no server is named with it", EXIT_USAGE)
        set_platform(context, tenant, as_json=settings.as_json)
        return
    if target is None:
        fail("own: name the server, such as mail.example.nl:587", EXIT_USAGE)
    if not settings.config.policy.own_servers:
        fail("policy.own_servers is false: this platform lets nobody use a server of its own")
    choice = choose(target, options)
    with database(context) as store:
        owner = find_tenant(store, tenant)
    secret = read_secret(choice, password_stdin)
    if choice.auth == "xoauth2":
        require_apps(settings.config)
        secret = route_token(settings, owner)
    set_own(context, settings, owner, choice, secret, force=force)


def set_platform(context: click.Context, tenant: str, *, as_json: bool) -> None:
    """Back to the platform; the relay rewrites what waits for the own server."""
    now = time.time()
    with database(context) as store, store.transaction():
        owner = find_tenant(store, tenant)
        store.drop_own_server(owner.id)
        released = store.release_own_mail(owner.id, now)
    if as_json:
        emit_json({"tenant": owner.id, "kind": "platform", "released": released})
    else:
        click.echo(f"{owner.name}: mail leaves by the platform; {deliveries(released)} let go.")


def set_own(
    context: click.Context, settings: Settings, owner: Tenant, choice: Choice, secret: str, *, force: bool
) -> None:
    """Probe, then save unless the probe fails."""
    from relay.cli.route_probe import emit_probe, probe

    answer = probe(settings, choice, secret)
    saved = answer.fits or force
    server, released = None, 0
    if saved:
        server = own_server(settings, owner, answer.settled, secret)
        with database(context) as store, store.transaction():
            store.put_own_server(server)
            released = store.release_own_mail(owner.id, server.changed_at)
    stored = {"tenant": owner.id, "saved": saved, "released": released}
    emit_probe(settings, answer, stored | (server_json(server) if server else {}))
    if not settings.as_json:
        said = f"Saved. {deliveries(released)} let go." if saved else "Not saved: mend this first, or add --force."
        click.echo(f"\n{owner.name}: {said}")
        if saved and choice.auth == "xoauth2" and not secret:
            click.echo("No account is connected for OAuth yet: until then mail is held. Do: relay route connect")
    context.exit(0 if saved else answer.code)


def own_server(settings: Settings, owner: Tenant, choice: Choice, secret: str) -> OwnServer:
    """The settings as they are kept, with the password encrypted."""
    from relay.mail.own_server import OnFailure, OwnServer
    from relay.server.own_route import PURPOSE, key_files
    from relay.store.vault import VaultError, open_vault

    sealed = b""
    try:
        if secret:
            sealed = open_vault(key_files(settings.config)).seal(secret, tenant_id=owner.id, purpose=PURPOSE)
    except VaultError as error:
        fail(str(error), EXIT_USAGE)
    now = time.time()
    return OwnServer(
        tenant_id=owner.id,
        host=choice.host,
        port=choice.port or 0,
        tls=choice.tls_mode,
        sign_in_by=choice.sign_in_by,
        username=choice.username,
        sealed=sealed,
        on_failure=OnFailure(choice.on_failure),
        version=fresh_id(now),
        changed_at=now,
    )


@route_group.command("probe")
@click.argument("tenant")
@part_options
def probe_route(settings: Settings, tenant: str) -> None:
    """Probe TENANT's own server with the login that is kept.

    It is asked whether it takes mail from TENANT's address; no mail is sent. If it works, what is held for it goes
    at once.
    """
    from relay.cli.route_choice import choice_of
    from relay.cli.route_probe import emit_probe, probe
    from relay.mail.own_server import SignInBy
    from relay.server.own_route import key_files, open_password
    from relay.store.vault import VaultError

    context = click.get_current_context()
    with database(context) as store:
        owner = find_tenant(store, tenant)
        server = store.own_server(owner.id) or fail(f"{owner.name} has no own server: its mail leaves by the platform")
    try:
        if server.sign_in_by is SignInBy.XOAUTH2:
            secret = route_token(settings, owner)
        else:
            secret = open_password(key_files(settings.config), server) if server.sealed else ""
    except VaultError as error:
        fail(str(error), EXIT_USAGE)
    sender = "" if server.username and not secret else owner.email  # without its login there is nothing to ask
    answer = probe(settings, choice_of(server), secret, sender)
    released = 0
    if answer.works:
        now = time.time()
        with database(context) as store, store.transaction():
            if store.own_server_mended(owner.id, server.version, fresh_id(now), now):
                released = store.release_own_mail(owner.id, now)
    emit_probe(settings, answer, {"tenant": owner.id, "released": released})
    if answer.works and not settings.as_json:
        click.echo(f"\n{owner.name}: {deliveries(released)} let go.")
    context.exit(0 if answer.fits else answer.code)


@route_group.command("show")
@click.argument("tenant")
@config_option
@json_option
@click.pass_context
def show_route(context: click.Context, tenant: str, as_json: bool) -> None:
    """Print the way of TENANT's mail, and what waits for its own server. A password is never shown."""
    with database(context) as store, store.transaction(write=False):
        owner = find_tenant(store, tenant)
        found = route_json(store, owner)
    if found["kind"] == "own" and not load_config(context).policy.own_servers:
        found["state"] = "forbidden"
    if as_json:
        emit_json(found)
        return
    for name, value in found.items():
        if value not in {None, ""}:
            click.echo(f"{name.replace('_', ' '):<15} {moment(value) if name in TIMES else printed(value)}")


def printed(value: object) -> str:
    """A value without anything that a terminal would obey."""
    return "".join(char if char.isprintable() else "?" for char in str(value))


TIMES = frozenset({"changed_at", "refused_at", "failing_since", "token_until", "token_since", "token_failed_at"})


def route_json(store: Store, owner: Tenant) -> dict[str, Any]:
    """The way of a tenant's mail as JSON."""
    server = store.own_server(owner.id)
    waiting, held = store.own_mail_waiting(owner.id)
    own = server_json(server) if server else {"kind": "platform"}
    own |= account_json(store, owner) if server and server.sign_in_by.value == "xoauth2" else {}
    return {"tenant": owner.id, "name": owner.name, **own, "waiting": waiting, "held": held}


def server_json(server: OwnServer) -> dict[str, Any]:
    """An own server as JSON, without its secret."""
    from relay.mail.route import TlsMode

    state = "refused" if server.refused_at else "failing" if server.failing_since else "ok"
    return {
        "kind": "own",
        "host": server.host,
        "port": server.port,
        "tls": "starttls" if server.tls is TlsMode.REQUIRE else server.tls.value,
        "username": server.username,
        "auth": server.sign_in_by.value,
        "on_failure": server.on_failure.value,
        "state": state,
        "changed_at": server.changed_at,
        "refused_at": server.refused_at,
        "refused_reply": server.refused_reply,
        "failing_since": server.failing_since,
    }


@route_group.command("rekey")
@config_option
@json_option
@click.pass_context
def rekey(context: click.Context, as_json: bool) -> None:
    """Encrypt all secrets with the first key of the key file; afterwards the other keys can go."""
    from relay.server.own_route import key_files
    from relay.server.rekey import rekey as encrypt_anew
    from relay.store.vault import VaultError, open_vault

    files = key_files(load_config(context))
    try:
        vault = open_vault(files)
        with database(context) as store, store.transaction():
            count = encrypt_anew(store, vault)
    except VaultError as error:
        fail(str(error), EXIT_USAGE)
    if as_json:
        emit_json({"rekeyed": count})
    else:
        click.echo(f"{count} secrets are encrypted with another key now.")


def deliveries(count: int) -> str:
    """So many deliveries, in words."""
    return "1 delivery is" if count == 1 else f"{count} deliveries are"

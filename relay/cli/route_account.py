"""A tenant's OAuth account as ``relay route`` shows and uses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from relay.cli.options import EXIT_USAGE, fail

if TYPE_CHECKING:
    from relay.cli.check.part import Settings
    from relay.mail.tenant import Tenant
    from relay.server.own_route import NoToken
    from relay.store.store import Store


def account_json(store: Store, owner: Tenant) -> dict[str, Any]:
    """How a tenant's account fares, without its tokens."""
    found = store.oauth_connection(owner.id)
    if found is None:
        return {"account": "none"}
    return {
        "account": "disconnected" if found.dead else "connected",
        "connected_as": found.username,
        "connected_by": f"{found.app} ({found.kind})",
        "token_until": found.expires_at,
        "token_since": found.refreshed_at,
        "token_error": found.last_error,
        "token_failed_at": found.failed_at,
    }


def route_token(settings: Settings, owner: Tenant) -> str:
    """The access token of a tenant's account, the next one where that is due; empty where none is connected."""
    from relay.server.oauth_apps import open_apps
    from relay.server.oauth_tokens import OAuthTokens
    from relay.server.own_route import NoToken, key_files
    from relay.store.group import CommitGroup

    async def found() -> str | NoToken:
        group = CommitGroup(settings.config.database.url)
        await group.start()
        try:
            apps = open_apps(settings.config, time.time)
            return await OAuthTokens(group, key_files(settings.config), apps, time.time).token(owner.id)
        finally:
            await group.close()

    with reported():
        token = asyncio.run(found())
    if isinstance(token, NoToken):
        click.echo(f"{owner.name}: {token.text}", err=True)
        return ""
    return token


@contextmanager
def reported() -> Iterator[None]:
    """A database or key file that fails ends the command with one line."""
    from relay.store.database import StoreError
    from relay.store.vault import VaultError

    try:
        yield
    except (StoreError, VaultError) as error:
        fail(str(error), EXIT_USAGE)

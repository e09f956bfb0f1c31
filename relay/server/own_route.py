"""A tenant's own server as it is at this attempt: looked up, its password decrypted, so that mending it frees mail."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from relay.mail.delivery import Answer, Deferred, LoginRefused
from relay.mail.own_server import OwnServer, SignInBy
from relay.mail.route import OwnRoute
from relay.store.database import StoreError
from relay.store.vault import Vault, VaultError, open_vault

if TYPE_CHECKING:
    from relay.config import Config
    from relay.store.group import CommitGroup

log = logging.getLogger("relay.own_server")

PURPOSE = "own server password"
KEY_FILE = "relay-secrets"


@dataclass(frozen=True, slots=True)
class NoToken:
    """Why there is no access token. ``dead``: not before somebody connects the account anew."""

    text: str
    dead: bool


class Tokens(Protocol):
    """Where OAuth access tokens come from."""

    async def token(self, tenant_id: str) -> str | NoToken:
        """A token that is good for some minutes at least. Raises StoreError and `VaultError`."""
        ...


class NoTokens:
    """No account is connected."""

    async def token(self, tenant_id: str) -> NoToken:
        """Never one."""
        del tenant_id
        return NoToken("no account is connected for OAuth", dead=True)


@dataclass(frozen=True, slots=True)
class Unsent:
    """Why nothing can be sent now. ``version`` is that of the settings, empty where there are none (any more), None
    where nobody could say."""

    outcome: Deferred
    version: str | None


class OwnRoutes:
    """Looks up own servers. ``allowed`` False: the platform lets nobody use one."""

    def __init__(self, group: CommitGroup, files: Sequence[Path], tokens: Tokens, *, allowed: bool) -> None:
        """``files`` are those of `key_files`."""
        self.group = group
        self.files = files
        self.tokens = tokens
        self.allowed = allowed

    async def route(self, tenant_id: str) -> OwnRoute | Unsent:
        """The route of a tenant's own mail at this moment."""
        try:
            server = await self.group.read(lambda store: store.own_server(tenant_id)) if self.allowed else None
        except StoreError as error:
            log.error("own server not looked up tenant=%s: %s", tenant_id, error)  # noqa: TRY400 - the store logged it
            return unsent("the store cannot be read", None)
        if server is None:
            return unsent("there is no own server any more", "")
        if server.refused_at is not None:
            return Unsent(LoginRefused(Answer(server.refused_reply)), server.version)
        return await self.opened(server)

    async def opened(self, server: OwnServer) -> OwnRoute | Unsent:
        """The route with its secret."""
        secret: str | NoToken = ""
        try:
            match server.sign_in_by:
                case SignInBy.PASSWORD:
                    secret = await asyncio.to_thread(open_password, self.files, server)
                case SignInBy.XOAUTH2:
                    secret = await self.tokens.token(server.tenant_id)
        except VaultError as error:
            log.error("password not opened tenant=%s: %s", server.tenant_id, error)  # noqa: TRY400 - it says it all
            return unsent("the password of the own server cannot be opened", server.version)
        except StoreError as error:
            log.error("no token tenant=%s: %s", server.tenant_id, error)  # noqa: TRY400 - the store logged it
            return unsent("the store cannot be read", None)
        if isinstance(secret, NoToken):
            kind = LoginRefused if secret.dead else Deferred
            return Unsent(kind(Answer(secret.text, 0, "4.7.8")), server.version)
        return route_of(server, secret)


def unsent(text: str, version: str | None) -> Unsent:
    """A reason of ours not to send now."""
    return Unsent(Deferred(Answer(text, 0, "4.3.0")), version)


def route_of(server: OwnServer, secret: str) -> OwnRoute:
    """The route to an own server."""
    return OwnRoute(
        tenant_id=server.tenant_id,
        version=server.version,
        host=server.host,
        port=server.port,
        tls=server.tls,
        username=server.username,
        secret=secret,
        oauth=server.sign_in_by is SignInBy.XOAUTH2,
        failing=server.failing_since is not None,
    )


def open_password(files: Sequence[Path], server: OwnServer) -> str:
    """The password of an own server. Key files are read anew each time: a key that was added counts at once. Raises
    `VaultError`."""
    vault: Vault = open_vault(files)
    return vault.open(server.sealed, tenant_id=server.tenant_id, purpose=PURPOSE)


def key_files(config: Config) -> list[Path]:
    """Where the keys are: the configured file, else what the service manager hands over and a file beside the database.
    Commands run outside the service, where only the latter is seen; so the relay opens what either has sealed."""
    if config.secrets.key_file:
        return [Path(config.secrets.key_file)]
    beside = Path(config.database.url.removeprefix("sqlite:///")).parent / KEY_FILE
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    return [Path(credentials) / KEY_FILE, beside] if credentials else [beside]

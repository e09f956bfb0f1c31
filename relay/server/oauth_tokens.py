"""Access tokens for tenants' own servers, always good for some minutes more.

1. A token that is good for long enough is used as it is kept.
2. Else the next one is asked for: by one caller at a time in this process (a task that all of them await, and that
   nobody's cancelling stops), by one process at a time on this database (a lease).
3. What came is committed, the new refresh token first of all, and only then used (RFC 6749 6: the old one may be gone).
4. Where there is none: a dead account has to be connected anew (`NoToken.dead`: mail is held, the tenant is told);
   everything else is tried again later, the old token serving as long as it is good.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from relay.mail.oauth import Connection, Kind
from relay.net.oauth import NoToken as Refused
from relay.net.oauth import OAuthClient, Token, Why
from relay.server.oauth_apps import AppError, Apps
from relay.server.own_route import NoToken
from relay.store.vault import Vault, open_vault

if TYPE_CHECKING:
    from relay.store.group import CommitGroup

log = logging.getLogger("relay.oauth")

REFRESH_PURPOSE = "oauth refresh token"
ACCESS_PURPOSE = "oauth access token"
AHEAD = 600.0  # seconds before its end that a token is replaced, or half of its life where that is shorter
SPARED_FOR = 60.0  # seconds after a failure in which the provider is not asked again
LEASE = 60.0  # seconds: longer than an answer may take (relay.net.oauth.SECONDS) and a commit after it
LOOK_EVERY = 0.2  # seconds, while another process asks
DEAD = frozenset({Why.RECONNECT, Why.DENIED})


class OAuthTokens:
    """One per process."""

    def __init__(self, group: CommitGroup, files: Sequence[Path], apps: Apps, now: Callable[[], float]) -> None:
        """``files`` are those of `relay.server.own_route.key_files`."""
        self.group = group
        self.files = files
        self.apps = apps
        self.now = now
        self.me = secrets.token_hex(8)
        self.asking: dict[str, asyncio.Task[str | NoToken]] = {}

    async def token(self, tenant_id: str) -> str | NoToken:
        """A token of the tenant's account. Raises StoreError and `VaultError`."""
        task = self.asking.get(tenant_id)
        if task is None:
            task = self.asking[tenant_id] = asyncio.create_task(self.found(tenant_id))
            task.add_done_callback(lambda _: self.asking.pop(tenant_id, None))
        return await asyncio.shield(task)

    async def found(self, tenant_id: str) -> str | NoToken:
        """The same, as the only one in this process. Raises StoreError and `VaultError`."""
        give_up_at = asyncio.get_running_loop().time() + LEASE
        while asyncio.get_running_loop().time() < give_up_at:
            connection = await self.group.read(lambda store: store.oauth_connection(tenant_id))
            known = self.known(connection)
            if known is not None:
                return await self.opened(known) if isinstance(known, Connection) else known
            assert connection is not None  # there was something to renew
            if await self.leased(connection):
                return await self.renewed(connection)
            if self.serves(connection):
                return await self.opened(connection)
            await asyncio.sleep(LOOK_EVERY)
        return NoToken("another process has been asking for the next OAuth token for too long", dead=False)

    def known(self, connection: Connection | None) -> Connection | NoToken | None:
        """The account where its token is to be used, why there is none, or None where the next is to be asked for."""
        now = self.now()
        if connection is None:
            return NoToken("no account is connected for OAuth", dead=True)
        if connection.dead:
            return NoToken(connection.last_error, dead=True)
        if connection.access_token and now < connection.expires_at - ahead(connection):
            return connection
        if connection.failed_at is not None and 0 <= now - connection.failed_at < SPARED_FOR:
            return connection if self.serves(connection) else NoToken(connection.last_error, dead=False)
        return None

    def serves(self, connection: Connection) -> bool:
        """True while the token that is kept is still good."""
        return bool(connection.access_token) and self.now() < connection.expires_at

    async def leased(self, connection: Connection) -> bool:
        """True where this process is the one to ask. Raises StoreError."""
        now = self.now()
        return await self.group.write(lambda store: store.lease_oauth(connection, self.me, now, now + LEASE))

    async def opened(self, connection: Connection) -> str:
        """The token that is kept. Raises `VaultError`."""
        vault = await asyncio.to_thread(open_vault, self.files)
        return vault.open(connection.access_token, tenant_id=connection.tenant_id, purpose=ACCESS_PURPOSE)

    async def renewed(self, connection: Connection) -> str | NoToken:
        """Ask for the next token, keep it, and only then hand it out. Raises StoreError and `VaultError`."""
        vault = await asyncio.to_thread(open_vault, self.files)
        try:
            answer = await asked(self.apps.client(connection.app), connection, vault)
        except AppError as error:
            answer = Refused(Why.MISCONFIGURED, str(error))
        if isinstance(answer, Refused):
            return await self.not_renewed(connection, answer)
        fresh = with_tokens(connection, answer, vault, self.now())
        if await self.group.write(lambda store: store.oauth_renewed(fresh, self.me)):
            return answer.access_token
        return NoToken("the OAuth account was connected anew meanwhile", dead=False)

    async def not_renewed(self, connection: Connection, refused: Refused) -> str | NoToken:
        """Note it; the token that is kept, while that is good, else why there is none. Raises StoreError."""
        dead, now = refused.why in DEAD, self.now()
        await self.group.write(
            lambda store: store.oauth_not_renewed(connection, self.me, refused.words, now, dead=dead)
        )
        report = log.error if refused.why is Why.MISCONFIGURED else log.warning
        report(
            "no OAuth token tenant=%s app=%s why=%s: %s",
            connection.tenant_id,
            connection.app,
            refused.why,
            refused.words,
        )
        if not dead and self.serves(connection):
            return await self.opened(connection)
        return NoToken(refused.words, dead=dead)


def ahead(connection: Connection) -> float:
    """Seconds before its end at which a token is replaced."""
    return min(AHEAD, (connection.expires_at - connection.refreshed_at) / 2)


async def asked(client: OAuthClient, connection: Connection, vault: Vault) -> Token | Refused:
    """The next token, or why there is none. Raises `VaultError`."""
    if connection.kind is Kind.APPLICATION:
        return await client.as_application()
    refresh = vault.open(connection.refresh_token, tenant_id=connection.tenant_id, purpose=REFRESH_PURPOSE)
    return await client.renew(refresh)


def with_tokens(connection: Connection, token: Token, vault: Vault, now: float) -> Connection:
    """An account with the tokens that it got now, sealed; without a new refresh token the old one stays."""
    whose = connection.tenant_id
    refresh = token.refresh_token
    return replace(
        connection,
        access_token=vault.seal(token.access_token, tenant_id=whose, purpose=ACCESS_PURPOSE),
        refresh_token=vault.seal(refresh, tenant_id=whose, purpose=REFRESH_PURPOSE)
        if refresh
        else connection.refresh_token,
        expires_at=token.expires_at,
        refreshed_at=now,
    )


def resealed(connection: Connection, vault: Vault) -> Connection | None:
    """An account with its tokens sealed by the first key; None where they are. Raises `VaultError`."""
    kept = {REFRESH_PURPOSE: connection.refresh_token, ACCESS_PURPOSE: connection.access_token}
    if all(not sealed or vault.is_current(sealed) for sealed in kept.values()):
        return None
    whose = connection.tenant_id
    anew = {
        purpose: vault.seal(vault.open(sealed, tenant_id=whose, purpose=purpose), tenant_id=whose, purpose=purpose)
        if sealed
        else b""
        for purpose, sealed in kept.items()
    }
    return replace(connection, refresh_token=anew[REFRESH_PURPOSE], access_token=anew[ACCESS_PURPOSE])

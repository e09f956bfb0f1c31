"""Connecting an account: the link that a person opens, and what becomes of the answer that its browser brings back.

The state (RFC 6749 10.12) is signed, so that an invented one never reaches the database. It is for one tenant,
one application and one person, for 15 minutes and one use. An account that is connected frees the mail that was held.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from relay.mail.ids import make_id
from relay.mail.oauth import Connection, Consent, Kind
from relay.mail.own_server import SignInBy
from relay.net.oauth import NoToken, Token, Why
from relay.server.oauth_apps import AppError, Apps
from relay.server.oauth_tokens import with_tokens
from relay.store.vault import open_vault

if TYPE_CHECKING:
    from relay.store.group import CommitGroup
    from relay.store.store import Store

SECRET = "forms"  # noqa: S105 - the name of the installation's secret that signs
VERIFIER_PURPOSE = "oauth verifier"
LINK_FOR = 15 * 60.0  # seconds


class Standing(StrEnum):
    """How an answer ended. The values name the sentences of the pages."""

    CONNECTED = "connected"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    DENIED = "denied"
    MISMATCH = "mismatch"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an answer: ``username`` was asked for, ``account`` signed in, ``words`` are the provider's."""

    standing: Standing
    tenant_id: str = ""
    username: str = ""
    account: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """What a person opens, and until when (seconds since 1970)."""

    address: str
    expires_at: float


def new_link(
    store: Store, apps: Apps, files: Sequence[Path], secret: bytes, consent: tuple[str, str, str], now: float
) -> Link:
    """A link for ``consent``: tenant, application, user name. Call inside a write. Raises `AppError`, `VaultError`."""
    tenant_id, app, username = consent
    token, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    state = f"{token}.{signature(secret, token)}"
    sealed = open_vault(files).seal(verifier, tenant_id=tenant_id, purpose=VERIFIER_PURPOSE)
    asked = Consent(tenant_id, app, username, sealed, now + LINK_FOR)
    address = apps.client(app).consent_url(apps.redirect_uri, state, verifier, username)
    store.add_oauth_consent(digest(token), asked, now)
    return Link(address, asked.expires_at)


def signature(secret: bytes, token: str) -> str:
    """What makes a state one of ours."""
    return hmac.new(secret, f"oauth:{token}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def digest(token: str) -> bytes:
    """What the database keeps of a state."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def new_connection(
    consent: tuple[str, str, str], kind: Kind, token: Token, files: Sequence[Path], now: float
) -> Connection:
    """An account that has just been connected: tenant, application, user name. Raises `VaultError`."""
    tenant_id, app, username = consent
    version = make_id(now, secrets.randbits(32))
    empty = Connection(tenant_id, app, kind, username, b"", b"", 0.0, now, now, version)
    return with_tokens(empty, token, open_vault(files), now)


def connect(store: Store, connection: Connection, now: float) -> int:
    """Keep an account and let go what was held for it; how many deliveries. Call inside a write."""
    store.put_oauth_connection(connection)
    server = store.own_server(connection.tenant_id)
    if server is None or server.sign_in_by is not SignInBy.XOAUTH2:
        return 0
    store.own_server_mended(server.tenant_id, server.version, make_id(now, secrets.randbits(32)), now)
    return store.release_own_mail(server.tenant_id, now)


class Accounts:
    """Takes the answers that browsers bring back."""

    def __init__(
        self, group: CommitGroup, apps: Apps, files: Sequence[Path], secret: bytes, now: Callable[[], float]
    ) -> None:
        self.group = group
        self.apps = apps
        self.files = files
        self.secret = secret
        self.now = now

    async def asked(self, state: str) -> tuple[Standing | None, Consent | None]:
        """Where a link stands: None while it is open. Nothing is changed. Raises StoreError."""
        token, _, signed = state.partition(".")
        if not hmac.compare_digest(signature(self.secret, token).encode(), signed.encode("utf-8", "replace")):
            return Standing.UNKNOWN, None
        consent = await self.group.read(lambda store: store.oauth_consent(digest(token)))
        if consent is None:
            return Standing.UNKNOWN, None
        if consent.used_at is not None:
            return Standing.USED, consent
        return (Standing.EXPIRED if self.now() >= consent.expires_at else None), consent

    async def answered(self, state: str, code: str) -> Ended:
        """Connect the account with the code that a browser brought, once. Raises StoreError and `VaultError`."""
        standing, consent = await self.asked(state)
        if consent is None:
            return Ended(Standing.UNKNOWN)
        if standing is not None:
            return ended(standing, consent)
        key, now = digest(state.partition(".")[0]), self.now()
        if not await self.group.write(lambda store: store.use_oauth_consent(key, now)):
            return ended(Standing.USED, consent)
        answer = await self.redeemed(consent, code)
        if isinstance(answer, NoToken):
            return ended(Standing.FAILED, consent, words=answer.words)
        if not belongs(answer, consent.username):
            return ended(Standing.MISMATCH, consent, account=answer.names[0])
        if not answer.refresh_token:
            return ended(Standing.FAILED, consent, words="no refresh token: offline access was not granted")
        whose = (consent.tenant_id, consent.app, consent.username)
        connection = new_connection(whose, Kind.CODE, answer, self.files, self.now())
        await self.group.write(lambda store: connect(store, connection, now))
        return ended(Standing.CONNECTED, consent)

    async def redeemed(self, consent: Consent, code: str) -> Token | NoToken:
        """The tokens for a code. Raises `VaultError`."""
        vault = open_vault(self.files)
        verifier = vault.open(consent.verifier, tenant_id=consent.tenant_id, purpose=VERIFIER_PURPOSE)
        try:
            client = self.apps.client(consent.app)
        except AppError as error:
            return NoToken(Why.MISCONFIGURED, str(error))
        return await client.redeem(code, self.apps.redirect_uri, verifier)


def ended(standing: Standing, consent: Consent, account: str = "", words: str = "") -> Ended:
    """How the answer to a link ended."""
    return Ended(standing, consent.tenant_id, consent.username, account, words)


def belongs(token: Token, username: str) -> bool:
    """True unless the provider says that another account than ``username`` signed in."""
    return not token.names or username.casefold() in {name.casefold() for name in token.names}

"""Encrypt everything that is sealed with the key that comes first now, so that the others can go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.server import oauth_tokens, own_route, webhooks

if TYPE_CHECKING:
    from relay.store.store import Store
    from relay.store.vault import Vault


def rekey(store: Store, vault: Vault) -> int:
    """Seal anew what another key has sealed; how many secrets that were. Inside a transaction. Raises `VaultError`."""
    return own_servers(store, vault) + oauth_accounts(store, vault) + webhook_secrets(store, vault)


def own_servers(store: Store, vault: Vault) -> int:
    """The passwords of own servers."""
    count = 0
    for each in store.own_servers():
        if each.sealed and not vault.is_current(each.sealed):
            sealed = resealed(vault, each.sealed, each.tenant_id, own_route.PURPOSE)
            count += store.seal_own_server(each.tenant_id, each.version, sealed)
    return count


def oauth_accounts(store: Store, vault: Vault) -> int:
    """The tokens of OAuth accounts; those of one account count as one."""
    anew = (oauth_tokens.resealed(each, vault) for each in store.oauth_connections())
    return sum(store.seal_oauth_connection(each) for each in anew if each is not None)


def webhook_secrets(store: Store, vault: Vault) -> int:
    """What signs the events of webhooks."""
    count = 0
    for each in store.webhooks():
        if not vault.is_current(each.secret):
            count += store.seal_webhook(each, resealed(vault, each.secret, each.tenant_id or "", webhooks.PURPOSE))
    return count


def resealed(vault: Vault, sealed: bytes, tenant_id: str, purpose: str) -> bytes:
    """The same secret under the first key."""
    return vault.seal(vault.open(sealed, tenant_id=tenant_id, purpose=purpose), tenant_id=tenant_id, purpose=purpose)

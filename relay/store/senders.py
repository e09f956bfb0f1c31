"""The verified-sender table and the links that fill it. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from relay.mail.sender import Sender, SenderState, Verified
from relay.store.database import Row
from relay.store.model import Confirmation

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.store.session import Session

REFUSED = frozenset({SenderState.BLOCKED, SenderState.REVOKED})


def put_sender(store: Session, tenant_id: str, address: Address, state: SenderState, now: float) -> None:
    """Set what is decided of an address for a tenant; ``now`` is when. Messages that waited for it go, or lapse."""
    store.database.run(
        "put_sender",
        tenant_id=tenant_id,
        address_key=address.key,
        address=str(address),
        state=state.value,
        now=now,
        decided_at=None if state is SenderState.PENDING else now,
    )
    whose = {"tenant_id": tenant_id, "address_key": address.key}
    if state is SenderState.VERIFIED:
        store.database.run("release_awaiting", now=now, **whose)
        store.database.run("forget_awaiting", **whose)
    elif state is not SenderState.PENDING:
        store.database.run("lapse_awaiting", now=now, **whose)


def add_awaiting(store: Session, message_id: str, tenant_id: str, address: Address, lapses_at: float) -> None:
    """Let a message, whose deliveries are held, wait for the owner of ``address``."""
    store.database.run(
        "add_awaiting", message_id=message_id, tenant_id=tenant_id, address_key=address.key, lapses_at=lapses_at
    )


def lapsed(store: Session, now: float, limit: int) -> list[str]:
    """Messages that waited in vain."""
    return [row[0] for row in store.database.all("lapsed", now=now, limit=limit)]


def cancel_awaiting(store: Session, message_id: str, now: float) -> int:
    """Give up on a message that waited in vain; how many deliveries that ended."""
    store.database.run("drop_awaiting", message_id=message_id)
    return store.database.run("cancel_awaiting", message_id=message_id, now=now)


def sender(store: Session, tenant_id: str, address: Address) -> Sender | None:
    """The row of an address for a tenant."""
    row = store.database.one("sender", tenant_id=tenant_id, address_key=address.key)
    return sender_of(row) if row else None


def senders(store: Session, tenant_id: str | None = None, state: SenderState | None = None) -> list[Sender]:
    """The rows of one tenant or of all, in one state or in any."""
    rows = store.database.all("senders", tenant_id=tenant_id, state=state.value if state else None)
    return [sender_of(row) for row in rows]


def sender_of(row: Row) -> Sender:
    """A sender from its row."""
    return Sender(row[0], row[1], SenderState(row[2]), *row[3:])


def put_sender_domain(store: Session, tenant_id: str, domain: str, now: float) -> None:
    """Count a domain (lower-case A-label) as proved for a tenant (rule D4)."""
    store.database.run("put_sender_domain", tenant_id=tenant_id, domain=domain, now=now)


def verified(store: Session, tenant_id: str, addresses: Iterable[Address]) -> Verified:
    """Which of ``addresses`` a tenant may send as, by themselves or by their domain.

    A domain in which one of them was refused by its owner is left out, so that the refusal counts (rule D3).
    """
    allowed: set[str] = set()
    domains: set[str] = set()
    closed: set[str] = set()
    for address in addresses:
        state, domain = standing(store, tenant_id, address)
        if state in REFUSED:
            closed.add(address.domain)
        elif domain or state is SenderState.VERIFIED:
            allowed.add(address.key)
            domains.update({domain} if domain else ())
    return Verified(frozenset(allowed), frozenset(domains - closed))


def standing(store: Session, tenant_id: str, address: Address) -> tuple[SenderState | None, str | None]:
    """The state of an address's own row, and its domain if that is verified."""
    row = store.database.one("sender_standing", tenant_id=tenant_id, address_key=address.key, domain=address.domain)
    assert row is not None
    return SenderState(row[0]) if row[0] else None, row[1]


def add_confirmation(store: Session, confirmation: Confirmation) -> None:
    """Keep a link that is about to be mailed."""
    from relay.mail.address import Address  # noqa: PLC0415 - commands that know no address need not load IDNA

    local, _, domain = confirmation.address.rpartition("@")
    store.database.run(
        "add_confirmation",
        token_sha256=confirmation.token_sha256,
        withdraw_sha256=confirmation.withdraw_sha256,
        tenant_id=confirmation.tenant_id,
        address_key=Address(local, domain).key,
        address=confirmation.address,
        created_at=confirmation.created_at,
        expires_at=confirmation.expires_at,
        used_at=confirmation.used_at,
    )


def confirmation(store: Session, token_sha256: bytes) -> Confirmation | None:
    """The link with that token, used and expired ones too."""
    row = store.database.one("confirmation", token_sha256=token_sha256)
    return Confirmation(*row) if row else None


def confirmation_by_withdraw(store: Session, withdraw_sha256: bytes) -> Confirmation | None:
    """The link that was mailed together with that withdraw link."""
    row = store.database.one("confirmation_by_withdraw", withdraw_sha256=withdraw_sha256)
    return Confirmation(*row) if row else None


def use_confirmation(store: Session, token_sha256: bytes, now: float) -> bool:
    """Use a link up; False when it is unknown, used or expired."""
    return store.database.run("use_confirmation", token_sha256=token_sha256, now=now) > 0


def confirmations_since(store: Session, address: Address, since: float) -> int:
    """How many links were mailed to an address since then, over all tenants."""
    return count(store.database.one("confirmations_since", address_key=address.key, since=since))


def tenant_confirmations_since(store: Session, tenant_id: str, since: float) -> int:
    """How many links were mailed for a tenant since then."""
    return count(store.database.one("tenant_confirmations_since", tenant_id=tenant_id, since=since))


def last_confirmation_at(store: Session, tenant_id: str, address: Address) -> float | None:
    """When the last link for a tenant and an address was mailed."""
    row = store.database.one("last_confirmation_at", tenant_id=tenant_id, address_key=address.key)
    return row[0] if row else None


def count(row: Row | None) -> int:
    """The number in a row of one."""
    return int(row[0]) if row else 0

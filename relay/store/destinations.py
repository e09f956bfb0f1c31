"""Destinations that mail waits for. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from relay.mail.destination import Destination

if TYPE_CHECKING:
    from relay.store.session import Session


def destinations(store: Session) -> list[Destination]:
    """All that mail waits for, the one that is due first at the front."""
    return [Destination(*row) for row in store.database.all("destinations")]


def destination(store: Session, name: str) -> Destination | None:
    """One that mail waits for; None when nothing does."""
    row = store.database.one("destination", name=name)
    return Destination(*row) if row else None


def destination_failed(store: Session, name: str, now: float, reply: str) -> Destination:
    """A try did not reach it; what is known of it now."""
    failed = (destination(store, name) or Destination(name)).failed(now, reply)
    store.database.run("put_destination", **asdict(failed))
    return failed


def destination_up(store: Session, name: str) -> None:
    """It was reached."""
    store.database.run("destination_up", name=name)


def expect_destination(store: Session, name: str) -> None:
    """Something is about to wait for it."""
    store.database.run("expect_destination", name=name)


def claim_probe(store: Session, name: str, node: str, now: float, until: float) -> bool:
    """Try it next, and nobody else before ``until``; False when somebody does."""
    return store.database.run("claim_probe", name=name, node=node, now=now, until=until) > 0


def forget_destination(store: Session, name: str) -> bool:
    """Forget one that nothing waits for; False when something does."""
    return store.database.run("forget_destination", name=name) > 0

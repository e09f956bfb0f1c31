"""What a message waits for. Every function is a method of `relay.store.Store`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.mail.destination import Destination

if TYPE_CHECKING:
    from relay.store.session import Session


def waited_for(store: Session, message_id: str) -> dict[str, Destination]:
    """The destinations that queued deliveries of a message wait for, by delivery."""
    return {row[0]: Destination(*row[1:]) for row in store.database.all("waited_for", message_id=message_id)}

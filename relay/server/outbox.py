"""Where accepted mail goes: to the worker of this process, or into the queue alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from relay.mail.tenant import Tenant
    from relay.store.group import CommitGroup
    from relay.store.model import Queued


class Outbox(Protocol):
    """What the intake hands accepted mail to."""

    async def enqueue(self, queued: Queued, tenant: Tenant) -> None:
        """Write a message; when this returns it is on the disk. Raises StoreError."""
        ...

    def wake(self) -> None:
        """Something else was queued."""
        ...


@dataclass(frozen=True, slots=True)
class QueueAlone:
    """The queue of a process that delivers nothing: a relay that runs beside it looks there every second."""

    group: CommitGroup

    async def enqueue(self, queued: Queued, tenant: Tenant) -> None:
        """Write a message."""
        del tenant
        await self.group.write(lambda store: store.enqueue(queued))

    def wake(self) -> None:
        """Nobody here sleeps."""

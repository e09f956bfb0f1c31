"""Development: nothing leaves. The message stays in the store, where the inbox shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.mail.delivery import Answer, Delivered, Outcome

if TYPE_CHECKING:
    from relay.server.transports.job import Job, Outlet


class CaptureTransport:
    """Takes everything."""

    def __init__(self, outlet: Outlet) -> None:
        del outlet  # nothing goes out

    async def deliver(self, job: Job) -> Outcome:
        """Delivered, without a remote."""
        del job
        return Delivered(Answer("captured"))

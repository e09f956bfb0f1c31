"""The room that is left where mail is kept: too little, and new mail waits outside before it is even sent."""

from __future__ import annotations

import shutil
import time

LOOK_EVERY = 1.0  # seconds


class Disk:
    """The file system of a directory. ``reserve`` is in octets: below it no new message begins."""

    def __init__(self, directory: str, reserve: int) -> None:
        self.directory = directory
        self.reserve = reserve
        self.looked_at = float("-inf")
        self.room = True

    def has_room(self) -> bool:
        """True while there is room, or nobody can say; looked up once a second."""
        now = time.monotonic()
        if now - self.looked_at >= LOOK_EVERY:
            self.looked_at = now
            try:
                self.room = shutil.disk_usage(self.directory).free >= self.reserve
            except OSError:
                self.room = True  # writing will tell
        return self.room

"""An open connection and its transactions: what every part of the store builds on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relay.store.database import Database


class Session:
    """A connection to the database, for use in the thread that opened it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[None]:
        """Everything in the block becomes durable together when it ends, or nothing does.

        With ``write=False`` the block only reads, everything as it was at one moment. Raises `StoreError`.
        """
        self.database.begin(write=write)
        try:
            yield
            self.database.commit()
        finally:
            self.database.rollback()

    def close(self) -> None:
        """Close the connection."""
        self.database.close()

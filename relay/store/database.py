"""The port to a database: what the store needs of one connection. `relay.store.sqlite` implements it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

Row = tuple[Any, ...]
Values = Mapping[str, Any]


class StoreError(Exception):
    """The database cannot be reached, read or written, or refuses a row; the text says which and what to do."""


class Database(Protocol):
    """One connection. Queries are those of ``sql/queries``. Every method may raise `StoreError`."""

    @property
    def in_transaction(self) -> bool:
        """False after a failure that made the database roll back by itself, such as a full disk."""

    def all(self, query: str, /, **values: Any) -> list[Row]:
        """All rows that a query returns."""

    def one(self, query: str, /, **values: Any) -> Row | None:
        """The first row that a query returns, or None."""

    def run(self, query: str, /, **values: Any) -> int:
        """The number of rows that a query changed."""

    def run_many(self, query: str, values: Iterable[Values], /) -> int:
        """The number of rows that a query changed, run once for each set of values."""

    def begin(self, *, write: bool) -> None:
        """Begin a transaction: one that may write waits for its turn here, one that only reads sees one moment."""

    def commit(self) -> None:
        """Make everything since `begin` durable."""

    def rollback(self) -> None:
        """Undo everything since `begin`. Without a transaction nothing happens."""

    def savepoint(self) -> None:
        """Mark a place inside the transaction to which `rollback_to_savepoint` can go back."""

    def release_savepoint(self) -> None:
        """Keep what was done since the savepoint."""

    def rollback_to_savepoint(self) -> None:
        """Undo what was done since the savepoint and forget it."""

    def scrub(self) -> None:
        """Let nothing that was deleted remain in the database's files. Not inside a transaction."""

    def close(self) -> None:
        """Close the connection; what is not committed is lost."""

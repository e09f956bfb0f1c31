"""The store on SQLite: a file in WAL mode with ``synchronous=FULL``, so that a commit survives a loss of power."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from relay.store.database import Row, StoreError, Values
from relay.store.queries import migrations, named_queries, statements

SCHEME = "sqlite:///"
BUSY_FOR = 10.0  # seconds to wait for another process that writes
SETTINGS = {  # pragma: what it must say once it is set
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", 2),
    "foreign_keys": ("ON", 1),
    "secure_delete": ("ON", 1),
}


class SqliteDatabase:
    """One connection to a SQLite file, for use in the thread that opened it."""

    def __init__(self, url: str) -> None:
        """Open the file, making it when it is not there, and bring its schema up to date. Raises `StoreError`."""
        self.path = path_of(url)
        self.queries = named_queries()
        make_private(self.path)
        with self.explained():
            self.connection = sqlite3.connect(self.path, timeout=BUSY_FOR, isolation_level=None)
        try:
            with self.explained():
                self.configure()
                self.migrate()
        except StoreError:
            self.connection.close()
            raise

    def configure(self) -> None:
        """Set what durability depends on, and make sure that it holds."""
        for name, (value, expected) in SETTINGS.items():
            self.patiently(f"PRAGMA {name} = {value}")
            if self.connection.execute(f"PRAGMA {name}").fetchone()[0] != expected:
                raise StoreError(f"{self.path}: SQLite does not take {name} = {value} here; use a local file system")

    def patiently(self, statement: str) -> None:
        """Execute a statement for which SQLite does not itself wait, such as the change to WAL at the first start."""
        give_up_at = time.monotonic() + BUSY_FOR
        while True:
            try:
                self.connection.execute(statement)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.005)
            else:
                return

    def migrate(self) -> None:
        """Apply the migrations that are missing, in one transaction; another process that does the same waits."""
        known = migrations()
        if self.version == len(known):
            return
        self.begin(write=True)
        try:
            if self.version > len(known):
                raise StoreError(
                    f"{self.path}: the schema has number {self.version}, this relay knows up to {len(known)}: "
                    "it was written by a newer version; run that version, or restore a backup"
                )
            for number in range(self.version, len(known)):
                for statement in statements(known[number]):
                    self.connection.execute(statement)
                self.connection.execute(f"PRAGMA user_version = {number + 1}")
            self.commit()
        finally:
            self.rollback()

    @property
    def version(self) -> int:
        """The number of the last migration that was applied."""
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    @property
    def in_transaction(self) -> bool:
        return self.connection.in_transaction

    def all(self, query: str, /, **values: Any) -> list[Row]:
        try:
            return self.connection.execute(self.queries[query], values).fetchall()
        except sqlite3.Error as error:
            raise self.explanation(error) from error

    def one(self, query: str, /, **values: Any) -> Row | None:
        rows = self.all(query, **values)
        return rows[0] if rows else None

    def run(self, query: str, /, **values: Any) -> int:
        try:
            return self.connection.execute(self.queries[query], values).rowcount
        except sqlite3.Error as error:
            raise self.explanation(error) from error

    def run_many(self, query: str, values: Iterable[Values], /) -> int:
        try:
            return max(self.connection.executemany(self.queries[query], values).rowcount, 0)
        except sqlite3.Error as error:
            raise self.explanation(error) from error

    def begin(self, *, write: bool) -> None:
        with self.explained():
            self.connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def commit(self) -> None:
        with self.explained():
            self.connection.execute("COMMIT")

    def rollback(self) -> None:
        if self.connection.in_transaction:
            with self.explained():
                self.connection.execute("ROLLBACK")

    def savepoint(self) -> None:
        with self.explained():
            self.connection.execute("SAVEPOINT unit")

    def release_savepoint(self) -> None:
        with self.explained():
            self.connection.execute("RELEASE unit")

    def rollback_to_savepoint(self) -> None:
        with self.explained():
            self.connection.execute("ROLLBACK TO unit")
            self.connection.execute("RELEASE unit")

    def scrub(self) -> None:
        with self.explained():
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self.explained():
            self.connection.close()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what SQLite raises into a `StoreError` that names the file."""
        try:
            yield
        except sqlite3.Error as error:
            raise self.explanation(error) from error

    def explanation(self, error: sqlite3.Error) -> StoreError:
        """The sentence for an error, with what to do about it where that is known."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return StoreError(f"{self.path}: {error}{ADVICE.get(code, '')}")


ADVICE = {
    sqlite3.SQLITE_BUSY: f"; another process has been writing for {BUSY_FOR:.0f} seconds: try again",
    sqlite3.SQLITE_FULL: "; free some space",
    sqlite3.SQLITE_READONLY: "; make the file and its directory writable for this user",
    sqlite3.SQLITE_CANTOPEN: "; make the file and its directory writable for this user",
    sqlite3.SQLITE_CORRUPT: "; restore a backup",
    sqlite3.SQLITE_NOTADB: "; name another file in [database] url",
}


def path_of(url: str) -> Path:
    """The file behind ``sqlite:///relative.db`` or ``sqlite:////absolute.db``. Raises `StoreError`."""
    if not url.startswith(SCHEME) or url == SCHEME:
        raise StoreError(
            f"{url}: not a database this relay can use; write sqlite:///relay.db or sqlite:////path/to/relay.db"
        )
    return Path(url.removeprefix(SCHEME))


def make_private(path: Path) -> None:
    """Make the file, readable by its owner alone, unless it is there. Raises `StoreError`.

    A file that is there is not even opened: closing it again would drop all locks that this process holds on it
    (POSIX), and another process would take itself for the last user and remove the log with what we acknowledged.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise StoreError(f"{path}: Is a directory; name a file in it") from None
    except FileNotFoundError:
        raise StoreError(f"{path}: the directory {path.absolute().parent} does not exist; make it first") from None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; make the file and its directory writable for this user") from error

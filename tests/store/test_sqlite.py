"""The file: what it is set to, how it grows up, and what is said when it cannot be used."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from relay.store.database import StoreError
from relay.store.queries import migrations, named_queries, statements
from relay.store.sqlite import SETTINGS, path_of
from relay.store.store import open_store


def test_a_commit_survives_a_loss_of_power(store):
    def setting(name: str) -> object:
        return store.database.connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert setting("journal_mode") == "wal"
    assert setting("synchronous") == 2
    assert setting("foreign_keys") == 1
    assert setting("secure_delete") == 1
    assert setting("busy_timeout") == 10_000


def test_a_file_system_that_cannot_do_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(SETTINGS, "synchronous", ("NORMAL", 2))
    with pytest.raises(StoreError, match="does not take synchronous"):
        open_store(f"sqlite:///{tmp_path / 'relay.db'}")


def test_the_file_is_readable_by_its_owner_alone(store, tmp_path, tenant):
    assert {oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == {"0o600"}


@pytest.mark.parametrize(
    ("url", "path"), [("sqlite:///relay.db", "relay.db"), ("sqlite:////var/lib/relay.db", "/var/lib/relay.db")]
)
def test_urls(url, path):
    assert path_of(url) == Path(path)


@pytest.mark.parametrize("url", ["relay.db", "sqlite://relay.db", "sqlite:///", "mysql://x/y", ""])
def test_other_urls_are_refused_with_an_example(url):
    with pytest.raises(StoreError, match=r"write sqlite:///relay\.db"):
        path_of(url)


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(StoreError, match=re.escape(f"the directory {tmp_path / 'no'} does not exist; make it first")):
        open_store(f"sqlite:///{tmp_path / 'no' / 'relay.db'}")


def test_a_directory_in_place_of_the_file_is_said(tmp_path):
    with pytest.raises(StoreError, match="Is a directory"):
        open_store(f"sqlite:///{tmp_path}")


def test_a_directory_that_may_not_be_written_is_said():
    with pytest.raises(StoreError, match=r"/sys/relay\.db: .*; make the file and its directory writable for this user"):
        open_store("sqlite:////sys/relay.db")  # not even root may make a file there


def test_something_else_than_a_database_is_said(tmp_path):
    place = tmp_path / "relay.db"
    place.write_bytes(b"this is not a database, however long it may be" * 100)
    with pytest.raises(StoreError, match="not a database; name another file"):
        open_store(f"sqlite:///{place}")


def test_a_newer_schema_is_refused_and_left_alone(url):
    store = open_store(url)
    store.database.connection.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(StoreError, match=r"number 99, this relay knows up to \d+: it was written by a newer version"):
        open_store(url)
    assert sqlite3.connect(path_of(url)).execute("PRAGMA user_version").fetchone() == (99,)


def test_a_migration_that_breaks_off_leaves_nothing(url, monkeypatch):
    monkeypatch.setattr("relay.store.sqlite.migrations", lambda: (*migrations(), "CREATE TABLE x (y);\nNONSENSE;\n"))
    with pytest.raises(StoreError, match="syntax error"):
        open_store(url)
    connection = sqlite3.connect(path_of(url))
    assert connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone() == (0,)
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    monkeypatch.undo()
    open_store(url).close()


def test_a_later_migration_is_applied_once(url, monkeypatch):
    open_store(url).close()
    monkeypatch.setattr("relay.store.sqlite.migrations", lambda: (*migrations(), "CREATE TABLE later (y TEXT);\n"))
    for _ in range(2):
        store = open_store(url)
        assert store.database.version == len(migrations()) + 1
        store.close()


def test_many_processes_may_open_a_new_file_at_once(url):
    code = "import sys\nfrom relay.store.store import open_store\nsys.stdin.read()\nopen_store(sys.argv[1]).tenants()"
    started = [
        subprocess.Popen([sys.executable, "-c", code, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    for process in started:
        assert process.stderr is not None
        with process.stderr:
            errors = process.stderr.read()
        assert (process.wait(30), errors) == (0, b"")


def test_a_transaction_is_all_or_nothing(store, tenant, make):
    queued = make(tenant.id)

    def twice() -> None:
        with store.transaction():
            store.enqueue(queued)
            store.enqueue(queued)

    with pytest.raises(StoreError, match="UNIQUE"):
        twice()
    assert store.message(queued.message.id) is None
    with store.transaction():
        store.enqueue(queued)
    assert store.message(queued.message.id) is not None


def test_a_snapshot_sees_one_moment(store, url, make):
    other = open_store(url)
    with store.transaction(write=False):
        assert store.messages(10) == []
        other.enqueue(make(None))
        assert store.messages(10) == []
    assert len(store.messages(10)) == 1
    other.close()


def test_every_query_is_used_and_every_use_has_a_query():
    """By name, in the modules of the store."""
    source = "".join(file.read_text() for file in Path("relay/store").glob("*.py"))
    used = set(re.findall(r'database\.(?:all|one|run|run_many)\(\s*"(\w+)"', source)) | {"finished", "queue"}
    assert used == set(named_queries())


def test_statements_end_where_a_line_ends_with_a_semicolon():
    assert statements("-- a;\nCREATE x (\n  y);\nSELECT ';'\n  || z;\n") == ["CREATE x (\n  y)", "SELECT ';'\n  || z"]
    verbs = ("CREATE", "ALTER", "UPDATE", "DROP")
    assert all(each.startswith(verbs) for script in migrations() for each in statements(script))

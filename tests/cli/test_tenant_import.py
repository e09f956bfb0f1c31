"""``relay tenant import``: all or nothing, with the number of each wrong line."""

from __future__ import annotations

import csv
import stat

import pytest

from relay.mail.address import parse_address
from relay.mail.document import Guard

FILE = """name,address,locale,verified,copy_to_self,work-order_to,work-order_internal_only,invoice_cc
Bakker B.V.,info@bakker.example,nl,yes,yes,werk@bakker.example,redirect,
"Smit, Zn.",smit@smit.example,,no,,,,a@x.example b@x.example
"""


@pytest.fixture
def write(tmp_path):
    def to_file(text: str) -> str:
        path = tmp_path / "tenants.csv"
        path.write_text(text, "utf-8")
        return str(path)

    return to_file


def test_tenants_come_with_their_choices(shell, store, write, tmp_path) -> None:
    path = write(FILE)
    assert shell.json("tenant", "import", path, "--dry-run") == {"new": 2, "changed": 0, "dry_run": True}
    assert store.tenants() == []
    secrets = tmp_path / "secrets.csv"
    shell.run("tenant", "import", path, "--credentials", str(secrets))
    bakker, smit = sorted(store.tenants(), key=lambda tenant: tenant.name)  # made in the same millisecond
    assert (bakker.name, bakker.email, bakker.locale) == ("Bakker B.V.", "info@bakker.example", "nl")
    assert (smit.name, smit.locale) == ("Smit, Zn.", "en")
    handling = store.handling(bakker.id)
    assert (str(handling.copy_to), handling.rules["work-order"].guard) == ("info@bakker.example", Guard.REDIRECT)
    assert [str(each) for each in store.handling(smit.id).rules["invoice"].cc] == ["a@x.example", "b@x.example"]
    own = parse_address("info@bakker.example")
    assert own in store.verified(bakker.id, [own])
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    rows = list(csv.DictReader(secrets.open()))
    assert [(row["tenant"], row["name"]) for row in rows] == [(bakker.id, "Bakker B.V."), (smit.id, "Smit, Zn.")]
    assert store.login(rows[0]["username"]) is not None


def test_again_changes_and_makes_no_second_tenant_or_login(shell, store, write, tmp_path) -> None:
    shell.run("tenant", "import", write(FILE))
    changed = write(FILE.replace("info@bakker.example,nl", "INFO@bakker.example,fr"))
    done = shell.json("tenant", "import", changed, "--credentials", str(tmp_path / "c.csv"))
    assert done == {"new": 0, "changed": 2, "dry_run": False}
    assert {(each.locale, len(store.logins(each.id))) for each in store.tenants()} == {("fr", 0), ("en", 0)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name\nx\n", 'line 1: there is no column "address"'),
        ("name,address,city\nx,a@b.example,y\n", 'line 1: there is no such column as "city"'),
        ("name,address\nx,nonsense\n", 'line 2: "nonsense" is not an e-mail address'),
        ("name,address\n,a@b.example\n", "line 2: a company name has 1 to 128"),
        ("name,address,locale\nx,a@b.example,es\n", 'line 2: "es" is not a locale'),
        ("name,address,verified\nx,a@b.example,maybe\n", 'line 2: "maybe" is neither yes nor no'),
        ("name,address,invoice_cc\nx,a@b.example,a@b.example c\n", 'line 2: "c" is not an e-mail address'),
        ("name,address,quote_internal_only\nx,a@b.example,on\n", 'line 2: "on" is not one of off, refuse, redirect'),
        ("name,address\nx,a@b.example\n\nX,A@B.example\n", "line 4: X with A@b.example stands in line 2 already"),
        ("name,address\nx,a@b.example,1,2\n", "line 2: there are more values than columns"),
        ("name,address,copy_to_self\nx,a@b.example,yes\n", "line 2: a@b.example is not verified"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_imported(shell, store, write, text, problem) -> None:
    done = shell.run("tenant", "import", write("name,address\nFine,ok@b.example\n"), "--dry-run")
    assert "1 tenants would be new" in done.output
    refused = shell.run("tenant", "import", write(text), code=1)
    assert refused.stderr.startswith("relay: nothing was imported:\n")
    assert problem in refused.stderr
    assert store.tenants() == []


def test_a_file_for_passwords_is_never_written_over(shell, store, write, tmp_path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("precious")
    refused = shell.run("tenant", "import", write(FILE), "--credentials", str(there), code=2)
    assert "name a new file" in refused.stderr
    assert there.read_text() == "precious"
    assert store.tenants() == []

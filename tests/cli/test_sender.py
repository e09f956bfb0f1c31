"""``relay sender``."""

from __future__ import annotations

import re

import pytest


def states(shell, *arguments):
    return {row["address"]: row["state"] for row in shell.json("sender", "list", *arguments)}


def mailed_link(shell, recipient: str) -> str:
    """The link of the verification mail that waits for that recipient."""
    [row] = [row for row in shell.json("queue", "list") if row["to"] == recipient]
    mail = shell.run("message", "show", row["message_id"], "--sent").stdout_bytes.replace(b"=\r\n", b"").decode()
    return re.search(r"http\S+/confirm/[\w-]{43}", mail).group()


def test_a_verified_address_may_be_used_at_once_and_nobody_is_asked(shell, tenant):
    added = shell.json("sender", "add", "bakker b.v.", "Facturen@bakker.example", "--verified")
    expected = {"tenant": tenant, "address": "Facturen@bakker.example", "state": "verified", "mail": None}
    assert added == expected
    assert states(shell, tenant) == {"Facturen@bakker.example": "verified", "info@bakker.example": "verified"}
    assert shell.json("queue", "list") == []


def test_otherwise_the_owner_is_asked_and_confirms(shell, tenant):
    added = shell.json("sender", "add", tenant, "piet@bakker.example")
    assert (added["state"], added["mail"]) == ("pending", "sent")
    link = mailed_link(shell, "piet@bakker.example")

    confirmed = shell.json("sender", "confirm", link.rpartition("/")[2])
    assert (confirmed["tenant"], confirmed["address"], confirmed["state"]) == (
        tenant,
        "piet@bakker.example",
        "verified",
    )
    assert states(shell)["piet@bakker.example"] == "verified"
    assert "not open any more" in shell.run("sender", "confirm", link, code=1).stderr
    assert shell.json("sender", "add", tenant, "piet@bakker.example")["mail"] == "verified"


def test_a_token_may_be_given_as_its_link(shell, tenant):
    shell.run("sender", "add", tenant, "piet@bakker.example")
    shell.run("sender", "confirm", mailed_link(shell, "piet@bakker.example"))
    assert states(shell)["piet@bakker.example"] == "verified"


def test_the_limits_hold_for_operators_too(shell, tenant):
    shell.run("sender", "add", tenant, "piet@bakker.example")
    again = shell.json("sender", "resend", tenant, "piet@bakker.example", code=1)
    assert again["mail"] == "waiting"
    assert len(shell.json("queue", "list")) == 1
    assert "less than 15 minutes ago" in shell.run("sender", "add", tenant, "piet@bakker.example").stdout


def test_resend_mails_once_more(shell, tenant, store):
    shell.run("sender", "import", "-", "--tenant", tenant, input="address\npiet@bakker.example\n")
    assert shell.json("sender", "resend", tenant, "piet@bakker.example")["mail"] == "sent"
    assert len(shell.json("queue", "list")) == 1


def test_revoked_and_blocked_addresses_cannot_be_used(shell, store, tenant):
    assert shell.json("sender", "revoke", tenant, "INFO@bakker.example")["state"] == "revoked"
    assert states(shell) == {"info@bakker.example": "revoked"}
    assert shell.json("sender", "block", tenant, "new@bakker.example")["state"] == "blocked"
    assert shell.json("sender", "add", tenant, "new@bakker.example")["mail"] == "blocked"
    assert shell.json("queue", "list") == []
    assert states(shell, "--state", "blocked") == {"new@bakker.example": "blocked"}


def test_people_read_sentences(shell, tenant):
    sentence = "Bakker B.V. may no longer send as info@bakker.example.\n"
    assert shell.run("sender", "revoke", tenant, "info@bakker.example").stdout == sentence
    assert (
        "Bakker B.V. may send as x@y.example." in shell.run("sender", "add", tenant, "x@y.example", "--verified").stdout
    )
    assert shell.run("sender", "list").stdout.splitlines()[0].split() == ["ADDRESS", "STATE", "TENANT", "DECIDED"]


def test_what_is_exported_can_be_imported(shell, tenant, tmp_path):
    for address in ('"odd, name"@x.example', "a@x.example", "ja\u00f6rg@x.example"):
        shell.run("sender", "add", tenant, address, "--verified")
    shell.run("sender", "block", tenant, "b@x.example")
    before = states(shell)
    exported = shell.run("sender", "export").stdout
    assert exported.splitlines()[0] == "tenant,address,state,created_at,decided_at"
    file = tmp_path / "senders.csv"
    file.write_text(exported, encoding="utf-8")
    for address in before:
        shell.run("sender", "revoke", tenant, address)
    assert shell.json("sender", "import", str(file)) == {"imported": 5}
    assert states(shell) == before
    assert {row["address"] for row in shell.json("sender", "export")} == set(before)


def test_an_import_does_not_unsettle_what_is_decided(shell, tenant):
    shell.run("sender", "import", "-", "--tenant", tenant, input="address\ninfo@bakker.example\nnew@bakker.example\n")
    assert states(shell) == {"info@bakker.example": "verified", "new@bakker.example": "pending"}
    assert shell.json("queue", "list") == []


def test_a_wrong_line_stops_the_whole_import_and_all_are_named(shell, tenant):
    lines = ["Address;x", "a@x.example"]
    assert 'no column "address"' in shell.run("sender", "import", "-", input="\n".join(lines), code=1).stderr
    text = (
        "address,state,tenant\n"
        f"ok@x.example,verified,{tenant}\n"
        f"nonsense,verified,{tenant}\n"
        f"a@x.example,confirmed,{tenant}\n"
        "b@x.example,verified,nobody\n"
        "c@x.example,,\n"
    )
    said = shell.run("sender", "import", "-", input=text, code=1).stderr.splitlines()
    assert [line.partition(":")[0] for line in said[1:]] == ["line 3", "line 4", "line 5", "line 6"]
    assert states(shell) == {"info@bakker.example": "verified"}


def test_a_file_from_a_spreadsheet_is_read(shell, tenant, tmp_path):
    file = tmp_path / "senders.csv"
    file.write_bytes(b'\xef\xbb\xbfaddress,"state"\r\n"a@x.example", verified\r\n')
    assert shell.json("sender", "import", str(file), "--tenant", "Bakker B.V.") == {"imported": 1}
    assert states(shell)["a@x.example"] == "verified"


def test_a_file_that_is_not_utf_8_is_said(shell, tenant, tmp_path):
    file = tmp_path / "senders.csv"
    file.write_bytes(b"address\nj\xf6rg@x.example\n")
    assert "not CSV in UTF-8" in shell.run("sender", "import", str(file), "--tenant", tenant, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("revoke", "Bakker B.V.", "nobody@x.example"), 1),
        (("resend", "Bakker B.V.", "nobody@x.example"), 1),
        (("add", "nobody", "a@x.example"), 1),
        (("confirm", "nonsense"), 1),
        (("add", "Bakker B.V.", "nonsense"), 2),
        (("list", "--state", "lost"), 2),
        (("import", "no-such-file.csv"), 2),
    ],
)
def test_what_cannot_be_done_is_said(shell, tenant, arguments, code):
    assert shell.run("sender", *arguments, code=code).stderr

"""``relay suppression``."""

from __future__ import annotations


def addresses(shell, *arguments: str) -> list[str]:
    return [row["address"] for row in shell.json("suppression", "list", *arguments)]


def test_one_for_a_tenant_and_one_for_all(shell, tenant) -> None:
    added = shell.json("suppression", "add", "Weg@klant.example", "--tenant", "bakker b.v.", "--reason", "verhuisd")
    assert (added["tenant"], added["reason"], added["detail"], added["until"]) == (tenant, "manual", "verhuisd", None)
    shell.json("suppression", "add", "spam@klant.example", "--days", "2")
    assert sorted(addresses(shell)) == ["Weg@klant.example", "spam@klant.example"]
    assert sorted(addresses(shell, "--tenant", tenant)) == ["Weg@klant.example", "spam@klant.example"]
    text = shell.run("suppression", "list").stdout
    assert "(all)" in text
    assert "verhuisd" in text


def test_it_is_found_whatever_its_case_and_removed_once(shell, tenant) -> None:
    shell.json("suppression", "add", "Weg@klant.example", "--tenant", tenant)
    shell.json("suppression", "add", "weg@klant.example")
    assert shell.json("suppression", "remove", "WEG@klant.example") == {"address": "WEG@klant.example", "removed": 2}
    assert addresses(shell) == []
    refused = shell.run("suppression", "remove", "weg@klant.example", code=1)
    assert "is not suppressed" in refused.stderr


def test_adding_again_changes_the_one_that_is_there(shell, tenant) -> None:
    for reason in ("eerst", "later"):
        shell.json("suppression", "add", "weg@klant.example", "--tenant", tenant, "--reason", reason)
    (row,) = shell.json("suppression", "list")
    assert (row["detail"], row["tenant_name"]) == ("later", "Bakker B.V.")


def test_what_is_no_address_or_no_tenant_is_said(shell) -> None:
    shell.run("suppression", "add", "weg", code=2)
    assert "there is no tenant" in shell.run("suppression", "add", "a@b.example", "--tenant", "x", code=1).stderr

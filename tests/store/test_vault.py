"""Secrets at rest: bound to tenant and purpose, keys that rotate, a file that is nobody else's business."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from relay.store.vault import VaultError, fresh_key, open_vault

BOUND = {"tenant_id": "t1", "purpose": "own server password"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "relay-secrets"


def put(file, *lines: str, mode: int = 0o600):
    file.write_text("".join(f"{line}\n" for line in lines))
    file.chmod(mode)
    return file


@pytest.mark.parametrize("secret", ["hunter2", "", "Pässwörd €", "x" * 10_000, "two\nlines\0"])
def test_what_is_sealed_opens_and_cannot_be_read(file, secret):
    vault = open_vault([file])
    sealed = vault.seal(secret, **BOUND)
    assert open_vault([file]).open(sealed, **BOUND) == secret
    assert not secret or secret.encode() not in sealed
    assert vault.seal(secret, **BOUND) != sealed


@pytest.mark.parametrize(
    "other", [{"tenant_id": "t2", "purpose": "own server password"}, {"tenant_id": "t1", "purpose": "else"}]
)
def test_a_row_of_another_tenant_or_purpose_does_not_open(file, other):
    vault = open_vault([file])
    with pytest.raises(VaultError, match="another tenant's"):
        vault.open(vault.seal("x", **BOUND), **other)


def test_an_altered_octet_does_not_open(file):
    vault = open_vault([file])
    sealed = vault.seal("secret", **BOUND)
    for place in range(len(sealed)):
        with pytest.raises(VaultError):
            vault.open(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :], **BOUND)
    for length in range(len(sealed)):
        with pytest.raises(VaultError):
            vault.open(sealed[:length], **BOUND)


def test_keys_rotate(file):
    old, new = fresh_key(), fresh_key()
    sealed = open_vault([put(file, old)]).seal("x", **BOUND)
    both = open_vault([put(file, "# the new one first", new, old)])
    assert both.open(sealed, **BOUND) == "x"
    assert not both.is_current(sealed)
    again = both.seal("x", **BOUND)
    assert both.is_current(again)
    assert open_vault([put(file, new)]).open(again, **BOUND) == "x"
    with pytest.raises(VaultError, match="no key here"):
        open_vault([file]).open(sealed, **BOUND)


def test_the_file_is_made_once_and_private(file):
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda _: open_vault([file]).seal("x", **BOUND), range(32)))
    assert {open_vault([file]).open(each, **BOUND) for each in sealed} == {"x"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == [file.name]


def test_several_files_count_together(tmp_path):
    first, second = put(tmp_path / "a", fresh_key()), put(tmp_path / "b", fresh_key())
    sealed = open_vault([second]).seal("x", **BOUND)
    assert open_vault([first, second]).open(sealed, **BOUND) == "x"
    assert open_vault([tmp_path / "missing", second]).open(sealed, **BOUND) == "x"
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("mode", [0o644, 0o602, 0o601])
def test_a_file_that_others_can_reach_is_refused(file, mode):
    put(file, fresh_key(), mode=mode)
    with pytest.raises(VaultError, match=f"do: chmod 600 {file}"):
        open_vault([file])


@pytest.mark.parametrize("line", ["SECRETKEY", "AAAA", "x" * 44, "ä" * 44])
def test_a_line_that_is_no_key_is_not_repeated(file, line):
    with pytest.raises(VaultError, match="openssl rand -base64 32") as raised:
        open_vault([put(file, line)])
    assert line not in str(raised.value)


def test_a_file_without_a_key_is_not_filled(file):
    with pytest.raises(VaultError, match="no key in it"):
        open_vault([put(file, "# nothing")])


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(VaultError, match="key_file"):
        open_vault([tmp_path / "no" / "file"])

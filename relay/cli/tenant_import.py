"""``relay tenant import``: many tenants from a CSV file, all or none of them."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from relay.cli.database import database, fresh_id
from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, load_config

if TYPE_CHECKING:
    from relay.cli.tenant_csv import Line
    from relay.mail.tenant import Login, Tenant
    from relay.store.store import Store


@click.command("import")
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.option("--dry-run", is_flag=True, help="Read and check everything, and change nothing.")
@click.option(
    "--credentials",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Make a login for each new tenant, and write the passwords to this new file, for its owner's eyes only.",
)
@config_option
@json_option
@click.pass_context
def import_command(
    context: click.Context, file: TextIO, dry_run: bool, credentials: Path | None, as_json: bool
) -> None:
    """Read tenants from a CSV file ("-": standard input), all or none of them.

    The first line names the columns: name and address, and optionally locale, verified (yes: the address is known to be
    the tenant's), copy_to_self (yes, or an address) and, for each document type, TYPE_to, TYPE_cc, TYPE_bcc (addresses
    with a space between) and TYPE_internal_only (refuse, redirect, off). A tenant of that name and address that is
    there already is changed; what has no column stays.
    """
    from relay.cli.tenant_csv import read_csv

    config = load_config(context)
    lines, problems = read_csv(file, config.document_types, config.platform.locale)
    if problems:
        fail("\n".join(["nothing was imported:", *problems]))
    with database(context) as store, store.transaction():
        known = {(each.name.lower(), each.email.lower()): each for each in store.tenants()}
        fresh = [line for line in lines if key(line) not in known]
        if not dry_run:
            made = import_lines(store, lines, known, credentials is not None)
            if credentials is not None:
                write_credentials(credentials, made)
    counts = {"new": len(fresh), "changed": len(lines) - len(fresh), "dry_run": dry_run}
    if as_json:
        emit_json(counts)
    else:
        done = "would be" if dry_run else "are"
        click.echo(f"{counts['new']} tenants {done} new, {counts['changed']} {done} changed.")


def key(line: Line) -> tuple[str, str]:
    """What a tenant is recognised by."""
    return line.name.lower(), str(line.address).lower()


def import_lines(
    store: Store, lines: list[Line], known: dict[tuple[str, str], Tenant], logins: bool
) -> list[tuple[Tenant, Login, str]]:
    """Write all tenants; the logins that were made, with their passwords."""
    made = []
    with progress(lines) as shown:
        for line in shown:
            tenant, is_new = import_tenant(store, line, known)
            import_choices(store, line, tenant)
            if is_new and logins:
                from relay.cli.login import new_login

                login, password = new_login(tenant, time.time())
                store.add_login(login)
                made.append((tenant, login, password))
    return made


def import_tenant(store: Store, line: Line, known: dict[tuple[str, str], Tenant]) -> tuple[Tenant, bool]:
    """The tenant of a line, and whether it is new."""
    from relay.mail.sender import SenderState
    from relay.mail.tenant import Tenant

    now = time.time()
    tenant = known.get(key(line))
    is_new = tenant is None
    if tenant is None:
        tenant = Tenant(fresh_id(now), line.name, str(line.address), line.locale, now)
        store.add_tenant(tenant)
    else:
        store.set_tenant(tenant.id, locale=line.locale)
    if line.verified:
        store.put_sender(tenant.id, line.address, SenderState.VERIFIED, now)
    return tenant, is_new


def import_choices(store: Store, line: Line, tenant: Tenant) -> None:
    """The document rules and the copy; an address that is not verified gets no copies."""
    for document, rule in line.rules.items():
        store.put_document_rule(tenant.id, document, rule)
    if line.copy_to is not None:
        if line.copy_to not in store.verified(tenant.id, [line.copy_to]):
            fail(f"nothing was imported:\nline {line.number}: {line.copy_to} is not verified, so it gets no copies")
        store.put_document_choice(tenant.id, store.handling(tenant.id).unticked, line.copy_to)


def progress(lines: list[Line]) -> AbstractContextManager[Iterable[Line]]:
    """A progress bar on a terminal."""
    if not sys.stderr.isatty():
        return nullcontext(lines)
    bar: Any = click.progressbar(lines, label="Importing", file=sys.stderr)
    return bar  # type: ignore[no-any-return]


def write_credentials(path: Path, made: Iterable[tuple[Tenant, Login, str]]) -> None:
    """The passwords, in a new file that only its owner can read. Ends command and import when it cannot be."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("tenant", "name", "username", "password"))
            writer.writerows(rows(made))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        fail(f"nothing was imported: {path}: {error.strerror}; name a new file for the passwords", EXIT_USAGE)


def rows(made: Iterable[tuple[Tenant, Login, str]]) -> Iterator[tuple[str, str, str, str]]:
    """The lines of that file."""
    for tenant, login, password in made:
        yield tenant.id, tenant.name, login.username, password

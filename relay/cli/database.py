"""How a command reaches the database, and finds there what its arguments name."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from relay.cli.options import EXIT_USAGE, fail, load_config

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.tenant import Tenant
    from relay.store.store import Store


@contextmanager
def database(context: click.Context) -> Iterator[Store]:
    """The store of the configuration, for the length of a block. One that fails ends the command with exit code 2."""
    from relay.store.database import StoreError
    from relay.store.store import open_store

    try:
        store = open_store(load_config(context).database.url)
        try:
            yield store
        finally:
            store.close()
    except StoreError as error:
        fail(str(error), EXIT_USAGE)


def find_tenant(store: Store, text: str) -> Tenant:
    """The tenant that an argument names, by its identifier or its name; ends the command when there is none."""
    return store.find_tenant(text) or fail(f'there is no tenant "{text}"; "relay tenant list" shows all')


def as_address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Address | None:
    """Callback of an argument that is an e-mail address: the address, or exit code 2."""
    if value is None:
        return None
    address = parsed_address(value)
    if address is None:
        raise click.BadParameter(f'"{value}" is not an e-mail address')
    return address


def as_addresses(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[Address, ...]:
    """The same for an option that may be given several times."""
    found = (as_address(context, parameter, text) for text in value)
    return tuple(address for address in found if address is not None)


def parsed_address(text: str) -> Address | None:
    """The address that ``text`` is, or None."""
    from relay.mail.address import AddressError, parse_address

    try:
        return parse_address(text, smtputf8=True)
    except AddressError:
        return None


def fresh_id(now: float) -> str:
    """A new identifier."""
    from relay.mail.ids import make_id

    return make_id(now, secrets.randbits(32))


def moment(at: float | None) -> str:
    """A time as people read it, to the second and in UTC; a dash for none."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if at is not None else "-"


def lasting(seconds: float) -> str:
    """A length of time as people read it: its largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"

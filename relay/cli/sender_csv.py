"""The verified-sender table as CSV: one line a sender, the columns named by the first line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.cli.database import parsed_address
from relay.mail.sender import SenderState
from relay.store.database import StoreError

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.sender import Sender
    from relay.mail.tenant import Tenant
    from relay.store.store import Store

COLUMNS = ("tenant", "address", "state", "created_at", "decided_at")


@dataclass(frozen=True, slots=True)
class Line:
    """One sender of a file."""

    tenant: Tenant
    address: Address
    state: str


class BadLine(Exception):
    """A line that cannot be imported; the text says why."""


def write_csv(senders: Sequence[Sender]) -> str:
    """The senders as CSV, with tenants by their identifiers."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in senders:
        writer.writerow((each.tenant_id, each.address, each.state.value, each.created_at, each.decided_at))
    return lines.getvalue()


def read_csv(file: Iterable[str], store: Store, tenant: str | None) -> tuple[list[Line], list[str]]:
    """The senders of a file, and a sentence for each wrong line. ``tenant`` serves where there is no column."""
    lines: list[Line] = []
    problems: list[str] = []
    reader = csv.DictReader(file, skipinitialspace=True, restval="")
    try:
        if "address" not in (reader.fieldnames or ()):
            return [], ['line 1: there is no column "address"']
        for row in reader:
            try:
                lines.append(line_of({key: value for key, value in row.items() if key}, store, tenant))
            except BadLine as error:
                problems.append(f"line {reader.line_num}: {error}")
    except (csv.Error, UnicodeDecodeError) as error:
        problems.append(f"line {reader.line_num + 1}: not CSV in UTF-8: {error}")
    return lines, problems


def line_of(row: dict[str, str], store: Store, tenant: str | None) -> Line:
    """One line. Raises `BadLine`."""
    address = parsed_address(row["address"].strip())
    if address is None:
        raise BadLine(f'"{row["address"]}" is not an e-mail address')
    state = row.get("state", "").strip().lower() or SenderState.PENDING.value
    if state not in set(SenderState):
        raise BadLine(f'"{state}" is not a state: {", ".join(SenderState)}')
    return Line(owner_of(row.get("tenant", "").strip() or tenant, store), address, state)


def owner_of(text: str | None, store: Store) -> Tenant:
    """The tenant of a line. Raises `BadLine`."""
    if not text:
        raise BadLine("no tenant: fill the column, or give --tenant")
    try:
        owner = store.find_tenant(text)
    except StoreError as error:
        raise BadLine(str(error)) from None
    if owner is None:
        raise BadLine(f'there is no tenant "{text}"')
    return owner

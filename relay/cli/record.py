"""A DNS record to publish, printed for a zone file and for the form of a DNS provider."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import click

from relay.mail.zone_line import zone_line


@dataclass(frozen=True, slots=True)
class Record:
    """``name`` is absolute without final dot, ``value`` as a panel wants it. A ``template`` must be filled in first,
    as its ``note`` says."""

    name: str
    type: str
    value: str
    note: str = ""
    template: bool = False

    @property
    def zone_line(self) -> str:
        """The record in a zone file (RFC 1035 5.1)."""
        return zone_line(self.name, self.type, self.value)

    def as_json(self) -> dict[str, str | bool]:
        """For ``--json``."""
        fields: dict[str, str | bool] = {"name": self.name, "type": self.type, "value": self.value}
        return {**fields, "zone": self.zone_line, "note": self.note, "template": self.template}


def echo_zone(records: Iterable[Record]) -> None:
    """Print records as lines of a zone file, notes and templates as comments."""
    for record in records:
        if record.note:
            click.echo(f"; {record.note}")
        click.echo(f"; {record.zone_line}" if record.template else record.zone_line)


def echo_panel(records: Iterable[Record]) -> None:
    """Print records as the fields of a form; a value stands alone on its line, to be copied whole."""
    for record in records:
        click.echo(f"Name:  {record.name}")
        click.echo(f"Type:  {record.type}")
        click.echo(f"Value: {record.value}")
        if record.note:
            click.echo(f"Note:  {record.note}")
        click.echo()

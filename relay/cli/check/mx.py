"""``relay check mx``."""

from __future__ import annotations

import functools

import click

from relay.cli.check.arguments import domain_name
from relay.cli.check.part import Settings, part_options, run_part


@click.command("mx")
@click.argument("domain")
@part_options
def mx_command(settings: Settings, domain: str) -> None:
    """Check where mail for DOMAIN goes: its MX records, their hosts, whether all its nameservers say the same."""
    from relay.checks.mx import check_mx

    run_part(settings, functools.partial(check_mx, domain=domain_name(domain)))

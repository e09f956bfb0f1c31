"""``relay check tls-rpt``."""

from __future__ import annotations

import functools

import click

from relay.cli.check.arguments import domain_name
from relay.cli.check.part import Settings, part_options, run_part


@click.command("tls-rpt")
@click.argument("domain")
@part_options
def tls_rpt_command(settings: Settings, domain: str) -> None:
    """Check where reports about TLS to DOMAIN go."""
    from relay.checks.tls_rpt import check_tls_rpt

    run_part(settings, functools.partial(check_tls_rpt, domain=domain_name(domain)))

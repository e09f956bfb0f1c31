"""``relay check bimi``."""

from __future__ import annotations

import functools
from pathlib import Path

import click

from relay.cli.check.arguments import domain_name
from relay.cli.check.part import Settings, part_options, run_part
from relay.cli.check.web_options import https_client, web_options


@click.command("bimi")
@click.argument("domain")
@click.option("--selector", metavar="S", default="default", show_default=True, help="Selector of the record.")
@click.option("--fetch", is_flag=True, help="Fetch the logo and look at it.")
@web_options
@part_options
def bimi_command(
    settings: Settings, domain: str, selector: str, fetch: bool, ca_file: Path | None, https_port: int
) -> None:
    """Check the record that asks for the logo of DOMAIN to be shown. It never decides whether mail arrives."""
    from relay.checks.bimi import check_bimi

    client = https_client(settings, ca_file, https_port) if fetch else None
    run_part(settings, functools.partial(check_bimi, domain=domain_name(domain), selector=selector, client=client))

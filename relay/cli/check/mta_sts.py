"""``relay check mta-sts``."""

from __future__ import annotations

import functools
from pathlib import Path

import click

from relay.cli.check.arguments import domain_name
from relay.cli.check.part import Settings, part_options, run_part
from relay.cli.check.web_options import https_client, web_options


@click.command("mta-sts")
@click.argument("domain")
@web_options
@part_options
def mta_sts_command(settings: Settings, domain: str, ca_file: Path | None, https_port: int) -> None:
    """Check the MTA-STS of DOMAIN: its record, the policy that it serves, and whether the mail servers are in it.

    The policy is fetched from https://mta-sts.DOMAIN/ where a record announces one.
    """
    from relay.checks.mta_sts.check import check_mta_sts

    client = https_client(settings, ca_file, https_port)
    run_part(settings, functools.partial(check_mta_sts, domain=domain_name(domain), client=client))

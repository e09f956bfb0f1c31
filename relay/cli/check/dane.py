"""``relay check dane``."""

from __future__ import annotations

import functools

import click

from relay.cli.check.arguments import domain_name
from relay.cli.check.part import Settings, part_options, run_part


@click.command("dane")
@click.argument("domain")
@click.option("--connect", is_flag=True, help="Connect to the mail servers and compare their certificates.")
@click.option(
    "--smtp-port",
    metavar="PORT",
    type=click.IntRange(1, 65535),
    default=25,
    show_default=True,
    help="Port to connect to; the records are those of port 25 all the same.",
)
@part_options
def dane_command(settings: Settings, domain: str, connect: bool, smtp_port: int) -> None:
    """Check the TLSA records of DOMAIN's mail servers.

    Whether DNSSEC vouches for them can only be said by a nameserver that checks it; ask a near and trusted one
    (--nameserver). --connect makes connections, says EHLO and STARTTLS, and sends nothing.
    """
    from relay.checks.dane.check import Dial, check_dane
    from relay.server.office import own_hostname

    hostname = own_hostname(settings.config.platform.hostname)
    dial = Dial(hostname, smtp_port, private=bool(settings.nameservers)) if connect else None
    run_part(settings, functools.partial(check_dane, domain=domain_name(domain), dial=dial))

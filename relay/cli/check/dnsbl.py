"""``relay check dnsbl``."""

from __future__ import annotations

import functools
from ipaddress import ip_address

import click

from relay.cli.check.part import Settings, part_options, run_part


@click.command("dnsbl")
@click.argument("subjects", metavar="IP|DOMAIN...", nargs=-1, required=True)
@click.option(
    "--list", "lists", metavar="ZONE", multiple=True, help="Only this list (repeatable); with its key, if any."
)
@part_options
def dnsbl_command(settings: Settings, subjects: tuple[str, ...], lists: tuple[str, ...]) -> None:
    """Check whether addresses and domains are on lists that receivers refuse mail by.

    A list is believed only when its test entries answer as they must; one that refuses to answer says nothing.
    """
    from relay.checks.block_list import block_lists
    from relay.checks.dnsbl import check_dnsbl, queries_for

    chosen = [subject_of(subject) for subject in subjects]
    for zone in lists:
        if not block_lists("ip", [zone]) and not block_lists("domain", [zone]):
            raise click.UsageError(f"--list {zone}: not a list that is known; see docs/checks/dnsbl.md.")
    check = functools.partial(check_dnsbl, subjects=chosen, named=lists)
    run_part(settings, check, most=queries_for(len(chosen)))


def subject_of(text: str) -> str:
    """An address in its shortest form, or a domain; what is neither ends the command."""
    from relay.checks.helo import is_host_name
    from relay.cli.check.arguments import a_label
    from relay.net.dns import plain_name

    try:
        return str(ip_address(text))
    except ValueError:
        domain = plain_name(a_label(text))
    if not is_host_name(domain):
        raise click.UsageError(f"{text}: neither an IP address nor a domain.")
    return domain

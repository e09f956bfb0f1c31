"""``relay check ptr``."""

from __future__ import annotations

import functools
from ipaddress import ip_address
from typing import TYPE_CHECKING

import click

from relay.cli.check.part import Settings, part_options, run_part

if TYPE_CHECKING:
    from relay.checks.ptr import Ip


@click.command("ptr")
@click.argument("targets", metavar="IP|DOMAIN...", nargs=-1, required=True)
@click.option("--helo", metavar="NAME", default="", help="Name that the server gives in EHLO.")
@part_options
def ptr_command(settings: Settings, targets: tuple[str, ...], helo: str) -> None:
    """Check the names of sending addresses: the PTR record, whether it leads back, whether EHLO fits.

    A DOMAIN stands for its own addresses: which ones its mail leaves from, DNS does not tell.
    """
    from relay.checks.ptr import check_ptr
    from relay.cli.check.arguments import a_label

    chosen = [target_of(target) for target in targets]
    run_part(settings, functools.partial(check_ptr, targets=chosen, helo=a_label(helo)))


def target_of(text: str) -> Ip | str:
    """An address, or a name."""
    from relay.cli.check.arguments import domain_name

    try:
        return ip_address(text)
    except ValueError:
        return domain_name(text)

"""``relay check dmarc``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import click

from relay.cli.check.arguments import MODES, a_label, domain_name
from relay.cli.check.part import Settings, part_options, run_part

if TYPE_CHECKING:
    from relay.checks.sending import Sending
    from relay.config import Config


@click.command("dmarc")
@click.argument("domain")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="How mail of DOMAIN is sent; says then whether DMARC passes.",
)
@click.option("--mail-from", metavar="NAME", default="", help="Domain of the reverse-path.  [default: by the mode]")
@click.option("--dkim-domain", metavar="NAME", default="", help="Domain that signs (d=).  [default: by the mode]")
@part_options
def dmarc_command(settings: Settings, domain: str, mode: str | None, mail_from: str, dkim_domain: str) -> None:
    """Check the DMARC policy that holds for DOMAIN, and what is wrong with its record.

    --mode own-domain: the platform sends with DOMAIN in the From, signed by DOMAIN, reverse-path at the bounce domain.
    --mode own-server: DOMAIN's own server sends, reverse-path at DOMAIN, not signed unless --dkim-domain says so.
    """
    from relay.checks.dmarc.check import check_dmarc

    name = domain_name(domain)
    sending = sending_of(settings.config, name, mode, a_label(mail_from), a_label(dkim_domain)) if mode else None
    run_part(settings, functools.partial(check_dmarc, domain=name, sending=sending))


def sending_of(config: Config, domain: str, mode: str, mail_from: str = "", dkim_domain: str = "") -> Sending:
    """The identities of mail of a domain in one mode; what is not named is as the configuration has it."""
    from relay.checks.sending import Mode, Sending
    from relay.cli.dns import from_domain_of
    from relay.cli.key import signing_domain_of

    bounces = config.platform.bounce_domain
    match Mode(mode):
        case Mode.REWRITTEN:
            author, reverse, signing = from_domain_of(config), bounces, signing_domain_of(config)
        case Mode.OWN_DOMAIN:
            author, reverse, signing = domain, bounces, domain
        case Mode.OWN_SERVER:
            author, reverse, signing = domain, domain, ""
    return Sending(Mode(mode), author, mail_from or reverse, dkim_domain=dkim_domain or signing)

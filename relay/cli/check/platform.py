"""``relay check platform``."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from relay.cli.check.arguments import IpType
from relay.cli.check.part import Settings, exit_code, part_options
from relay.cli.options import emit_json

if TYPE_CHECKING:
    from relay.checks.platform import PlatformQuestion
    from relay.checks.spf.macro import Ip
    from relay.config import Config


@click.command("platform")
@click.option(
    "--ip", "ips", metavar="IP", type=IpType(), multiple=True, help="Address that mail leaves from (repeatable)."
)
@click.option("--connect", is_flag=True, help="Try whether port 25 is open outwards.")
@click.option("--mx", "mail_hosts", metavar="HOST", multiple=True, help="Mail host for --connect (repeatable).")
@part_options
def platform_command(settings: Settings, ips: tuple[Ip, ...], connect: bool, mail_hosts: tuple[str, ...]) -> None:
    """Check the platform itself: its addresses and names, and the records that `relay dns` prints.

    Without --ip, mail is taken to leave from the addresses of platform.hostname.
    """
    from relay.checks.platform import MOST_QUERIES, check_platform

    question = question_of(settings.config, ips)
    question = replace(question, connect=connect or bool(mail_hosts), mail_hosts=mail_hosts)
    asking = settings.asking(most=MOST_QUERIES)
    started_at = time.monotonic()
    parts = asyncio.run(check_platform(asking, question))
    elapsed_ms = round((time.monotonic() - started_at) * 1000)
    settings.write_report(question.sending.helo, parts, asking, elapsed_ms)
    if settings.as_json:
        from relay.checks.report import parts_json

        emit_json(parts_json(parts, settings.language, elapsed_ms, asking.queries))
    else:
        from relay.cli.check.parts import echo_parts

        echo_parts(parts, settings.language, question.sending.helo)
    click.get_current_context().exit(exit_code([finding for part in parts for finding in part.findings]))


def question_of(config: Config, ips: tuple[Ip, ...]) -> PlatformQuestion:
    """What the configuration says of the platform."""
    from relay.checks.platform import PlatformQuestion
    from relay.cli.check.dkim import wanted_of_config
    from relay.cli.check.dmarc import sending_of
    from relay.cli.dns import dmarc_record, from_domain_of
    from relay.cli.key import signing_domain_of
    from relay.net.dns import plain_name
    from relay.server.office import own_hostname

    signing_domain = plain_name(signing_domain_of(config))
    keys = wanted_of_config(config, signing_domain)
    sending = sending_of(config, from_domain_of(config), "rewritten")
    hostname = plain_name(own_hostname(config.platform.hostname))
    return PlatformQuestion(
        replace(sending, helo=hostname, selectors=tuple(keys), ips=ips),
        plain_name(config.platform.spf_include),
        keys,
        dmarc_record(config, sending.from_domain).value,
        hostname_is_set=bool(config.platform.hostname),
        port=config.delivery.port,
    )

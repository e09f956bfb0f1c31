"""``relay check domain``: everything about one domain."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relay.cli.check.arguments import MODES, IpType, a_label, domain_name
from relay.cli.check.part import Settings, part_options
from relay.cli.check.web_options import https_client, web_options
from relay.cli.options import EXIT_PROBLEM, EXIT_TEMPORARY, emit_json

if TYPE_CHECKING:
    from relay.checks.domain import DomainQuestion
    from relay.checks.spf.macro import Ip
    from relay.config import Config

EXIT_CODES = {"red": EXIT_PROBLEM, "grey": EXIT_TEMPORARY}


@click.command("domain")
@click.argument("domain")
@click.option("--include", metavar="NAME", help="Must be in the SPF record.  [default: platform.spf_include]")
@click.option("--ip", "ips", metavar="IP", type=IpType(), multiple=True, help="Sending address (repeatable).")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="own-domain",
    show_default=True,
    help="How mail of DOMAIN is sent.",
)
@click.option("--selector", "selectors", metavar="S", multiple=True, help="DKIM selector to look at (repeatable).")
@click.option("--notes", is_flag=True, help="Print notes in full.")
@web_options
@part_options
def domain_command(
    settings: Settings,
    domain: str,
    include: str | None,
    ips: tuple[Ip, ...],
    mode: str,
    selectors: tuple[str, ...],
    notes: bool,
    ca_file: Path | None,
    https_port: int,
) -> None:
    """Check everything about DOMAIN at once: what is wrong, and which record to publish first."""
    from relay.checks.domain import MOST_QUERIES, check_domain, domain_json
    from relay.checks.steps import light_of

    question = question_of(settings.config, domain_name(domain), include, ips, mode, selectors)
    question = replace(question, client=https_client(settings, ca_file, https_port))
    asking = settings.asking(most=MOST_QUERIES)
    report = asyncio.run(check_domain(asking, question))
    settings.write_report(report.domain, report.parts, asking, report.elapsed_ms, report.included)
    if settings.as_json:
        emit_json(domain_json(report, settings.language, asking.queries))
    else:
        from relay.cli.check.parts import echo_parts

        echo_parts(report.parts, settings.language, report.domain, report.included, notes=notes)
    click.get_current_context().exit(EXIT_CODES.get(light_of(report.parts, report.included), 0))


def question_of(
    config: Config, domain: str, include: str | None, ips: tuple[Ip, ...], mode: str, selectors: tuple[str, ...]
) -> DomainQuestion:
    """The question, completed from the configuration; the example name in it stands for no include."""
    from relay.checks.domain import DomainQuestion
    from relay.cli.check.dkim import wanted_of_config
    from relay.cli.check.dmarc import sending_of
    from relay.config.schema import Platform

    if include is None:
        ours = config.platform.spf_include
        include = "" if ours == Platform().spf_include else ours
    sending = replace(sending_of(config, domain, mode), selectors=selectors, ips=ips)
    return DomainQuestion(domain, sending, a_label(include), wanted_of_config(config, domain))

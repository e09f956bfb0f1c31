"""``relay check spf``."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from relay.cli.check.arguments import MODES, IpType, a_label
from relay.cli.check.part import Settings, part_options
from relay.cli.options import EXIT_PROBLEM, EXIT_TEMPORARY, emit_json

if TYPE_CHECKING:
    from relay.checks.sending import Sending
    from relay.checks.spf.check import SpfAnswer, SpfQuestion
    from relay.checks.spf.macro import Ip
    from relay.config import Config


@click.command("spf")
@click.argument("domain")
@click.option("--ip", "ips", metavar="IP", type=IpType(), multiple=True, help="Sending address (repeatable).")
@click.option("--sender", metavar="ADDR", help='Reverse-path; "" for the HELO identity.  [default: postmaster]')
@click.option("--helo", metavar="NAME", default="", help="Name given in HELO.  [default: the domain]")
@click.option("--include", metavar="NAME", default="", help="Does mail pass that NAME stands for? What to publish?")
@click.option("--alias", "aliases", metavar="NAME", multiple=True, help="Another name for the same (repeatable).")
@click.option(
    "--mode",
    type=click.Choice([*MODES, "own"]),
    metavar=f"[{'|'.join(MODES)}]",
    help="How mail of DOMAIN is sent: which domain's SPF counts, the HELO name too.  [default: DOMAIN's own counts]",
)
@part_options
def spf_command(
    settings: Settings,
    domain: str,
    ips: tuple[Ip, ...],
    sender: str | None,
    helo: str,
    include: str,
    aliases: tuple[str, ...],
    mode: str | None,
) -> None:
    """Check the SPF record of DOMAIN: the verdict for an address, the record's health, the include question."""
    from relay.checks.spf.check import SpfQuestion, check_spf
    from relay.checks.spf.part import spf_part

    asking = settings.asking()
    domain, aliases = a_label(domain), tuple(map(a_label, aliases))
    sending = None if mode in {None, "own"} else sending_in(mode, settings.config, domain, helo)
    question = SpfQuestion(domain, ips, sender, helo, a_label(include), aliases, sending)
    answer = asyncio.run(check_spf(asking, question))
    settings.write_report(answer.report.subject, [spf_part(answer)], asking, answer.report.elapsed_ms, answer.include)
    if settings.as_json:
        from relay.cli.check.spf_json import spf_json

        emit_json(spf_json(answer, settings.language))
    else:
        from relay.cli.check.spf_text import echo_spf

        echo_spf(answer, question, settings.language)
    sys.exit(exit_code(answer, question))


def sending_in(mode: str, config: Config, domain: str, helo: str) -> Sending:
    """How the platform sends mail of a domain, with the name it greets with."""
    from relay.cli.check.dmarc import sending_of

    return replace(sending_of(config, domain, mode), helo=helo or config.platform.hostname)


def exit_code(answer: SpfAnswer, question: SpfQuestion) -> int:
    """0 fine, 1 a problem, 75 not to be determined. The include question decides when it is asked,
    and a yes is fine unless there is an error besides."""
    from relay.checks.model import Severity

    severities = {finding.severity for finding in answer.report.findings}
    if answer.include is not None:
        codes = {"no": EXIT_PROBLEM, "partly": EXIT_PROBLEM, "unknown": EXIT_TEMPORARY}
        return codes.get(answer.include.answer, EXIT_PROBLEM if Severity.ERROR in severities else 0)
    results = {verdict.result for verdict in answer.verdicts}
    if "temperror" in results:
        return EXIT_TEMPORARY
    if results & {"fail", "softfail", "permerror", "none"} or Severity.ERROR in severities:
        return EXIT_PROBLEM
    return EXIT_TEMPORARY if Severity.UNKNOWN in severities and not question.ips else 0

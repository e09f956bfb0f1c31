"""``relay check address``: may mail go there, and was another address meant?"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from relay.cli.check import dns_options, open_resolver
from relay.cli.options import EXIT_PROBLEM, EXIT_TEMPORARY, config_option, emit_json, json_option, load_config
from relay.locales import LANGUAGES, catalog

if TYPE_CHECKING:
    from relay.checks.address.judge import AddressReport
    from relay.config import Config
    from relay.locales import Catalog

BOUNCES_COUNT_FOR = 90 * 86400  # seconds
MARKS = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "reject": ("reject", "red"), "unknown": ("unknown", "cyan")}


@click.command("address")
@config_option
@json_option
@click.option("--stdin0", is_flag=True, help="Read addresses from standard input, each ended by a NUL octet.")
@click.option("--no-dns", is_flag=True, help="Ask nothing: syntax and what is known decide.")
@click.option("--allow-test-domains", is_flag=True, help="Accept .test, .local, .invalid, .localhost and the like.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the text.  [default: from the configuration]")
@dns_options
@click.argument("addresses", nargs=-1, metavar="[ADDR]...")
@click.pass_context
def address_command(
    context: click.Context,
    addresses: tuple[str, ...],
    stdin0: bool,
    no_dns: bool,
    allow_test_domains: bool,
    nameservers: tuple[str, ...],
    dns_timeout: float,
    lang: str | None,
    as_json: bool,
) -> None:
    """Say of each address whether mail may go there, and which one was probably meant.

    Exit code 0: none is rejected; 1: at least one is; 75: DNS could not say about one.
    """
    from relay.checks.address.judge import judge_address

    texts = [os.fsencode(text).decode("utf-8", "replace") for text in addresses] + (read_stdin0() if stdin0 else [])
    if not texts and not stdin0:
        raise click.UsageError("Name an address, or give --stdin0.")
    config = load_config(context)
    language = catalog(lang or config.platform.locale)
    bounced = bounces(config)
    if no_dns:
        reports = [judge_address(text, bounced=bounced, allow_test_domains=allow_test_domains) for text in texts]
    else:
        import asyncio

        from relay.checks.address.check import check_addresses

        checking = check_addresses(
            texts,
            open_resolver(config, nameservers, dns_timeout),
            bounced,
            allow_test_domains=allow_test_domains,
            seconds_a_name=dns_timeout,
        )
        reports = asyncio.run(checking)
    if as_json:
        emit_json([report_json(report, language) for report in reports])
    else:
        for report in reports:
            echo_report(report, language)
    context.exit(exit_code(reports))


def bounces(config: Config) -> dict[str, float]:
    """The mailboxes that the relay's database knows do not exist, by key, and when they said so. Where there is no
    database none is made; one that cannot be read is told on standard error, and the check goes on without."""
    if not os.path.isfile(config.database.url.removeprefix("sqlite:///")):
        return {}
    import time

    from relay.store.database import StoreError
    from relay.store.store import open_store

    try:
        store = open_store(config.database.url)
        try:
            return store.bounced(time.time() - BOUNCES_COUNT_FOR)
        finally:
            store.close()
    except StoreError as error:
        click.echo(f"relay: earlier bounces are not known: {error}", err=True)
        return {}


def read_stdin0() -> list[str]:
    """The addresses on standard input; octets that are not UTF-8 become U+FFFD, which no address holds."""
    texts = sys.stdin.buffer.read().decode("utf-8", "replace").split("\0")
    return texts[:-1] if texts[-1] == "" else texts


def report_json(report: AddressReport, language: Catalog) -> dict[str, Any]:
    """One report as other programs read it: ``reasons`` are the ids of the findings."""
    return {
        "address": report.address,
        "verdict": report.verdict,
        "normalized": report.normalized,
        "suggestion": report.suggestion,
        "reasons": [finding.id for finding in report.findings],
        "findings": [
            {
                "id": finding.id,
                "severity": finding.severity.value,
                "subject": finding.subject,
                "text": language.text(f"check.{finding.id}", **finding.facts).rstrip(),
                "fix": None,
                "rfc": finding.rfc,
                "evidence": list(finding.evidence),
            }
            for finding in report.findings
        ],
    }


def echo_report(report: AddressReport, language: Catalog) -> None:
    """One report for a person: the verdict, why, and what was probably meant."""
    word, colour = MARKS[report.verdict]
    click.echo(f"{click.style(word.ljust(8), fg=colour)}{printable(report.address)}")
    for finding in report.findings:
        sentence = language.text(f"check.{finding.id}", **finding.facts).rstrip()  # some give no reason
        click.echo(f"        {printable(sentence)}")
    if report.suggestion:
        click.echo(f"        -> {printable(report.suggestion)}")


def printable(text: str) -> str:
    """Text that a terminal may see: what moves the cursor or cannot be seen is escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def exit_code(reports: list[AddressReport]) -> int:
    """One rejected address is a problem; else one that DNS could not speak for is temporary."""
    verdicts = {report.verdict for report in reports}
    if "reject" in verdicts:
        return EXIT_PROBLEM
    return EXIT_TEMPORARY if "unknown" in verdicts else 0

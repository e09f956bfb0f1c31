"""What every ``relay check …`` of a domain shares: its options, how a part is run and printed, the exit code."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from relay.cli.check import dns_options, open_resolver
from relay.cli.check.report_file import report_option
from relay.cli.options import EXIT_PROBLEM, EXIT_TEMPORARY, config_option, emit_json, json_option, load_config
from relay.locales import LANGUAGES, catalog

if TYPE_CHECKING:
    from relay.checks.asking import Asking
    from relay.checks.model import Finding, Part
    from relay.checks.spf.include import Included
    from relay.config import Config
    from relay.locales import Catalog

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Settings:
    """How a check is asked for: the configuration, whom to ask, and how to answer."""

    config: Config
    language: Catalog
    nameservers: tuple[str, ...]
    dns_timeout: float
    as_json: bool
    report: Path | None = None

    def asking(self, **limits: int) -> Asking:
        """An `Asking` of its own, for one check."""
        from relay.checks.asking import Asking

        resolver = open_resolver(self.config, self.nameservers, self.dns_timeout)
        return Asking(resolver, seconds_a_name=self.dns_timeout, **limits)

    def write_report(
        self, title: str, parts: Sequence[Part], asking: Asking, elapsed_ms: int, included: Included | None = None
    ) -> None:
        """The page of ``--report``, where it was asked for."""
        if self.report is None:
            return
        from relay.checks.page import Asked, report_html
        from relay.cli.check.report_file import replace_file

        servers = self.nameservers or tuple(self.config.dns.nameservers)
        asked = Asked(time.time(), servers, elapsed_ms, asking.queries, asking.failed)
        replace_file(self.report, report_html(title, parts, included, self.language, asked))


def part_options(command: Command) -> Command:
    """``--lang``, ``--json``, ``--report``, ``--config`` and the DNS options, handed over as one ``settings``."""

    @functools.wraps(command)
    @click.pass_context
    def wrapped(
        context: click.Context,
        /,
        lang: str | None,
        nameservers: tuple[str, ...],
        dns_timeout: float,
        as_json: bool,
        report: Path | None,
        **others: Any,
    ) -> Any:
        config = load_config(context)
        language = catalog(lang or config.platform.locale)
        return command(Settings(config, language, nameservers, dns_timeout, as_json, report), **others)

    language = click.option(
        "--lang", type=click.Choice(LANGUAGES), help="Language of the text.  [default: from the configuration]"
    )
    return language(dns_options(config_option(json_option(report_option(wrapped)))))  # type: ignore[return-value]


def run_part(settings: Settings, check: Callable[[Asking], Awaitable[Part]], **limits: int) -> None:
    """Run one check, print what it found, and end the command with its exit code."""
    asking = settings.asking(**limits)
    started_at = time.monotonic()
    part = asyncio.run(_awaited(check(asking)))
    elapsed_ms = round((time.monotonic() - started_at) * 1000)
    settings.write_report(part.subject, [part], asking, elapsed_ms)
    if settings.as_json:
        emit_json(part_json(part, settings.language, elapsed_ms, asking.queries))
    else:
        from relay.cli.check.text import echo_part

        echo_part(part, settings.language)
    click.get_current_context().exit(exit_code(part.findings))


async def _awaited(check: Awaitable[Part]) -> Part:
    return await check


def part_json(part: Part, language: Catalog, elapsed_ms: int, queries: int) -> dict[str, object]:
    """A part for ``--json``."""
    from relay.checks.report import finding_json, summary

    return {
        "domain": part.subject,
        **part.facts,
        "findings": [finding_json(finding, language) for finding in part.findings],
        "summary": summary(part.findings, language),
        "elapsed_ms": elapsed_ms,
        "queries": queries,
    }


def exit_code(findings: Iterable[Finding]) -> int:
    """1 where there is an error, else 75 where something could not be determined, else 0."""
    from relay.checks.model import Severity

    severities = {finding.severity for finding in findings}
    if Severity.ERROR in severities:
        return EXIT_PROBLEM
    return EXIT_TEMPORARY if Severity.UNKNOWN in severities else 0

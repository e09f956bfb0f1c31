"""``relay check message``: what a filter and a reader will make of one mail, before it is sent."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, load_config
from relay.locales import LANGUAGES, catalog

if TYPE_CHECKING:
    from relay.checks.message.check import MessageReport
    from relay.checks.message.filters import Filter, Silent, Verdict
    from relay.checks.message.rewritten import Effect
    from relay.checks.model import Finding
    from relay.config import Config
    from relay.locales import Catalog
    from relay.mail.reply import Refusal
    from relay.mail.rewrite import Rewritten

LARGEST = 64_000_000  # octets that are read


@click.command("message")
@click.argument("file", type=click.File("rb"))
@click.option("--known", metavar="NAME", default="", help="Name of the recipient, as the text may use it.")
@click.option("--company", metavar="NAME", default="", help="Name of the sending company.")
@click.option("--lang-of-mail", type=click.Choice(LANGUAGES), help="Language of the mail.  [default: guessed]")
@click.option("--rewritten", is_flag=True, help="Judge it as it leaves the relay, and say what the rewriting changes.")
@click.option("--spamd", metavar="HOST:PORT", default="", help="Ask this SpamAssassin too.")
@click.option("--rspamd", metavar="URL", default="", help="Ask this rspamd too, such as http://127.0.0.1:11333.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the text.  [default: from the configuration]")
@config_option
@json_option
@click.pass_context
def message_command(
    context: click.Context,
    /,
    file: BinaryIO,
    known: str,
    company: str,
    lang_of_mail: str | None,
    rewritten: bool,
    spamd: str,
    rspamd: str,
    lang: str | None,
    as_json: bool,
) -> None:
    """Check the mail in FILE (- is standard input): header, text, links, attachments; does it read like a template?

    Nothing is asked of anybody but the spam filters that you name. Exit code 0: fine or only warnings; 1: an error was
    found; 75: a filter did not answer.
    """
    from relay.checks.message.check import Asked, check_message
    from relay.checks.message.filters import judge_verdict
    from relay.checks.message.rewritten import as_it_leaves, as_refused, octets_of, with_findings
    from relay.cli.check.part import exit_code
    from relay.mail.reply import Refusal

    config = load_config(context)
    language = catalog(lang or config.platform.locale)
    filters = chosen_filters(spamd, rspamd)
    octets = file.read(LARGEST + 1)
    if len(octets) > LARGEST:
        fail(f"the message is larger than {LARGEST // 1_000_000} MB", EXIT_USAGE)
    now, asked, effect = time.time(), Asked(lang_of_mail or "", known, company), None
    report = check_message(octets, now, asked)
    done = rewrite_octets(config, company, octets) if rewritten else None
    if isinstance(done, Refusal):
        report = as_refused(report, done, language)
    elif done is not None:
        octets = octets_of(done)
        report, effect = as_it_leaves(report, done, now, asked)
    verdicts = asyncio.run(answers(filters, octets)) if filters else []
    report = with_findings(report, [judge_verdict(verdict) for verdict in verdicts])
    if as_json:
        emit_json(message_json(report, effect, verdicts, language))
    else:
        echo_message(report, language)
    context.exit(exit_code(report.findings))


def chosen_filters(spamd: str, rspamd: str) -> list[Filter]:
    """The filters that were named. Ends the command for an address that is none."""
    from relay.checks.message.filters import ask_rspamd, ask_spamd

    filters: list[Filter] = []
    if spamd:
        host, _, port = spamd.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port[:6]) < 65536:
            fail(f"--spamd {spamd}: a host with a port is needed, such as 127.0.0.1:783", EXIT_USAGE)
        filters.append(functools.partial(ask_spamd, host.strip("[]"), int(port)))
    if rspamd:
        if not rspamd.startswith(("http://", "https://")):
            fail(f"--rspamd {rspamd}: an address is needed, such as http://127.0.0.1:11333", EXIT_USAGE)
        filters.append(functools.partial(ask_rspamd, rspamd))
    return filters


async def answers(filters: list[Filter], octets: bytes) -> list[Verdict | Silent]:
    """What the filters say, all asked at once."""
    return await asyncio.gather(*(ask(octets) for ask in filters))


def rewrite_octets(config: Config, company: str, octets: bytes) -> Rewritten | Refusal:
    """The message as ``relay rewrite`` makes it, every sender counted as verified."""
    from relay.cli.rewrite import open_desk

    settings: dict[str, Any] = {"platform": None, "verified": (), "display_name": None, "reply_to": None}
    return open_desk(config, company=company, smtputf8=True, **settings).rewrite(octets)


def message_json(
    report: MessageReport, effect: Effect | None, verdicts: list[Verdict | Silent], language: Catalog
) -> dict[str, object]:
    """The document of ``--json``; ``better`` for an impersonal mail, ``score`` where a filter answered."""
    from dataclasses import asdict

    from relay.checks.message.filters import Verdict, verdict_json
    from relay.checks.report import finding_json, summary

    scores = {each.program: verdict_json(each) for each in verdicts if isinstance(each, Verdict)}
    rewriting = None
    if effect is not None:
        changes = [{"field": change.field, "reason": change.reason} for change in effect.changes]
        rewriting = {"changes": changes, "removes": effect.removes, "adds": effect.adds}
    return {
        "subject": report.subject,
        "language": report.language,
        "tokens": {**asdict(report.tokens), "missing": report.tokens.missing},
        "better": asdict(report.better) if report.better else None,
        **({"rewriting": rewriting} if rewriting else {}),
        **({"score": scores} if scores else {}),
        "findings": [
            {**finding_json(finding, language), "text": said(finding, language)} for finding in report.findings
        ],
        "summary": summary(report.findings, language),
    }


def said(finding: Finding, language: Catalog) -> str:
    """A finding's sentence. Mail is text, so letters of all alphabets stay; what a terminal obeys is escaped."""
    from relay.cli.check.address import printable

    return language.text(f"check.{finding.id}", **{name: printable(text) for name, text in finding.facts.items()})


def echo_message(report: MessageReport, language: Catalog) -> None:
    """What was found, for a person; a better text to begin from, in the language of the mail, where one is needed."""
    from relay.checks.report import summary
    from relay.cli.check.address import printable
    from relay.cli.check.text import COLOURS, paragraph

    click.echo(click.style(f"message  {printable(report.subject)[:70]}", bold=True))
    if report.language:
        click.echo(f"  {language.text('check.say.message.language')}: {report.language}")
    for finding in report.findings:
        click.echo()
        severity = language.text(f"check.severity.{finding.severity}")
        click.echo(click.style(f"{severity}  {finding.id}", fg=COLOURS[finding.severity], bold=True))
        paragraph(said(finding, language), "  ")
    if report.better is not None:
        click.echo()
        paragraph(language.text("check.say.message.better"))
        for line in (report.better.subject, "", *report.better.text.splitlines()):
            paragraph(printable(line), "  ") if line else click.echo()
    click.echo(f"\n{summary(report.findings, language)}")

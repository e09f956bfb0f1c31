"""``relay dns``: the records that the platform must publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from relay.cli.options import EXIT_PROBLEM, config_option, emit_json, json_option, load_config
from relay.cli.record import Record, echo_panel, echo_zone

if TYPE_CHECKING:
    from relay.config import Config


@click.command("dns")
@config_option
@json_option
@click.option("--form", type=click.Choice(["zone", "panel", "both"]), default="both", show_default=True, help="How.")
@click.pass_context
def dns_command(context: click.Context, form: str, as_json: bool) -> None:
    """Print the DNS records that the platform must publish: DKIM, SPF, MX and DMARC."""
    from relay.config import ConfigError

    config = load_config(context)
    records, problem = platform_records(config), ""
    try:
        records = [*dkim_records(config), *records]
    except ConfigError as error:
        problem = str(error)
    if as_json:
        emit_json({"records": [record.as_json() for record in records], "problem": problem or None})
    else:
        echo_records(records, form)
    if problem or not config.dkim.keys:
        click.echo(f"relay: {problem or 'there are no DKIM keys yet; make them with: relay key generate'}", err=True)
        context.exit(EXIT_PROBLEM)


def echo_records(records: list[Record], form: str) -> None:
    """Print the records in the forms that were asked for."""
    if form in {"zone", "both"}:
        click.secho("; As lines of a zone file", bold=True)
        echo_zone(records)
    if form == "both":
        click.echo()
    if form in {"panel", "both"}:
        click.secho("# As the fields of a DNS provider's form\n", bold=True)
        echo_panel(records)


def dkim_records(config: Config) -> list[Record]:
    """The public key of each configured DKIM key. Raises ConfigError."""
    if not config.dkim.keys:
        return []
    from relay.mail.signing_key import key_record
    from relay.server.signer import load_signer

    return [Record(key.record_name, "TXT", key_record(key)) for key in load_signer(config).keys]


def platform_records(config: Config) -> list[Record]:
    """SPF for the bounce, From and greeting names, the include that customers use, MX for bounces, DMARC."""
    from relay.server.office import own_hostname

    platform = config.platform
    hostname, from_domain = own_hostname(platform.hostname), from_domain_of(config)
    unset = "" if platform.hostname else " This is the machine's name; platform.hostname sets another."
    spf = f"v=spf1 include:{platform.spf_include} ~all"
    return [
        Record(
            platform.spf_include,
            "TXT",
            "v=spf1 ip4:IPV4-ADDRESS ip6:IPV6-ADDRESS -all",
            "Fill in the addresses that the relay sends from.",
            template=True,
        ),
        *(Record(name, "TXT", spf) for name in dict.fromkeys([platform.bounce_domain, from_domain])),
        # RFC 7208 2.4: mail with the null reverse-path, such as our own, is checked by the name in EHLO.
        Record(
            hostname, "TXT", "v=spf1 a -all", f"For mail with the null reverse-path. It needs A and PTR too.{unset}"
        ),
        Record(platform.bounce_domain, "MX", f"10 {hostname}", f"Bounces come back here.{unset}"),
        *answers_record(config, from_domain, hostname),
        dmarc_record(config, from_domain),
    ]


def answers_record(config: Config, from_domain: str, hostname: str) -> list[Record]:
    """MX for the platform's address, where there is a listener that takes what is written to it."""
    if from_domain == config.platform.bounce_domain or all(each.auth != "none" for each in config.listener):
        return []
    return [Record(from_domain, "MX", f"10 {hostname}", "Answers to the platform's address come in here.")]


def from_domain_of(config: Config) -> str:
    """The domain of the platform address."""
    from relay.mail.rewrite import resolve_platform_address

    return resolve_platform_address(config.platform.address, "tenant").domain


def dmarc_record(config: Config, from_domain: str) -> Record:
    """DMARC for the From domain: strict DKIM alignment where the signing domain is the very same (RFC 9989 4.7)."""
    alignment = "s" if config.dkim.domain in {"", from_domain} else "r"
    return Record(
        f"_dmarc.{from_domain}",
        "TXT",
        f"v=DMARC1; p=reject; adkim={alignment}; aspf=r; rua=mailto:dmarc@{from_domain}",
        "rua: a mailbox that you read; one in another domain must allow it (RFC 9990).",
    )

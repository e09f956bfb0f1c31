"""``relay check dkim``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relay.cli.check.arguments import domain_name
from relay.cli.check.part import Settings, part_options, run_part
from relay.cli.options import EXIT_USAGE, fail

if TYPE_CHECKING:
    from relay.config import Config


@click.command("dkim")
@click.argument("domain")
@click.option("--selector", "selectors", metavar="S", multiple=True, help="Selector to look at (repeatable).")
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="PEM file of the private key that belongs to the one --selector.",
)
@part_options
def dkim_command(settings: Settings, domain: str, selectors: tuple[str, ...], key_file: Path | None) -> None:
    """Check the DKIM keys of DOMAIN in DNS.

    Without --selector: those of the configured keys where DOMAIN is the signing domain, and DNS must hold these very
    keys; for other domains some well-known selectors are tried.
    """
    from relay.checks.dkim.check import check_dkim

    name = domain_name(domain)
    wanted = wanted_of_file(key_file, selectors) if key_file else wanted_of_config(settings.config, name)
    run_part(settings, functools.partial(check_dkim, domain=name, selectors=selectors, wanted=wanted))


def wanted_of_file(file: Path, selectors: tuple[str, ...]) -> dict[str, str]:
    """The record of a private key, by its selector."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from relay.mail.signing_key import description, key_record, read_private_key

    if len(selectors) != 1:
        raise click.UsageError("--key needs one --selector, the one that it signs with.")
    try:
        key = read_private_key(file.read_bytes())
    except OSError as error:
        fail(f"{file}: {error.strerror}", EXIT_USAGE)
    except ValueError as error:
        fail(f"{file}: {error}", EXIT_USAGE)
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        fail(f"{file}: {description(key)}; an RSA or Ed25519 key is needed", EXIT_USAGE)
    return {selectors[0]: key_record(key.public_key())}


def wanted_of_config(config: Config, domain: str) -> dict[str, str]:
    """The records of the configured keys, where the domain is ours."""
    from relay.cli.key import signing_domain_of

    if not config.dkim.keys or domain != signing_domain_of(config).lower().rstrip("."):
        return {}
    from relay.config import ConfigError
    from relay.mail.signing_key import key_record
    from relay.server.signer import load_signer

    try:
        keys = load_signer(config).keys
    except ConfigError as error:
        fail(str(error), EXIT_USAGE)
    return {key.selector: key_record(key) for key in keys}

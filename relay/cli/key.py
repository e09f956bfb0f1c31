"""``relay key``: make DKIM keys, and list the configured ones."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from relay.cli.options import EXIT_PROBLEM, EXIT_USAGE, config_option, emit_json, fail, json_option, load_config, table
from relay.cli.record import Record, echo_panel, echo_zone

if TYPE_CHECKING:
    from relay.config import Config
    from relay.config.outgoing import DkimKey
    from relay.mail.signing_key import SigningKey


@click.group("key")
def key_group() -> None:
    """Make and list DKIM keys."""


# ---- generate ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made, and where it is kept."""

    key: SigningKey
    file: Path

    @property
    def record(self) -> Record:
        """What publishes it."""
        from relay.mail.signing_key import key_record

        return Record(self.key.record_name, "TXT", key_record(self.key))

    def as_json(self) -> dict[str, Any]:
        """For ``--json``; the private key is in its file only."""
        return {
            "selector": self.key.selector,
            "algorithm": self.key.algorithm,
            "file": str(self.file),
            "record": self.record.as_json(),
        }


@key_group.command("generate")
@config_option
@json_option
@click.option(
    "--directory", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to put the files."
)
@click.option("--domain", help="Signing domain (default: that of the configuration).")
@click.option("--selector-rsa", default="r1", show_default=True, help="Selector of the RSA key.")
@click.option("--selector-ed25519", default="e1", show_default=True, help="Selector of the Ed25519 key.")
@click.option("--bits", type=click.IntRange(2048, 4096), default=2048, show_default=True, help="Size of the RSA key.")
@click.pass_context
def generate(
    context: click.Context,
    directory: Path,
    domain: str | None,
    selector_rsa: str,
    selector_ed25519: str,
    bits: int,
    as_json: bool,
) -> None:
    """Make an RSA and an Ed25519 key. Prints the lines for relay.toml and the DNS records; replaces no file."""
    signing_domain = domain or signing_domain_of(load_config(context))
    try:
        made = make_keys(directory, signing_domain, selector_rsa, selector_ed25519, bits)
    except FileExistsError as error:
        fail(f"{error.filename} exists already; choose another selector or directory", EXIT_USAGE)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", EXIT_USAGE)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
    lines = config_lines(signing_domain, made)
    if as_json:
        emit_json({"domain": signing_domain, "keys": [new.as_json() for new in made], "config": lines})
    else:
        echo_new_keys(made, lines)


def make_keys(directory: Path, domain: str, selector_rsa: str, selector_ed25519: str, bits: int) -> list[NewKey]:
    """Two keys, each in a file of its own, written only when neither exists. Raises OSError or ValueError."""
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    if selector_rsa == selector_ed25519:
        raise ValueError(f"the two keys need different selectors, and both are {selector_rsa!r}")
    made = [
        new_key(rsa.generate_private_key(65537, bits), "rsa-sha256", domain, selector_rsa, directory),
        new_key(ed25519.Ed25519PrivateKey.generate(), "ed25519-sha256", domain, selector_ed25519, directory),
    ]
    for new in made:
        if new.file.exists():
            raise FileExistsError(errno.EEXIST, "exists already", str(new.file))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for new in made:
        write_private(new.file, pem_of(new.key))
    return made


def new_key(key: Any, algorithm: str, domain: str, selector: str, directory: Path) -> NewKey:
    """A fresh key, checked by the way it will be read. Raises ValueError for a bad domain or selector."""
    from relay.mail.signing_key import SigningKey, load_key

    pem = pem_of(SigningKey(domain, selector, algorithm, key))
    return NewKey(
        load_key(pem, domain=domain, selector=selector, algorithm=algorithm), (directory / f"{selector}.pem").absolute()
    )


def pem_of(key: SigningKey) -> bytes:
    """The private key as a PEM file without a password."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_private(file: Path, octets: bytes) -> None:
    """Create a file that only its owner can read. Raises FileExistsError rather than replace one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(octets)
        stream.flush()
        os.fsync(stream.fileno())


def config_lines(domain: str, made: list[NewKey]) -> str:
    """The ``[dkim]`` table to paste into relay.toml."""
    import json  # a JSON string is a basic string of TOML

    keys = [
        f"  {{selector = {json.dumps(new.key.selector)}, algorithm = {json.dumps(new.key.algorithm)}, "
        f"file = {json.dumps(str(new.file))}}},"
        for new in made
    ]
    return "\n".join(["[dkim]", f"domain = {json.dumps(domain)}", "keys = [", *keys, "]"])


def echo_new_keys(made: list[NewKey], lines: str) -> None:
    """Tell a person what was made and what to do next."""
    for new in made:
        click.echo(f"Written: {new.file}")
    click.secho("\n# 1. Put these lines into relay.toml:\n", bold=True)
    click.echo(lines)
    click.secho("\n# 2. Publish these records, as lines of a zone file:\n", bold=True)
    echo_zone(new.record for new in made)
    click.secho("\n#    or as the fields of a DNS provider's form:\n", bold=True)
    echo_panel(new.record for new in made)


# ---- list ----------------------------------------------------------------------------------------------------------


@key_group.command("list")
@config_option
@json_option
@click.pass_context
def list_keys(context: click.Context, as_json: bool) -> None:
    """List the configured DKIM keys.

    The exit code is 1 when one cannot be used, or everybody can read it.
    """
    config = load_config(context)
    rows = [key_row(config, entry) for entry in config.dkim.keys]
    if as_json:
        emit_json(rows)
    elif rows:
        columns = ("selector", "algorithm", "bits", "domain", "file", "problem")
        table([name.capitalize() for name in columns], [[row[name] or "" for name in columns] for row in rows])
    else:
        click.echo("There are no DKIM keys yet; make them with: relay key generate")
    if any(row["problem"] for row in rows):
        context.exit(EXIT_PROBLEM)


def key_row(config: Config, entry: DkimKey) -> dict[str, Any]:
    """What there is to say of one configured key."""
    from relay.config import ConfigError
    from relay.mail.signing_key import key_record
    from relay.server.signer import load_key_file

    domain = signing_domain_of(config)
    row: dict[str, Any] = {"selector": entry.selector, "algorithm": entry.algorithm, "domain": domain}
    try:
        key = load_key_file(Path(entry.file), domain, entry.selector, entry.algorithm)
    except ConfigError as error:
        return {**row, "bits": None, "file": entry.file, "record": None, "problem": str(error)}
    record = Record(key.record_name, "TXT", key_record(key))
    problem = f"everybody can read it; chmod 600 {entry.file}" if Path(entry.file).stat().st_mode & 0o007 else None
    return {**row, "bits": key.bits, "file": entry.file, "record": record.as_json(), "problem": problem}


def signing_domain_of(config: Config) -> str:
    """The d= of our signatures."""
    return config.dkim.domain or config.platform.address.rpartition("@")[2]

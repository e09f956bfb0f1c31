"""``relay config``: check, show, example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from relay.cli.options import CONFIG_KEY, EXIT_USAGE, config_option, emit_json, fail, json_option, table

if TYPE_CHECKING:
    from relay.config import Loaded


@click.group("config")
@config_option
def config_group() -> None:
    """Check, show or write the configuration."""


def loaded(context: click.Context) -> Loaded:
    """The configuration with its sources; a bad one ends the command."""
    from relay.config import ConfigError, read_config

    try:
        return read_config(context.find_root().meta.get(CONFIG_KEY))
    except ConfigError as error:
        fail(str(error), EXIT_USAGE)


@config_group.command("check")
@config_option
@json_option
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Read the configuration and the files it names; exit 2 with one clear line when something is wrong."""
    from relay.cli.serve import prepare_files
    from relay.config import ConfigError
    from relay.server.smtp_contract import ListenError

    found = loaded(context)
    try:
        prepare_files(found.config)
    except (ConfigError, ListenError) as error:
        fail(str(error), EXIT_USAGE)
    where = str(found.file) if found.file else None
    if as_json:
        emit_json({"ok": True, "file": where})
    else:
        click.echo(f"{where or 'defaults'}: fine")


@config_group.command("show")
@config_option
@json_option
@click.pass_context
def show(context: click.Context, as_json: bool) -> None:
    """Print every value in force and where it comes from."""
    from relay.config.document import values

    found = loaded(context)
    rows = [(path, value, found.sources.get(source, "default")) for path, source, value in values(found.config)]
    if as_json:
        shown: list[dict[str, Any]] = [{"key": path, "value": value, "source": source} for path, value, source in rows]
        emit_json(shown)
    else:
        table(("KEY", "VALUE", "SOURCE"), [(path, repr(value), source) for path, value, source in rows])


@config_group.command("example")
@config_option
def example() -> None:
    """Print a commented configuration with every setting and its default."""
    from relay.config.document import example_toml

    click.echo(example_toml(), nl=False)

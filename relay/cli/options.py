"""What all commands share: ``--config``, ``--json``, and how results and errors are printed."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from relay.config import Config

EXIT_PROBLEM = 1  # a problem was found, or what was asked for does not exist
EXIT_USAGE = 2  # wrong usage or configuration
EXIT_REFUSED = 65  # the message was refused
EXIT_TEMPORARY = 75  # DNS or network: could not be determined

CONFIG_KEY = "config_file"

Command = TypeVar("Command", bound=Callable[..., Any])


def remember(context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    """Keep the configuration file named before or after the subcommand; the last one wins."""
    if value is not None:
        context.find_root().meta[CONFIG_KEY] = value
    return value


def config_option(command: Command) -> Command:
    """``--config FILE``, understood before and after the subcommand; read it with `load_config`."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        expose_value=False,
        callback=remember,
        is_eager=True,
        help="Configuration file (default: $RELAY_CONFIG, ./relay.toml, /etc/relay/relay.toml).",
    )(command)


def json_option(command: Command) -> Command:
    """``--json``: one JSON document on standard output and nothing else (argument ``as_json``)."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def load_config(context: click.Context) -> Config:
    """The configuration in force. A bad one ends the command with exit code 2 and one clear line."""
    from relay.config import ConfigError, read_config

    try:
        return read_config(context.find_root().meta.get(CONFIG_KEY)).config
    except ConfigError as error:
        fail(str(error), EXIT_USAGE)


def reports_errors(*expected: type[Exception], code: int = EXIT_USAGE) -> Callable[[Command], Command]:
    """Turn the named exceptions of a command into one clear line on standard error and an exit code."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            try:
                return command(*args, **kwargs)
            except expected as error:
                fail(str(error), code)

        return wrapped  # type: ignore[return-value]

    return decorate


def fail(text: str, code: int = EXIT_PROBLEM) -> NoReturn:
    """End the command with one line on standard error."""
    click.echo(f"relay: {text}", err=True)
    sys.exit(code)


def emit_json(data: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], below: Sequence[str] = ()) -> None:
    """Print rows in aligned columns, each with its line of ``below``; bold headings on a terminal only."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max([len(header), *(len(row[number]) for row in texts)]) for number, header in enumerate(headers)]
    lines = [headers, *texts]
    for number, line in enumerate(lines):
        printed = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(click.style(printed, bold=number == 0))
        if below and number:
            click.echo(below[number - 1])

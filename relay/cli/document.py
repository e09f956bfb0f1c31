"""docs/cli.md: every command with its help, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click

from relay.cli import main

HEADING = """# Commands

One command, `relay` (also `python -m relay`). Every command takes `--config FILE`, before or after the subcommand;
every command that reports takes `--json`. Exit codes: 0 fine; 1 a problem was found; 2 wrong usage or configuration;
65 the message was refused; 75 temporary, it could not be determined. This page is generated from the code.
"""


def commands_markdown() -> str:
    """The page."""
    parts = [HEADING]
    for path, command in every_command(main, "relay"):
        context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
        context.help_option_names = ["-h", "--help"]
        parts.append(f"## {path}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def every_command(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, depth first."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from every_command(found, f"{path} {name}")

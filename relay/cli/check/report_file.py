"""``--report FILE``: the page to hand over, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from relay.cli.options import EXIT_USAGE, fail

Command = TypeVar("Command", bound=Callable[..., Any])


def report_option(command: Command) -> Command:
    """``--report FILE.html`` (argument ``report``); write it with `replace_file`."""
    return click.option(
        "--report",
        metavar="FILE.html",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write a page to hand to whoever manages the DNS.",
    )(command)


def replace_file(file: Path, text: str) -> None:
    """Put a text in the place of a file, at once; through a symbolic link, at its end."""
    file = file.resolve()
    fresh = file.with_name(f".{secrets.token_hex(8)}.part")
    try:
        if file.exists() and not file.is_file():
            fail(f"{file}: not a file", EXIT_USAGE)
        fresh.write_text(text, "utf-8")
        os.replace(fresh, file)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        fail(f"{file}: cannot write the report: {error.strerror}", EXIT_USAGE)

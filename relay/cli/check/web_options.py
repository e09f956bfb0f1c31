"""Options of the checks that fetch a file by HTTPS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from relay.cli.check.part import Settings
from relay.cli.options import EXIT_USAGE, fail

if TYPE_CHECKING:
    from relay.net.https import HttpsClient

Command = TypeVar("Command", bound=Callable[..., Any])


def web_options(command: Command) -> Command:
    """``--cafile`` and ``--https-port``; make an `HttpsClient` of them with `https_client`."""
    authorities = click.option(
        "--cafile",
        "ca_file",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="PEM file of further authorities to trust.",
    )
    port = click.option(
        "--https-port",
        metavar="PORT",
        type=click.IntRange(1, 65535),
        default=443,
        show_default=True,
        help="Port to fetch from.",
    )
    return authorities(port(command))


def https_client(settings: Settings, ca_file: Path | None, port: int) -> HttpsClient:
    """How files are fetched; private addresses only when the nameserver was chosen on the command line."""
    from relay.net.client import tls_context
    from relay.net.https import HttpsClient

    client = HttpsClient(port, str(ca_file or ""), private=bool(settings.nameservers))
    try:
        tls_context(True, client.ca_file)
    except OSError as error:
        fail(f"--cafile {ca_file}: {error.strerror or error}", EXIT_USAGE)
    return client

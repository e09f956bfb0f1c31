"""``relay dev``: catch all mail on this machine and show it in the browser."""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relay.cli.logs import start_logging
from relay.cli.options import EXIT_USAGE, config_option, fail

if TYPE_CHECKING:
    from relay.server.app import Extras


SENDER = "info@bakker.example"  # the made-up tenant's (relay.server.dev)


@click.command("dev")
@config_option
@click.option(
    "--smtp",
    "smtp_port",
    type=click.IntRange(0, 65535),
    default=1025,
    show_default=True,
    help="SMTP port; 0 is any free one.",
)
@click.option(
    "--http",
    "http_port",
    type=click.IntRange(0, 65535),
    default=8025,
    show_default=True,
    help="Port of the page; 0 is any free one.",
)
@click.option("--tour", is_flag=True, help="Send an invoice through it and say what happens at each step.")
@click.option("--verbose", is_flag=True, help="Log every step.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when ready, and nothing else.")
def dev_command(smtp_port: int, http_port: int, tour: bool, verbose: bool, as_json: bool) -> None:
    """Everything on loopback with no configuration: catches all mail and shows it before and after.

    Nothing leaves this machine, and everything is gone when you stop it with Ctrl-C.
    """
    start_logging(logging.INFO if verbose else logging.ERROR)
    from relay.server.dev import dev_config, make_tenant, with_http_port
    from relay.server.processes import claim_ports, run_here
    from relay.server.smtp import ListenError

    with tempfile.TemporaryDirectory(prefix="relay-dev-") as folder:
        config = dev_config(Path(folder), smtp_port, http_port)
        try:
            sockets = claim_ports(config, reuse_port=False)
        except ListenError as error:
            fail(f"{error} (or choose others: relay dev --smtp PORT --http PORT)", EXIT_USAGE)
        smtp, http = sockets.smtp[0].getsockname()[1], sockets.http.getsockname()[1]
        config = with_http_port(config, http)
        credentials = make_tenant(config, time.time())
        place = Place(smtp, config.platform.base_url, credentials.username, credentials.password)
        run_here(config, sockets, partial(tell if as_json else greet, place, tour), place.extras())


@dataclass(frozen=True, slots=True)
class Place:
    """Where the running relay is reached, and as whom."""

    smtp: int
    page: str
    username: str
    password: str

    def extras(self) -> Extras:
        """The inbox, with its hints."""
        from relay.server.app import Extras

        return Extras(inbox=True, auth_without_tls=True, hints=tuple(self.hints().items()))

    def hints(self) -> dict[str, str]:
        """What somebody needs who wants to send a first mail."""
        return {
            "SMTP": f"127.0.0.1:{self.smtp} (STARTTLS offered, login required)",
            "Username": self.username,
            "Password": self.password,
            "Sender": f"{SENDER} (confirmed; any other address is asked first)",
            "Try it": self.try_it(),
        }

    def try_it(self) -> str:
        """A line to paste."""
        return (
            f"swaks --server 127.0.0.1:{self.smtp} --tls --auth-user {self.username} --auth-password {self.password}"
            f" --from {SENDER} --to klant@customer.example"
        )


def tell(place: Place, tour: bool) -> None:
    """Say where everything is, for a program."""
    del tour
    smtp = {"address": "127.0.0.1", "port": place.smtp, "username": place.username, "password": place.password}
    ready = {"ready": True, "smtp": smtp | {"sender": SENDER}, "http": {"url": place.page}}
    click.echo(json.dumps(ready))


def greet(place: Place, tour: bool) -> None:
    """Say where everything is; the tour runs beside the relay, as a client."""
    click.echo(click.style("relay dev", bold=True) + ": all mail is caught, nothing leaves this machine")
    click.echo()
    for label, value in {"Page": place.page, **place.hints()}.items():
        click.echo(f"  {label:<9} {value}")
    click.echo()
    if not tour:
        click.echo("Stop with Ctrl-C.")
        return
    from relay.cli.tour import Tour, run_tour

    guide = Tour(place.smtp, place.page, place.username, place.password)
    threading.Thread(target=run_tour, args=(guide,), daemon=True).start()

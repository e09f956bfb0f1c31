"""``relay serve``: the relay."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING

import click

from relay.cli.logs import start_logging
from relay.cli.options import EXIT_USAGE, config_option, fail, load_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relay.config import Config
    from relay.server.app import Sockets

log = logging.getLogger("relay.serve")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@click.command("serve")
@config_option
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes to share the work."
)
@click.option("--verbose", is_flag=True, help="Log every step.")
@click.pass_context
def serve_command(context: click.Context, processes: int, verbose: bool) -> None:
    """Run the relay until SIGTERM. Prints one JSON line when it is ready."""
    start_logging(logging.DEBUG if verbose else logging.INFO)
    config = load_config(context)
    from relay.config import ConfigError
    from relay.server.app import Extras
    from relay.server.processes import Supervisor, claim_ports, run_here
    from relay.server.smtp import ListenError
    from relay.store.database import StoreError

    try:
        prepare(config)
        sockets = claim_ports(config, reuse_port=processes > 1)
    except (ConfigError, ListenError, StoreError) as error:
        fail(str(error), EXIT_USAGE)
    for warning in warnings(config):
        log.warning(warning)
    if processes == 1:
        run_here(config, sockets, lambda: announce(config, sockets), Extras())
    else:
        Supervisor(config, sockets, Extras()).supervise(processes, lambda: announce(config, sockets))


def warnings(config: Config) -> Iterator[str]:
    """What a relay can run with, but hardly means to."""
    from relay.server.office import own_hostname

    if not config.dkim.keys:
        yield "no DKIM keys: mail leaves unsigned and much of it will be refused; see: relay key generate"
    if "." not in own_hostname(config.platform.hostname):
        yield "this machine has no full name, so servers may refuse its mail; set platform.hostname"
    if any(listener.auth == "none" for listener in config.listener) and not config.platform.postmaster:
        yield "mail to postmaster and abuse at your domains is refused (RFC 5321 4.5.1); set platform.postmaster"
    for listener in config.listener:
        if listener.address in LOOPBACK or listener.auth == "none":
            continue
        where = f"listener {listener.address} port {listener.port}"
        if listener.tls == "none":
            yield f'{where}: passwords cross the network in the clear; set tls = "starttls" or "implicit"'
        elif not listener.certificate:
            yield f"{where}: the certificate is self-signed, so apps must not check it; set certificate and key"


def prepare(config: Config) -> None:
    """Find out before the start what would fail later. Raises ConfigError or StoreError."""
    from relay.store.store import open_store

    prepare_files(config)
    open_store(config.database.url).close()


def prepare_files(config: Config) -> None:
    """Read the keys and certificates that the configuration names. Raises ConfigError."""
    from relay.server.app import Extras, listener_settings
    from relay.server.signer import load_signer

    load_signer(config)
    for listener in config.listener:
        listener_settings(config, listener, "localhost", Extras())


def announce(config: Config, sockets: Sockets) -> None:
    """The JSON line that says where everything listens."""
    smtp = [
        {"address": listener.address, "port": sock.getsockname()[1], "tls": listener.tls}
        for listener, sock in zip(config.listener, sockets.smtp, strict=True)
    ]
    http = {"address": config.http.address, "port": sockets.http.getsockname()[1]}
    print(json.dumps({"ready": True, "pid": os.getpid(), "smtp": smtp, "http": http}), flush=True)

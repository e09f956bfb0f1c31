"""``relay check``: one command a question, each imported only when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import click

from relay.cli.options import EXIT_USAGE, fail

if TYPE_CHECKING:
    from relay.config import Config
    from relay.net.dns import DnsResolver

CHECKS = {
    "address": ("relay.cli.check.address", "address_command"),
    "bimi": ("relay.cli.check.bimi", "bimi_command"),
    "dane": ("relay.cli.check.dane", "dane_command"),
    "dkim": ("relay.cli.check.dkim", "dkim_command"),
    "dmarc": ("relay.cli.check.dmarc", "dmarc_command"),
    "dnsbl": ("relay.cli.check.dnsbl", "dnsbl_command"),
    "domain": ("relay.cli.check.domain", "domain_command"),
    "message": ("relay.cli.check.message", "message_command"),
    "mta-sts": ("relay.cli.check.mta_sts", "mta_sts_command"),
    "mx": ("relay.cli.check.mx", "mx_command"),
    "platform": ("relay.cli.check.platform", "platform_command"),
    "ptr": ("relay.cli.check.ptr", "ptr_command"),
    "smtp": ("relay.cli.check.smtp", "smtp_command"),
    "spf": ("relay.cli.check.spf", "spf_command"),
    "tls-rpt": ("relay.cli.check.tls_rpt", "tls_rpt_command"),
}
SECONDS_A_TRY = 1.0

Command = TypeVar("Command", bound=Callable[..., Any])


class CheckGroup(click.Group):
    """Knows its checks by name; imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(name for name, (module, _) in CHECKS.items() if find_spec(module) is not None)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, name = CHECKS[cmd_name]
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.command("check", cls=CheckGroup)
def check_group() -> None:
    """Diagnose domains and addresses, with the exact record to publish.

    Exit code 0: fine, 1: a problem was found, 75: DNS did not answer, so it could not be determined.
    """


def dns_options(command: Command) -> Command:
    """``--nameserver`` and ``--dns-timeout``; make a resolver of them with `open_resolver`."""
    timeout = click.option(
        "--dns-timeout",
        metavar="SECONDS",
        type=click.FloatRange(0.05, 60),
        default=2.5,
        show_default=True,
        help="How long one name may take.",
    )
    servers = click.option(
        "--nameserver",
        "nameservers",
        metavar="HOST:PORT",
        multiple=True,
        help="Nameserver to ask (repeatable).  [default: from the configuration, else the system's]",
    )
    return servers(timeout(command))


def open_resolver(config: Config, nameservers: tuple[str, ...], dns_timeout: float) -> DnsResolver:
    """A resolver of its own for one check; a nameserver that cannot be one ends the command. What reads the answers is
    imported here, before any clock starts."""
    import dns.message
    import dns.rdtypes.ANY.TXT  # noqa: F401

    from relay.net.dns import DnsResolver

    chosen = nameservers or config.dns.nameservers
    for server in chosen:
        if not is_nameserver(server):
            fail(f"--nameserver {server}: an address with a port is needed, such as 192.0.2.1:53", EXIT_USAGE)
    return DnsResolver(chosen, dns_timeout, min(SECONDS_A_TRY, dns_timeout))


def is_nameserver(server: str) -> bool:
    """True for an address with a port that can be asked."""
    from ipaddress import ip_address

    from relay.net.dns import host_port

    try:
        host, port = host_port(server)
        ip_address(host)
    except ValueError:
        return False
    return 0 < port < 65536

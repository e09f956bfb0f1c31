"""The command ``relay``: one command group a file, each imported only when it is called."""

from __future__ import annotations

from importlib import import_module

import click

from relay import __version__
from relay.cli.options import config_option

COMMANDS = {
    "check": ("relay.cli.check", "check_group", "Diagnose domains and addresses, with the record to publish."),
    "config": ("relay.cli.config", "config_group", "Check, show or write the configuration."),
    "dev": ("relay.cli.dev", "dev_command", "Catch all mail on this machine and show it in the browser."),
    "dns": ("relay.cli.dns", "dns_command", "Print the DNS records that the platform must publish."),
    "document": ("relay.cli.document_rules", "document_group", "Document types: whom they reach, what stays inside."),
    "key": ("relay.cli.key", "key_group", "Make and list DKIM keys."),
    "login": ("relay.cli.login", "login_group", "Logins that apps use to hand in mail."),
    "message": ("relay.cli.message", "message_group", "What an app sent, what left, and what happened to it."),
    "queue": ("relay.cli.queue", "queue_group", "Deliveries that wait: list, retry, hold, release, cancel."),
    "recipient": ("relay.cli.recipient", "recipient_group", "Customer cards: which documents a recipient gets."),
    "rewrite": ("relay.cli.rewrite", "rewrite_command", "Rewrite a message as the relay would, without sending it."),
    "route": ("relay.cli.route", "route_group", "Which way a tenant's mail leaves: the platform, or its own server."),
    "sender": ("relay.cli.sender", "sender_group", "The verified-sender table."),
    "serve": ("relay.cli.serve", "serve_command", "Run the relay."),
    "suppression": ("relay.cli.suppression", "suppression_group", "Addresses to which nothing is sent, and why."),
    "webhook": ("relay.cli.webhook", "webhook_group", "Programs that are told by HTTP what becomes of mail."),
    "tenant": ("relay.cli.tenant", "tenant_group", "The platform's customers."),
    "test-mail": ("relay.cli.test_mail", "test_mail_command", "Send a test mail, each step told as it happens."),
}


class LazyGroup(click.Group):
    """Knows the names and short helps of its commands; imports one only to run it (start-up time)."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, _, help_text) in sorted(COMMANDS.items())])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="relay")
@config_option
def main() -> None:
    """A mail relay for software platforms: verified senders, exact rewriting, DKIM, a durable queue.

    Start with "relay dev": it catches all mail on this machine and shows what the relay makes of it.
    """

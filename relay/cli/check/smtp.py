"""``relay check smtp``."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from relay.cli.check.part import Settings, exit_code, part_json, part_options
from relay.cli.options import EXIT_USAGE, emit_json, fail

if TYPE_CHECKING:
    from relay.checks.own_server.question import Question


@dataclass(frozen=True, slots=True)
class Target:
    """A server as it was named: a host or an address, and a port, if one was named."""

    host: str
    port: int | None


class TargetType(click.ParamType["Target"]):
    """``HOST``, ``HOST:PORT``, ``[IPv6]:PORT``."""

    name = "host[:port]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        if isinstance(value, Target):
            return value
        host, port = split_target(str(value).strip())
        host = host_name(host.rstrip("."))
        if not host or (port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
            self.fail(
                f"{value!r} is no server: a name or an address is needed, such as mail.example.nl:587", param, ctx
            )
        return Target(host, int(port) if port else None)


def split_target(text: str) -> tuple[str, str | None]:
    """Host and port as they were written; an IPv6 address with a port stands in brackets."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":") if rest else None
    host, colon, port = text.rpartition(":")
    return (text, None) if text.count(":") != 1 or not colon else (host, port)


def host_name(text: str) -> str:
    """The name as DNS and certificates have it, or the address; empty for what can be neither."""
    from relay.checks.own_server.places import as_address
    from relay.cli.check.arguments import a_label

    if as_address(text):
        return text
    name = a_label(text).lower()
    labels = name.split(".")
    good = all(label.replace("-", "").replace("_", "").isalnum() and len(label) < 64 for label in labels)
    return name if name.isascii() and good and len(name) < 254 else ""


class SizeType(click.ParamType[int]):
    """A size such as ``25 MB``, in octets."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from relay.config.section import octets

        try:
            return octets(value if isinstance(value, int) else str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class AddressType(click.ParamType[str]):
    """An address, for MAIL or RCPT."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from relay.mail.address import AddressError, parse_address

        try:
            return str(parse_address(str(value))) if value else ""
        except AddressError:
            self.fail(f"{value!r} is no address, or has other letters than ASCII before the @", param, ctx)


@click.command("smtp")
@click.argument("target", metavar="HOST[:PORT]", type=TargetType())
@click.option(
    "--cafile",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Further certificate authorities (PEM).",
)
@click.option("--username", metavar="U", default="", help="Who signs in; its domain steers the advice.")
@click.option("--password-stdin", is_flag=True, help="Sign in with the password that stands on standard input.")
@click.option("--from", "sender", metavar="ADDR", type=AddressType(), default="", help="Would mail from ADDR be taken?")
@click.option("--to", "recipient", metavar="ADDR", type=AddressType(), default="", help="To whom.  [default: --from]")
@click.option("--timeout", metavar="S", type=click.FloatRange(1, 600), default=30.0, show_default=True, help="In all.")
@click.option("--size", metavar="N", type=SizeType(), default=0, help='Largest message, such as "25 MB".')
@part_options
def smtp_command(
    settings: Settings,
    target: Target,
    cafile: Path | None,
    username: str,
    password_stdin: bool,
    sender: str,
    recipient: str,
    timeout: float,
    size: int,
) -> None:
    """Check an SMTP server that mail is handed to: reachable, encrypted, genuine, and can one sign in?

    Without a port, and where the port does not work, 587, 465, 25 and 2525 are tried. No mail is ever sent; a password
    only goes out after the certificate was verified.
    """
    from relay.checks.own_server.question import Question
    from relay.server.office import own_hostname

    if password_stdin and not username:
        fail("--password-stdin: give --username too", EXIT_USAGE)
    if recipient and not sender:
        fail("--to: give --from too", EXIT_USAGE)
    question = Question(
        target.host,
        datetime.now(UTC),
        port=target.port,
        username=username,
        password=read_password() if password_stdin else "",
        ca_file=authorities(cafile),
        size=size,
        mail_from=sender,
        rcpt_to=recipient or sender,
        hello=own_hostname(settings.config.platform.hostname),
        seconds=timeout,
        system_names=not (settings.nameservers or settings.config.dns.nameservers),
    )
    answer_question(settings, question)


def answer_question(settings: Settings, question: Question) -> None:
    """Check, print, and end the command with its exit code."""
    from relay.checks.own_server.check import check_own_server
    from relay.checks.own_server.sentences import advice_texts

    asking = settings.asking()
    began = time.monotonic()
    answer = asyncio.run(check_own_server(asking, question))
    elapsed_ms = round((time.monotonic() - began) * 1000)
    settings.write_report(answer.part.subject, [answer.part], asking, elapsed_ms)
    if settings.as_json:
        found = part_json(answer.part, settings.language, elapsed_ms, asking.queries)
        emit_json(found | {"advice": advice_texts(answer, settings.language)})
    else:
        from relay.cli.check.smtp_text import echo_server

        echo_server(answer, settings.language)
    click.get_current_context().exit(exit_code(answer.part.findings))


def read_password() -> str:
    """The first line of standard input, without its line end only: blanks may be meant, or are to be pointed out."""
    return sys.stdin.readline().rstrip("\r\n")


def authorities(cafile: Path | None) -> str:
    """The file of authorities; one that holds no certificate ends the command."""
    from relay.net.client import tls_context

    try:
        tls_context(True, str(cafile or ""))
    except OSError as error:
        fail(f"--cafile {cafile}: no certificates can be read there ({error.strerror or error})", EXIT_USAGE)
    return str(cafile or "")

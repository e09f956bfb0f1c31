"""``relay rewrite``: the pure rewriting of messages in files; no signature, no trace field, nothing is sent.

A file whose header has CRLF line ends is taken as it would be on the wire, its body untouched. In one with LF line
ends, as editors and archives write them, every LF becomes CRLF first, as the SMTP listener does it.
"""

from __future__ import annotations

import json
import re
import secrets
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from relay.cli.options import EXIT_REFUSED, EXIT_USAGE, config_option, emit_json, fail, json_option, load_config
from relay.locales import catalog
from relay.mail.address import Address, AddressError, parse_address
from relay.mail.date import mail_date
from relay.mail.message import CRLF, BytesBody, Message, MessageError
from relay.mail.reply import Refusal, Reply, printable
from relay.mail.rewrite import RewritePolicy, Rewritten, resolve_platform_address, rewrite
from relay.mail.sender import Verified, admit

if TYPE_CHECKING:
    from relay.config import Config

EMPTY_LINE = re.compile(rb"(?:\A|\r?\n)\r?\n")
BARE_LF = re.compile(rb"(?<!\r)\n")


class Everyone(Verified):
    """What counts as verified when nobody was named: every address."""

    def __contains__(self, address: Address) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Desk:
    """What one run rewrites with."""

    known: Verified
    policy: RewritePolicy
    smtputf8: bool

    def rewrite(self, octets: bytes) -> Rewritten | Refusal:
        """What the relay would make of a message, with all events of it."""
        header, body = split_message(octets)
        try:
            message = Message.parse(header, BytesBody(body))
        except MessageError as error:
            return error.refusal
        admitted = admit(message, self.known, smtputf8=self.smtputf8)
        if isinstance(admitted, Refusal):
            return admitted
        message_id = f"<{secrets.token_hex(10)}@{self.policy.platform.domain}>"
        done = rewrite(message, admitted, self.known, self.policy, date=mail_date(time.time()), message_id=message_id)
        if isinstance(done, Refusal):
            return done
        return Rewritten(done.message, done.changes, (*admitted.events, *done.events))


@click.command("rewrite")
@click.argument("file", required=False, type=click.File("rb"))
@click.option("--company", metavar="NAME", default="", help="Name of the sending company.  [default: the platform's]")
@click.option("--platform", metavar="ADDR", help="The platform's address.  [default: from the configuration]")
@click.option("--verified", metavar="ADDR", multiple=True, help="A verified address (repeatable); without: all are.")
@click.option("--display-name", type=click.Choice(["company", "message"]), help="Name that the From shows.")
@click.option("--reply-to", type=click.Choice(["refuse", "drop"]), help="What to do with an unverified Reply-To.")
@click.option("--smtputf8", is_flag=True, help="Allow non-ASCII addresses, as SMTPUTF8 on MAIL FROM does.")
@click.option("--events", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write events as JSON.")
@click.option(
    "--batch",
    nargs=2,
    metavar="SRC DST",
    type=click.Path(path_type=Path, file_okay=False),
    help="Every file of SRC to DST/name, or to DST/name.refused.",
)
@config_option
@json_option
@click.pass_context
def rewrite_command(
    context: click.Context,
    /,
    file: BinaryIO | None,
    events: Path | None,
    batch: tuple[Path, Path] | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Rewrite the message in FILE (- is standard input) as the relay would, and print it.

    A refused message gives one line "550 5.x.y text" on standard error and exit code 65. LF line ends become CRLF.
    """
    if (file is None) == (batch is None):
        raise click.UsageError("name either one FILE (- is standard input) or --batch SRC DST")
    desk = open_desk(load_config(context), **settings)
    if batch is not None:
        rewrite_all(desk, *batch, events=events, as_json=as_json)
    elif file is not None:
        rewrite_one(desk, file.read(), events=events, as_json=as_json)


def open_desk(
    config: Config,
    *,
    company: str,
    platform: str | None,
    verified: tuple[str, ...],
    display_name: Any,
    reply_to: Any,
    smtputf8: bool,
) -> Desk:
    """The settings of a run; what was not said comes from the configuration. Ends the command for a bad address."""
    try:
        address = resolve_platform_address(platform or config.platform.address, slug(company))
        known = Verified(frozenset(parse_address(text, smtputf8=True).key for text in verified))
    except AddressError as error:
        text = catalog("en").text(f"reply.{error.topic}", field="--platform or --verified", sample=error.sample)
        fail(text.replace("\n", " "), EXIT_USAGE)
    policy = RewritePolicy(
        platform=address,
        platform_name=config.platform.name,
        company=company,
        display_name=display_name or config.policy.display_name,
        reply_to=reply_to or config.policy.reply_to,
    )
    return Desk(known if verified else Everyone(), policy, smtputf8)


def slug(company: str) -> str:
    """What stands for ``{tenant}`` in the platform's address here: the relay itself uses the tenant's id."""
    return re.sub(r"[^a-z0-9]+", "-", company.lower()).strip("-") or "tenant"


def split_message(octets: bytes) -> tuple[bytes, bytes]:
    """Header block and body of a file (see the top of this module for its line ends)."""
    empty = EMPTY_LINE.search(octets)
    if BARE_LF.search(octets, 0, empty.end() if empty else len(octets)):
        octets = BARE_LF.sub(CRLF, octets)
        empty = EMPTY_LINE.search(octets)
    return (octets[: empty.end()], octets[empty.end() :]) if empty else (octets, b"")


def rewrite_one(desk: Desk, octets: bytes, *, events: Path | None, as_json: bool) -> None:
    """One message to standard output, or its refusal to standard error."""
    done = desk.rewrite(octets)
    if events is not None:
        write_json(events, [] if isinstance(done, Refusal) else done.events)
    if as_json:
        emit_json(described(done))
    if isinstance(done, Refusal):
        click.echo(refusal_line(done), err=True)
        sys.exit(EXIT_REFUSED)
    if not as_json:
        sys.stdout.buffer.write(message_octets(done))


def rewrite_all(desk: Desk, source: Path, target: Path, *, events: Path | None, as_json: bool) -> None:
    """Every file of a directory to another. A refusal is a result here, not a failure: exit code 0."""
    if not source.is_dir():
        fail(f"{source}: there is no such directory", EXIT_USAGE)
    target.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in source.iterdir() if path.is_file())
    found: dict[str, tuple[str, ...]] = {}
    refused: dict[str, str] = {}
    for path in progress(files):
        done = desk.rewrite(path.read_bytes())
        if isinstance(done, Refusal):
            refused[path.name] = refusal_line(done)
            (target / f"{path.name}.refused").write_text(refused[path.name] + "\n", "ascii")
        else:
            found[path.name] = done.events
            (target / path.name).write_bytes(message_octets(done))
    if events is not None:
        write_json(events, found)
    if as_json:
        emit_json({"rewritten": found, "refused": refused})
    else:
        click.echo(f"{len(found)} rewritten, {len(refused)} refused", err=True)


def progress(files: list[Path]) -> Iterator[Path]:
    """The files, with a bar on standard error while they last if that is a terminal."""
    with click.progressbar(files, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield from bar


def message_octets(done: Rewritten) -> bytes:
    """The message as it would go on the wire, but for dot-stuffing."""
    return b"".join((done.message.header, CRLF, *done.message.body.chunks()))


def refusal_line(refusal: Refusal) -> str:
    """``550 5.x.y text`` in English on one line of ASCII."""
    text = catalog("en").text(f"reply.{refusal.topic}", **refusal.params)
    return printable(Reply(refusal.code, refusal.enhanced, tuple(text.split("\n"))).text)


def described(done: Rewritten | Refusal) -> dict[str, object]:
    """A result for ``--json``; the message itself as text, its octets read as latin-1 where they are not UTF-8."""
    if isinstance(done, Refusal):
        return {"refused": refusal_line(done), "topic": done.topic, "changes": [], "events": []}
    octets = message_octets(done)
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        text = octets.decode("latin-1")
    return {"message": text, "changes": [asdict(change) for change in done.changes], "events": list(done.events)}


def write_json(path: Path, data: object) -> None:
    """Write one JSON document."""
    path.write_text(json.dumps(data, ensure_ascii=False) + "\n", "utf-8")

"""``relay message``: what an app sent, what left, and what happened to it."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import database, moment
from relay.cli.delivery import attempt_json, find_message, print_row, queue_row, row_json, shown
from relay.cli.options import config_option, emit_json, fail, json_option

if TYPE_CHECKING:
    from relay.mail.delivery import Attempt
    from relay.store.model import QueueRow, StoredMessage
    from relay.store.store import Store

Tries = list[tuple["QueueRow", list["Attempt"]]]


@click.group("message")
@config_option
def message_group() -> None:
    """What an app sent, what left, and what happened to it."""


@message_group.command("show")
@click.argument("identifier", metavar="ID")
@click.option("--original", "form", flag_value="original", help="The message as the app sent it, byte for byte.")
@click.option("--sent", "form", flag_value="sent", help="The message as it left, byte for byte.")
@click.option("--diff", "form", flag_value="diff", help="The header lines that differ.")
@config_option
@json_option
@click.pass_context
def show(context: click.Context, identifier: str, form: str | None, as_json: bool) -> None:
    """Print the message ID (or that of the delivery ID): what came, what left, what changed and why."""
    with database(context) as store, store.transaction(write=False):
        message = find_message(store, identifier)
        tries = tries_of(store, message)
        answers = store.answers(message.id)
        if as_json:
            emit_json({**message_json(message, tries), "answers": answers})
        elif form is None:
            print_message(message, tries)
            print_answers(answers)
        elif form == "diff":
            print_diff(message)
        else:
            print_raw(store, message, message.original_header if form == "original" else message.header)


@message_group.command("log")
@click.argument("identifier", metavar="ID")
@config_option
@json_option
@click.pass_context
def log(context: click.Context, identifier: str, as_json: bool) -> None:
    """Print how the message ID came in and every attempt to deliver it, with all that was said.

    What was said is kept of attempts that did not deliver; of all of them with delivery.conversation = "all". Passwords
    are masked, and of the message there is only its size.
    """
    with database(context) as store, store.transaction(write=False):
        message = find_message(store, identifier)
        tries = tries_of(store, message)
        said = {row.id: store.conversations(row.id) for row, _ in tries}
    now = time.time()
    if as_json:
        deliveries = [
            {**row_json(row, now), "log": [attempt_json(each, said[row.id].get(each.number, ())) for each in made]}
            for row, made in tries
        ]
        emit_json({**facts(message), "deliveries": deliveries})
        return
    login = f" by {message.login}" if message.login else ""
    peer = f" from {message.peer}" if message.peer else ""
    click.echo(f"{message.id}  {message.kind} accepted {moment(message.received_at)}{login}{peer}")
    for row, made in tries:
        print_row(row, made, now, said[row.id])


def tries_of(store: Store, message: StoredMessage) -> Tries:
    """The deliveries of a message, each with its attempts."""
    return [(queue_row(each, message), store.attempts(each.id)) for each in store.deliveries(message.id)]


def message_json(message: StoredMessage, tries: Tries) -> dict[str, Any]:
    """A message as JSON."""
    now = time.time()
    return {
        **facts(message),
        "original": side_json(message.original_header),
        "sent": side_json(message.header),
        "changes": [
            {
                "field": change.field,
                "before": change.before,
                "after": change.after,
                "reason": reason(change.reason),
                "code": change.reason,
            }
            for change in message.changes
        ],
        "deliveries": [row_json(row, now) for row, _ in tries],
        "attempts": [
            {"delivery": row.id, "to": row.recipient, **attempt_json(attempt)}
            for row, made in tries
            for attempt in made
        ],
    }


def facts(message: StoredMessage) -> dict[str, Any]:
    """What is known of a message besides its text."""
    return {
        "id": message.id,
        "kind": message.kind.value,
        "tenant": message.tenant_id,
        "login": message.login or None,
        "peer": message.peer or None,
        "from": message.author,
        "subject": message.subject,
        "document": message.document,
        "route": message.route.value,
        "received_at": message.received_at,
        "body_size": message.body_size,
        "events": list(message.events),
    }


def side_json(header: bytes) -> dict[str, Any]:
    """One side of the comparison: the fields that people ask for, and all of them in order."""
    from relay.mail.message import split_fields

    fields = [(field.name, field.value.decode("utf-8", "replace")) for field in split_fields(header)]
    asked = {"from": None, "reply_to": None, "to": None, "cc": None, "subject": None, "date": None, "message_id": None}
    for name, value in reversed(fields):
        key = name.lower().replace("-", "_")
        if key in asked:
            asked[key] = value  # type: ignore[assignment]
    headers = [{"name": name, "value": value} for name, value in fields]
    return {**asked, "headers": headers, "raw": header.decode("utf-8", "replace")}


def reason(key: str) -> str:
    """Why a field was changed, as a sentence."""
    from relay.locales import catalog

    sentences = catalog("en")
    return sentences.text(f"reason.{key}") if f"reason.{key}" in sentences else key


def print_message(message: StoredMessage, tries: Tries) -> None:
    """A message, for people."""
    for name, value in facts(message).items():
        if value not in (None, "", []):
            click.echo(f"{name:<12} {moment(value) if name == 'received_at' else shown(str(value))}")
    for change in message.changes:
        click.echo(f"\n{change.field}: {reason(change.reason)}")
        for sign, colour, text in (("-", "red", change.before), ("+", "green", change.after)):
            for line in (text or "").splitlines():
                click.secho(f"  {sign} {shown(line)}", fg=colour)
    click.echo()
    for row, made in tries:
        print_row(row, made, time.time())


def print_answers(answers: dict[str, int]) -> None:
    """What came to the platform's address in answer to a message, where something did."""
    if answers:
        counted = ", ".join(f"{count} {kind}" for kind, count in answers.items())
        click.echo(f"\nAnswers that came to the platform's address: {counted}")


def print_diff(message: StoredMessage) -> None:
    """The header as it came and as it left, as a unified diff; coloured on a terminal."""
    colours = {"-": "red", "+": "green", "@": "cyan"}
    for line in difflib.unified_diff(
        readable(message.original_header), readable(message.header), "original", "sent", lineterm="", n=1
    ):
        click.secho(line, fg=colours.get(line[:1]))


def readable(header: bytes) -> list[str]:
    """The lines of a header."""
    return [shown(line) for line in header.decode("utf-8", "replace").split("\r\n")[:-1]]


def print_raw(store: Store, message: StoredMessage, header: bytes) -> None:
    """A message as it is on the wire, to standard output."""
    output = sys.stdout.buffer
    output.write(header + b"\r\n")
    octets = 0
    for chunk in body_of(store, message.id):
        output.write(chunk)
        octets += len(chunk)
    output.flush()
    if octets != message.body_size:
        fail(f"the body of {message.id} is not kept any longer; this was the header")


def body_of(store: Store, message_id: str) -> Iterator[bytes]:
    """The pieces of a body."""
    number = 0
    while (chunk := store.read_chunk(message_id, number)) is not None:
        yield chunk
        number += 1

"""``relay queue``: deliveries that wait."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from relay.cli.database import database, find_tenant, lasting
from relay.cli.delivery import attempt_json, due, find_rows, print_row, row_json, shown
from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, table

if TYPE_CHECKING:
    from relay.store.model import QueueRow
    from relay.store.store import Store

STATES = ("queued", "held", "delivered", "failed", "cancelled")
WIDTH = 79  # characters of a line
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
Command = TypeVar("Command", bound=Callable[..., Any])
Change = Callable[["Store", Sequence[str], float], int]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries a command is about; None lets everything pass."""

    tenant: str | None
    domain: str | None
    state: str | None
    age: float | None

    @property
    def empty(self) -> bool:
        """True when it lets everything pass."""
        return self == Filter(None, None, None, None)

    def rows(self, store: Store, limit: int | None = None) -> list[QueueRow]:
        """The deliveries that pass, of those that wait or of those in the final state that is asked for."""
        from relay.mail.delivery import State

        return store.queue(
            tenant_id=find_tenant(store, self.tenant).id if self.tenant else None,
            domain=self.domain.lower() if self.domain else None,
            state=State(self.state) if self.state else None,
            created_before=None if self.age is None else time.time() - self.age,
            limit=limit,
        )


def as_duration(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """Callback of an option that is a length of time (90s, 30m, 4h, 2d); in seconds."""
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", value)
    if match is None:
        raise click.BadParameter(f'"{value}" is not a length of time; write 90s, 30m, 4h or 2d')
    return float(int(match[1]) * UNITS[match[2]])


def filters(command: Command) -> Command:
    """The options that make a `Filter` (argument ``which``)."""

    @functools.wraps(command)
    def wrapped(*args: Any, tenant: Any, domain: Any, state: Any, age: Any, **rest: Any) -> Any:
        return command(*args, which=Filter(tenant, domain, state, age), **rest)

    filtered: Command = with_options(
        wrapped,
        click.option("--tenant", help="Mail of this tenant (identifier or name)."),
        click.option("--domain", help="To recipients in this domain."),
        click.option("--state", type=click.Choice(STATES), help="In this state (default: queued and held)."),
        click.option("--age", callback=as_duration, metavar="TIME", help="At least that old: 90s, 30m, 4h, 2d."),
    )
    return filtered


def changes(command: Command) -> Command:
    """The arguments of a command that changes deliveries: which ones, and whether to ask first."""
    changing: Command = with_options(
        command,
        click.argument("identifiers", metavar="[ID]...", nargs=-1),
        filters,
        click.option("--all", "everything", is_flag=True, help="Whatever waits."),
        click.option("--yes", is_flag=True, help="Do not ask."),
        config_option,
        json_option,
        click.pass_context,
    )
    return changing


def with_options(command: Any, *decorators: Callable[[Any], Any]) -> Any:
    """A command under several decorators, the first one outermost."""
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


@click.group("queue")
@config_option
def queue_group() -> None:
    """Deliveries that wait: list, retry, hold, release, cancel."""


@queue_group.command("list")
@filters
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@config_option
@json_option
@click.pass_context
def list_queue(context: click.Context, which: Filter, limit: int | None, as_json: bool) -> None:
    """Print what waits, the oldest first; with --state what came to that end, the newest first."""
    with database(context) as store:
        rows = which.rows(store, limit)
    now = time.time()
    if as_json:
        emit_json([row_json(row, now) for row in rows])
    elif not rows:
        click.echo("Nothing waits." if which.empty else "No delivery fits.")
    else:
        lines = ((row.id, row.state, lasting(now - row.created_at), row.attempts, due(row, now)) for row in rows)
        table(
            ("ID", "STATE", "AGE", "TRIES", "NEXT", "TO"),
            [(*line, shown(row.recipient)) for line, row in zip(lines, rows, strict=True)],
            [last_words(row) for row in rows],
        )


def last_words(row: QueueRow) -> str:
    """The second line of a delivery: whose it is, and what was said last."""
    said = f": {shown(row.last_reply)}" if row.last_reply else ""
    line = f"    from {shown(row.author)}{said}"
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


@queue_group.command("show")
@click.argument("identifier", metavar="ID")
@config_option
@json_option
@click.pass_context
def show(context: click.Context, identifier: str, as_json: bool) -> None:
    """Print the delivery ID, or all deliveries of the message ID, with every attempt."""
    with database(context) as store, store.transaction(write=False):
        found = [(row, store.attempts(row.id)) for row in find_rows(store, identifier)]
    now = time.time()
    if as_json:
        emit_json([{**row_json(row, now), "log": [attempt_json(each) for each in tries]} for row, tries in found])
    else:
        for row, tries in found:
            print_row(row, tries, now)


@queue_group.command("retry")
@changes
def retry(context: click.Context, **chosen: Any) -> None:
    """Try at once: the deliveries or messages named, or those that pass the filters."""
    change(context, lambda store, ids, now: store.retry(ids, now), {"queued"}, **chosen)


@queue_group.command("hold")
@changes
def hold(context: click.Context, **chosen: Any) -> None:
    """Keep back until released: the deliveries or messages named, or those that pass the filters."""
    change(context, lambda store, ids, now: store.hold(ids, now), {"queued"}, **chosen)


@queue_group.command("release")
@changes
def release(context: click.Context, **chosen: Any) -> None:
    """Let held deliveries go, at once: those named, or those that pass the filters."""
    change(context, lambda store, ids, now: store.release_held(ids, now), {"held"}, **chosen)


@queue_group.command("cancel")
@changes
def cancel(context: click.Context, **chosen: Any) -> None:
    """End for good: the deliveries or messages named, or those that pass the filters.

    One that is being sent at this moment may still arrive.
    """
    change(context, lambda store, ids, now: store.cancel(ids, now), {"queued", "held"}, **chosen)


def change(
    context: click.Context,
    act: Change,
    states: Collection[str],
    *,
    identifiers: Sequence[str],
    which: Filter,
    everything: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Do ``act`` to what was chosen and is in one of ``states``; what was chosen by a filter is counted and asked."""
    if sum((bool(identifiers), not which.empty, everything)) != 1:
        fail("name deliveries, or filter them, or say --all", EXIT_USAGE)
    with database(context) as store:
        rows = [row for each in identifiers for row in find_rows(store, each)] if identifiers else which.rows(store)
        ids = [row.id for row in rows if row.state in states]
        if identifiers and not ids:
            fail(f"nothing done: {', '.join(f'{row.id} is {row.state}' for row in rows)}")
        if ids and not identifiers and not yes:
            click.confirm(f"{context.info_name} {len(ids)} deliveries?", abort=True, err=True)
        with store.transaction():
            count = act(store, ids, time.time())
    if as_json:
        emit_json({"deliveries": count})
    else:
        click.echo(f"{context.info_name}: {count} deliveries")

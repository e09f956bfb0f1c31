"""``relay document``: which types there are for a tenant, whom they reach, and how they are recognised."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import as_addresses, database, find_tenant
from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, load_config, table

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.document import Guard, Handling, Rule

PLACES = click.Choice(("subject", "attachment"))


@click.group("document")
@config_option
def document_group() -> None:
    """Document types of a tenant: further recipients, and what stays inside the company."""


@document_group.command("set")
@click.argument("tenant")
@click.argument("document", metavar="TYPE")
@click.option("--to", "to", multiple=True, callback=as_addresses, metavar="ADDR", help="Also goes to (repeatable).")
@click.option("--cc", "cc", multiple=True, callback=as_addresses, metavar="ADDR", help="Copy to, seen by all.")
@click.option("--bcc", "bcc", multiple=True, callback=as_addresses, metavar="ADDR", help="Copy to, seen by nobody.")
@click.option(
    "--internal-only",
    type=click.Choice(("redirect", "refuse", "off")),
    help="Only the addresses given here get it: redirect mail to them, or refuse it.  [default: as the type has it]",
)
@config_option
@json_option
@click.pass_context
def set_rule(
    context: click.Context,
    tenant: str,
    document: str,
    to: tuple[Address, ...],
    cc: tuple[Address, ...],
    bcc: tuple[Address, ...],
    internal_only: str | None,
    as_json: bool,
) -> None:
    """Set the rule of TENANT for TYPE, in place of the one that is there.

    Without options the rule is taken away, and the type is handled as everywhere.
    """
    from relay.mail.document import Guard, Rule

    kind = known_type(context, document)
    rule = Rule(to, cc, bcc, Guard(internal_only) if internal_only else None)
    with database(context) as store, store.transaction():
        found = find_tenant(store, tenant)
        if rule == Rule():
            store.drop_document_rule(found.id, document)
        else:
            store.put_document_rule(found.id, document, rule)
    if as_json:
        emit_json(rule_json(document, rule, kind))
        return
    click.echo(f"{found.name}: {document}: {sentence(rule, kind)}")


@document_group.command("list")
@click.argument("tenant")
@config_option
@json_option
@click.pass_context
def list_rules(context: click.Context, tenant: str, as_json: bool) -> None:
    """Print all types with the rules of TENANT, and its patterns."""
    from relay.mail.document import Rule

    known = load_config(context).document_types
    with database(context) as store, store.transaction(write=False):
        handling = store.handling(find_tenant(store, tenant).id)
    rules = {name: handling.rules.get(name, Rule()) for name in known}
    if as_json:
        emit_json(
            {
                "documents": [rule_json(name, rule, known[name]) for name, rule in rules.items()],
                **choices_json(handling),
            }
        )
        return
    table(("TYPE", "INTERNAL ONLY", "TO", "CC", "BCC"), [row(name, rule, known[name]) for name, rule in rules.items()])
    for pattern in handling.patterns:
        click.echo(f"{pattern.place} {pattern.text!r} -> {pattern.document}")
    click.echo(f"not ticked on a customer card: {handling.unticked}")
    click.echo(f"copy of everything to: {handling.copy_to or '-'}")


@document_group.command("pattern")
@click.argument("tenant")
@click.argument("document", metavar="TYPE")
@click.argument("place", type=PLACES)
@click.argument("text")
@click.option("--remove", is_flag=True, help="Try this pattern no more.")
@config_option
@click.pass_context
def set_pattern(context: click.Context, tenant: str, document: str, place: str, text: str, remove: bool) -> None:
    """Take mail of TENANT for TYPE where the subject, or the name of an attachment, fits TEXT.

    In TEXT * stands for any text and ? for one character, whatever the case: "*werkbon*". Patterns are tried in the
    order in which they were made; what the app says in X-Relay-Document comes before them.
    """
    from relay.mail.document import Pattern

    known_type(context, document)
    with database(context) as store, store.transaction():
        found = find_tenant(store, tenant)
        if remove:
            if not store.drop_document_pattern(found.id, place, text):
                fail(f"{found.name} has no such pattern")
        else:
            store.put_document_pattern(found.id, Pattern(place, text, document), time.time())
    click.echo(f"{found.name}: {place} {text!r} {'is no pattern any more' if remove else f'-> {document}'}")


def known_type(context: click.Context, document: str) -> Guard:
    """Whether a type stays inside by itself; ends the command when there is no such type."""
    known = load_config(context).document_types
    if document not in known:
        fail(f"{document}: no such document type; known are {', '.join(known)}", EXIT_USAGE)
    return known[document]


def sentence(rule: Rule, kind: Guard) -> str:
    """A rule for people."""
    guard = rule.guard or kind
    parts = [f"{name} {', '.join(map(str, found))}" for name, found in recipients(rule).items() if found]
    reached = "; ".join(parts)
    if guard == "off":
        return f"goes to its recipients{f' and {reached}' if reached else ''}"
    if not reached:
        return f"stays inside ({guard}), but no addresses are set: all such mail is refused"
    return f"stays inside ({guard}): only {reached}"


def recipients(rule: Rule) -> dict[str, tuple[Address, ...]]:
    """The addresses of a rule by where they stand."""
    return {"to": rule.to, "cc": rule.cc, "bcc": rule.bcc}


def row(name: str, rule: Rule, kind: Guard) -> tuple[str, ...]:
    """A line of the list."""
    return name, rule.guard or kind, *(", ".join(map(str, found)) or "-" for found in recipients(rule).values())


def rule_json(name: str, rule: Rule, kind: Guard) -> dict[str, Any]:
    """A type with its rule as JSON."""
    addresses = {place: [str(address) for address in found] for place, found in recipients(rule).items()}
    return {"document": name, "internal_only": (rule.guard or kind).value, **addresses}


def choices_json(handling: Handling) -> dict[str, Any]:
    """What holds for all types as JSON."""
    return {
        "patterns": [{"place": each.place, "text": each.text, "document": each.document} for each in handling.patterns],
        "unticked": handling.unticked.value,
        "copy_to": str(handling.copy_to) if handling.copy_to else None,
    }

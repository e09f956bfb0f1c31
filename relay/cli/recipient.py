"""``relay recipient``: customer cards, which say what documents a recipient gets and who gets them as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from relay.cli.database import as_address, as_addresses, database, find_tenant
from relay.cli.options import EXIT_USAGE, config_option, emit_json, fail, json_option, load_config, table

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.mail.document import Card


@click.group("recipient")
@config_option
def recipient_group() -> None:
    """Customer cards: which documents a recipient gets, and who gets them as well."""


@recipient_group.command("set")
@click.argument("tenant")
@click.argument("address", callback=as_address)
@click.option("--documents", metavar="TYPE,…", help="The types that it gets, separated by commas.  [default: all]")
@click.option("--also-to", multiple=True, callback=as_addresses, metavar="ADDR", help="Goes there too (repeatable).")
@click.option("--cc", multiple=True, callback=as_addresses, metavar="ADDR", help="Copy to, seen by all (repeatable).")
@config_option
@json_option
@click.pass_context
def set_card(
    context: click.Context,
    tenant: str,
    address: Address,
    documents: str | None,
    also_to: tuple[Address, ...],
    cc: tuple[Address, ...],
    as_json: bool,
) -> None:
    """Set the customer card of ADDRESS at TENANT, in place of the one that is there.

    Mail of a type that is not ticked is refused, or goes to the other recipients only: "relay tenant set --unticked".
    """
    from relay.mail.document import Card

    card = Card(ticked(context, documents), also_to, cc)
    with database(context) as store, store.transaction():
        found = find_tenant(store, tenant)
        store.put_customer_card(found.id, address, card)
    if as_json:
        emit_json(card_json(str(address), card))
    else:
        click.echo(f"{found.name}: {address} gets {documents_text(card)}")


@recipient_group.command("list")
@click.argument("tenant")
@config_option
@json_option
@click.pass_context
def list_cards(context: click.Context, tenant: str, as_json: bool) -> None:
    """Print all customer cards of TENANT."""
    with database(context) as store, store.transaction(write=False):
        cards = store.customer_cards(find_tenant(store, tenant).id)
    if as_json:
        emit_json([card_json(address, card) for address, card in cards])
        return
    rows = [(address, documents_text(card), joined(card.also_to), joined(card.cc)) for address, card in cards]
    table(("RECIPIENT", "DOCUMENTS", "ALSO TO", "CC"), rows)


@recipient_group.command("remove")
@click.argument("tenant")
@click.argument("address", callback=as_address)
@config_option
@click.pass_context
def remove_card(context: click.Context, tenant: str, address: Address) -> None:
    """Take the customer card of ADDRESS away: it gets all types again, and nobody gets them with it."""
    with database(context) as store, store.transaction():
        found = find_tenant(store, tenant)
        if not store.drop_customer_card(found.id, address):
            fail(f"{found.name} has no card of {address}")
    click.echo(f"{found.name}: {address} has no card any more")


def ticked(context: click.Context, text: str | None) -> frozenset[str] | None:
    """The types in a list; ends the command for one that there is not. None: all."""
    if text is None:
        return None
    known = load_config(context).document_types
    chosen = frozenset(name.strip() for name in text.split(",") if name.strip())
    if unknown := sorted(chosen - known.keys()):
        fail(f"{unknown[0]}: no such document type; known are {', '.join(known)}", EXIT_USAGE)
    return chosen


def documents_text(card: Card) -> str:
    """The types of a card in a line."""
    return ", ".join(sorted(card.documents or ())) or ("all documents" if card.documents is None else "no documents")


def joined(addresses: tuple[Address, ...]) -> str:
    """Addresses in a line."""
    return ", ".join(map(str, addresses)) or "-"


def card_json(address: str, card: Card) -> dict[str, Any]:
    """A card as JSON; ``documents`` null: all."""
    return {
        "address": address,
        "documents": sorted(card.documents) if card.documents is not None else None,
        "also_to": [str(each) for each in card.also_to],
        "cc": [str(each) for each in card.cc],
    }

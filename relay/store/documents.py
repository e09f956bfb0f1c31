"""What tenants choose about documents (rules F). Every function is a method of `relay.store.Store`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from relay.mail.document import Card, Guard, Handling, Pattern, Rule, Unticked

if TYPE_CHECKING:
    from relay.mail.address import Address
    from relay.store.database import Row
    from relay.store.session import Session


def handling(store: Session, tenant_id: str, recipients: Iterable[Address] = (), login: str = "") -> Handling:
    """What a tenant chose, with the customer cards of ``recipients``, for mail that ``login`` hands in."""
    row = store.database.one("tenant_choices", tenant_id=tenant_id, login=login)
    assert row is not None
    unticked, copy_to, has_rules, has_patterns, has_cards, own_server = row
    return Handling(
        rules=document_rules(store, tenant_id) if has_rules else {},
        patterns=document_patterns(store, tenant_id) if has_patterns else (),
        cards=cards_of(store, tenant_id, recipients) if has_cards else {},
        unticked=Unticked(unticked or Unticked.REFUSE),
        copy_to=stored_address(copy_to) if copy_to else None,
        own_server=bool(own_server),
    )


def put_document_choice(store: Session, tenant_id: str, unticked: Unticked, copy_to: Address | None) -> None:
    """Set what holds for all documents of a tenant."""
    store.database.run("put_document_choice", tenant_id=tenant_id, unticked=unticked.value, copy_to=str(copy_to or ""))


def document_rules(store: Session, tenant_id: str) -> dict[str, Rule]:
    """The rules of a tenant by type."""
    return {row[0]: rule_of(row) for row in store.database.all("document_rules", tenant_id=tenant_id)}


def rule_of(row: Row) -> Rule:
    """A rule from its row."""
    return Rule(read(row[1]), read(row[2]), read(row[3]), Guard(row[4]) if row[4] else None)


def put_document_rule(store: Session, tenant_id: str, document: str, rule: Rule) -> None:
    """Set the rule of a tenant for a type."""
    store.database.run(
        "put_document_rule",
        tenant_id=tenant_id,
        document=document,
        to_addresses=written(rule.to),
        cc_addresses=written(rule.cc),
        bcc_addresses=written(rule.bcc),
        internal_only=rule.guard.value if rule.guard else None,
    )


def drop_document_rule(store: Session, tenant_id: str, document: str) -> bool:
    """Back to what holds for the type; False when there was no rule."""
    return store.database.run("drop_document_rule", tenant_id=tenant_id, document=document) > 0


def document_patterns(store: Session, tenant_id: str) -> tuple[Pattern, ...]:
    """The patterns of a tenant, in the order in which they are tried."""
    return tuple(Pattern(*row) for row in store.database.all("document_patterns", tenant_id=tenant_id))


def put_document_pattern(store: Session, tenant_id: str, pattern: Pattern, now: float) -> None:
    """Try a pattern after those that are there; one that is there already keeps its place."""
    store.database.run(
        "put_document_pattern",
        tenant_id=tenant_id,
        place=pattern.place,
        pattern=pattern.text,
        document=pattern.document,
        now=now,
    )


def drop_document_pattern(store: Session, tenant_id: str, place: str, text: str) -> bool:
    """Try a pattern no more; False when there was none."""
    return store.database.run("drop_document_pattern", tenant_id=tenant_id, place=place, pattern=text) > 0


def cards_of(store: Session, tenant_id: str, recipients: Iterable[Address]) -> dict[str, Card]:
    """The customer cards of some recipients, by `Address.key`."""
    keys = {address.key for address in recipients}
    rows = {key: store.database.one("customer_card", tenant_id=tenant_id, address_key=key) for key in keys}
    return {key: card_of(row) for key, row in rows.items() if row}


def customer_cards(store: Session, tenant_id: str) -> list[tuple[str, Card]]:
    """All customer cards of a tenant with their addresses, in alphabetical order."""
    return [(row[0], card_of(row)) for row in store.database.all("customer_cards", tenant_id=tenant_id)]


def card_of(row: Row) -> Card:
    """A card from its row."""
    return Card(frozenset(json.loads(row[1])) if row[1] is not None else None, read(row[2]), read(row[3]))


def put_customer_card(store: Session, tenant_id: str, address: Address, card: Card) -> None:
    """Set the customer card of a recipient."""
    store.database.run(
        "put_customer_card",
        tenant_id=tenant_id,
        address_key=address.key,
        address=str(address),
        documents=json.dumps(sorted(card.documents)) if card.documents is not None else None,
        to_addresses=written(card.also_to),
        cc_addresses=written(card.cc),
    )


def drop_customer_card(store: Session, tenant_id: str, address: Address) -> bool:
    """Take a customer card away; False when there was none."""
    return store.database.run("drop_customer_card", tenant_id=tenant_id, address_key=address.key) > 0


def written(addresses: Iterable[Address]) -> str:
    """Addresses as they are kept."""
    return json.dumps([str(address) for address in addresses])


def read(text: str) -> tuple[Address, ...]:
    """Addresses as they were kept."""
    return tuple(map(stored_address, json.loads(text)))


def stored_address(text: str) -> Address:
    """An address that was parsed before it was kept."""
    from relay.mail.address import Address  # noqa: PLC0415 - commands that know no address need not load IDNA

    local, _, domain = text.rpartition("@")
    return Address(local, domain)

"""The test mail itself: as an app of the tenant would hand it in, from the tenant's own address, without any link."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relay.locales import Catalog, catalog
from relay.mail.compose import compose
from relay.mail.date import mail_date
from relay.mail.message import Field, Message
from relay.mail.name import clean_name
from relay.mail.route import RouteKind
from relay.mail.text import decode_unstructured, encode_unstructured, print_mailboxes
from relay.server.letter import Block, Facts, Note, Paragraph
from relay.server.notices import company_name, letter, written_date

if TYPE_CHECKING:
    from relay.config import Platform
    from relay.mail.address import Address
    from relay.mail.tenant import Tenant


@dataclass(frozen=True, slots=True)
class Leaving:
    """How it will leave: ``way`` names a sentence of ``mail.test.way``, ``server`` is the own server where that is the
    way, ``author`` the value of the From that recipients see."""

    way: str
    server: str
    author: bytes


def test_letter(
    platform: Platform,
    tenant: Tenant,
    author: Address,
    to: Address,
    leaving: Leaving | None,
    *,
    now: float,
    message_id: str,
) -> Message:
    """The mail; a draft without the facts while it is not known how it will leave."""
    words = catalog(tenant.locale)
    written = print_mailboxes("From", [(clean_name(tenant.name)[0], author)])
    known = {"company": company_name(platform, tenant, words), "platform": platform.name}
    fields = [
        Field.make("From", written),
        Field.make("To", print_mailboxes("To", [("", to)])),
        Field.make("Subject", encode_unstructured("Subject", words.text("mail.test.subject", **known))),
        Field.make("Date", mail_date(now)),
        Field.make("Message-ID", message_id),
        Field.make("Auto-Submitted", "auto-generated"),
        Field.make("Content-Language", words.language),  # RFC 3282
    ]
    blocks: list[Block] = [
        Paragraph(words.text("mail.test.intro", **known)),
        Facts([*facts(known, author, written, leaving, now, words)]),
        Paragraph(words.text("mail.test.arrived", **known)),
        Note(words.text("mail.test.note", **known)),
    ]
    return compose(fields, letter(words.text("mail.test.title", **known), blocks, platform, words, seed=message_id))


def facts(
    known: dict[str, str], author: Address, written: bytes, leaving: Leaving | None, now: float, words: Catalog
) -> Iterator[tuple[str, str]]:
    """By which way, from whom before and after, who gets the answers, and when."""
    before = unfolded(written)
    if leaving is None or (after := unfolded(leaving.author)) == before:
        yield words.text("mail.test.unchanged"), before
    else:
        yield words.text("mail.test.before"), before
        yield words.text("mail.test.after"), after
        yield words.text("mail.test.answers"), str(author)
    if leaving is not None:
        yield words.text("mail.test.route"), words.text(f"mail.test.way.{leaving.way}", server=leaving.server, **known)
    yield words.text("mail.test.made"), written_date(now, words)


def unfolded(value: bytes) -> str:
    """The value of an address field on one line, as people read it."""
    return " ".join(decode_unstructured(value).split())


def way_of(route: RouteKind, via: str) -> str:
    """The name of the sentence about a way; ``via`` is how the platform delivers (``delivery.via``)."""
    return "own" if route is RouteKind.OWN and via != "capture" else via

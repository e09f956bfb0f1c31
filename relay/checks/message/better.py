"""Better words for an impersonal mail: a ready-made text in its language, filled with what is known."""

from __future__ import annotations

from dataclasses import dataclass

from relay.checks.dated import table
from relay.checks.message.language import Language, words
from relay.checks.message.mail import Mail
from relay.checks.message.tokens import PHONE, Tokens, first

# Words that tell what a mail brings; an invoice where none of them is there.
QUOTES = frozenset(
    [
        "offerte",
        "offertes",
        "prijsopgave",
        "quote",
        "quotation",
        "estimate",
        "proposal",
        "angebot",
        "kostenvoranschlag",
        "devis",
    ]
)
CONFIRMATIONS = frozenset(
    [
        "bevestiging",
        "orderbevestiging",
        "opdrachtbevestiging",
        "afspraakbevestiging",
        "bestelling",
        "confirmation",
        "order",
        "booking",
        "appointment",
        "bestätigung",
        "auftragsbestätigung",
        "bestellbestätigung",
        "terminbestätigung",
        "bestellung",
        "auftrag",
        "commande",
        "réservation",
        "rendez-vous",
    ]
)
INVOICES = frozenset(["factuur", "invoice", "rechnung", "facture", "bill", "nota"])


@dataclass(frozen=True, slots=True)
class BetterText:
    """A subject and a text; what a program has to fill in stands in braces."""

    subject: str
    text: str


def document_kind(mail: Mail) -> str:
    """``invoice``, ``quote`` or ``confirmation``: told by the Subject first, then by the text."""
    for source in (mail.subject, mail.text):
        found = set(words(source))
        for kind, telling in (("quote", QUOTES), ("invoice", INVOICES), ("confirmation", CONFIRMATIONS)):
            if found & telling:
                return kind
    return "invoice"


def better_text(mail: Mail, language: Language, tokens: Tokens, known: str = "", company: str = "") -> BetterText:
    """A text for this mail. What the mail says already stays in it; the rest is a place to fill."""
    rows = table("better_text")[language.name]
    given = {
        "name": known or tokens.recipient,
        "company": company or tokens.company,
        "number": tokens.number,
        "amount": tokens.amount,
        "due": "",
        "phone": first(PHONE, mail.text),
    }
    filled = {name: value or f"{{{rows['words'][name]}}}" for name, value in given.items()}
    row = rows[document_kind(mail)]
    text = row["text"].strip().format_map(filled).replace("..", ".")  # of a company with a stop at its end
    return BetterText(row["subject"].format_map(filled), text)

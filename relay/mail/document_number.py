"""The number of an invoice or another document, where the subject of its mail says it."""

from __future__ import annotations

import re

WORDS = (
    "factuur|creditfactuur|creditnota|offerte|order|orderbevestiging|opdracht|pakbon|werkbon|bestelling|nota"
    "|invoice|credit note|quote|quotation|estimate|packing slip|work order|purchase order|confirmation"
    "|rechnung|gutschrift|angebot|auftrag|auftragsbestätigung|bestellung|lieferschein"
    "|facture|avoir|devis|commande|confirmation de commande|bon de livraison"
)
SIGN = r"(?:s?nummer|number|nr|no|num|numéro|n[°º]|№|#|:|\.|id)"
NUMBER = r"[A-Z]{0,6}[-./_]?\d[A-Z0-9]*(?:[-./_][A-Z0-9]+)*"
PATTERN = re.compile(
    rf"(?<!\w)(?:{WORDS})(?P<sign>(?:[ \t-]?{SIGN}){{0,3}})[ \t]*(?P<number>{NUMBER})(?![\w%€$£@]|[.,]\d)",
    re.IGNORECASE,
)
AMOUNT = re.compile(r"\s*(?:[€$£%]|eur|usd|days?\b|dagen\b|tage?\b|jours?\b|x\b|stuks?\b|items?\b)", re.IGNORECASE)
YEAR = re.compile(r"(?:19|20)\d\d")
DATE = re.compile(r"\d{1,2}[-./]\d{1,2}[-./](?:\d\d|\d{4})|\d{4}[-./]\d{1,2}[-./]\d{1,2}")
LONGEST = 30  # characters
FEWEST_DIGITS = 3  # of a number without a sign before it


def document_number(subject: str) -> str | None:
    """The number behind the first word for a document, as it is written there: ``2026-0042`` of "Factuur 2026-0042 van
    Bakker". None when there is none, or when it may as well be a year, a date, an amount or a count."""
    for match in PATTERN.finditer(subject[:300]):
        number = match["number"]
        signed = bool(match["sign"].strip(" -\t"))
        plain = YEAR.fullmatch(number) or DATE.fullmatch(number) or AMOUNT.match(subject, match.end())
        short = not signed and sum(char.isdigit() for char in number) < FEWEST_DIGITS
        if len(number) <= LONGEST and not plain and not short:
            return number
    return None

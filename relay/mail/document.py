"""The document type of a message (rules F): what the app says it is, and what must stay inside the company."""

from __future__ import annotations

from relay.mail.message import Message
from relay.mail.reply import Refusal

DOCUMENT_FIELD = "x-relay-document"
BUILT_IN = ("invoice", "quote", "confirmation", "packing-slip", "work-order")
DEFAULT = "invoice"
INTERNAL_ONLY = frozenset({"packing-slip", "work-order"})


def document_of(message: Message) -> str | Refusal:
    """The type named by X-Relay-Document, else the default. Refused: a type that does not exist, and one that may
    only go to fixed internal addresses while the tenant has none."""
    field = message.first(DOCUMENT_FIELD)
    if field is None:
        return DEFAULT
    document = field.value.decode("ascii", "replace").strip().lower()
    if document not in BUILT_IN:
        return Refusal(550, "5.6.0", "document.unknown", {"document": document[:80], "known": ", ".join(BUILT_IN)})
    if document in INTERNAL_ONLY:
        return Refusal(550, "5.7.1", "document.internal_only", {"document": document})
    return document

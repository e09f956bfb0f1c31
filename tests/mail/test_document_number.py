"""Numbers of documents in subjects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.mail.document_number import LONGEST, document_number


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("Factuur 2026-0042 van Bakker B.V.", "2026-0042"),
        ("Uw factuur F2026.0042", "F2026.0042"),
        ("Factuurnummer: 20260042", "20260042"),
        ("Factuurnr. 42", "42"),
        ("Factuur nr 7", "7"),
        ("FACTUUR 20260042.", "20260042"),
        ("Herinnering: factuur 2026/0042 (tweede)", "2026/0042"),
        ("Invoice #INV-00123", "INV-00123"),
        ("Your invoice no. 1042 is ready", "1042"),
        ("Quote Q-1009, revised", "Q-1009"),
        ("Rechnung Nr. 2026/15", "2026/15"),
        ("Rechnungsnummer 20260015", "20260015"),
        ("Facture n° FA0012", "FA0012"),
        ("Offerte 2026-11-B", "2026-11-B"),
        ("Factuur november; factuur 2026-0043", "2026-0043"),
    ],
)
def test_a_number_is_found_as_it_is_written(subject, number):
    assert document_number(subject) == number


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "Factuur",
        "Factuur november 2026",
        "Factuur 2026",
        "Factuur 24-11-2026",
        "Invoice 2026-11-24",
        "Invoice 250 EUR",
        "Factuur 1250,00",
        "Invoice 100% paid",
        "Invoice 14 days overdue",
        "Invoice 120 days overdue",
        "Invoice for 300 items",
        "Betaling 2026-0042",
        "Reinvoice12345",
        "Order 123456@shop.example",
        "Factuur " + "9" * 31,
    ],
)
def test_what_may_be_something_else_is_not_a_number(subject):
    assert document_number(subject) is None


@given(st.text(max_size=400))
def test_a_number_is_short_and_part_of_any_subject(subject):
    number = document_number(f"Factuur {subject}")
    assert number is None or (len(number) <= LONGEST and number in f"Factuur {subject}" and number.isprintable())

"""H14: a work order or a packing slip reaches nobody outside, however it is addressed."""

from __future__ import annotations

import pytest

from relay.mail.address import parse_address

OUTSIDE = "klant@customer.example"


@pytest.mark.parametrize("document", ["work-order", "packing-slip", "Work-Order", " work-order "])
@pytest.mark.parametrize("fields", [f"To: {OUTSIDE}\r\n", f"To: info@bakker.example\r\nCc: {OUTSIDE}\r\n", ""])
async def test_inside_documents_are_refused_for_customers(desk, document: str, fields: str) -> None:
    header = f"From: info@bakker.example\r\nX-Relay-Document: {document}\r\n{fields}"
    reply = await desk.submit(header, to=parse_address(OUTSIDE))
    assert (reply.code, reply.enhanced) == (550, "5.7.1"), reply.text
    assert desk.outbox.queued == []


@pytest.mark.parametrize("document", ["invoice", "quote", "confirmation"])
async def test_other_documents_go_out(desk, document: str) -> None:
    header = f"From: info@bakker.example\r\nX-Relay-Document: {document}\r\nTo: {OUTSIDE}\r\n"
    assert (await desk.submit(header, to=parse_address(OUTSIDE))).code == 250
    assert [each.recipient for each in desk.left().deliveries] == [OUTSIDE]
    assert b"X-Relay" not in desk.left().message.header
